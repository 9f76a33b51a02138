package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/tests/internal/contractdoc"
	"github.com/certuse/cloudflare-mtls/tests/internal/publishedfragment"
)

const opAssociations = "listMTLSCertificateAssociations"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setEnv sets all environment variables that the command reads.
func setEnv(t *testing.T, values map[string]string) {
	t.Helper()
	for _, name := range []string{
		"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_EMAIL", "CLOUDFLARE_API_KEY",
		"CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_MTLS_CERTIFICATE_ID", "CLOUDFLARE_BASE_URL",
	} {
		t.Setenv(name, values[name])
	}
}

// runIn runs the command in an environment and returns its output.
func runIn(t *testing.T, env map[string]string) (code int, output string) {
	t.Helper()
	setEnv(t, env)
	var out strings.Builder
	code = run(t.Context(), &out)
	return code, out.String()
}

func TestAMissingEnvironmentIsReported(t *testing.T) {
	code, output := runIn(t, nil)
	if code != 0 || !strings.HasPrefix(output, "contract-live: did not run: set CLOUDFLARE_API_TOKEN") {
		t.Errorf("exit %d: %s", code, output)
	}
}

func TestAnIncompleteEnvironmentIsAnError(t *testing.T) {
	full := map[string]string{"CLOUDFLARE_API_TOKEN": "t0ken", "CLOUDFLARE_ACCOUNT_ID": "a", "CLOUDFLARE_MTLS_CERTIFICATE_ID": "c"}
	for _, missing := range []string{"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_MTLS_CERTIFICATE_ID"} {
		env := map[string]string{}
		for name, value := range full {
			if name != missing {
				env[name] = value
			}
		}
		if code, output := runIn(t, env); code != 2 || !strings.Contains(output, "did not run") || !strings.Contains(output, missing) {
			t.Errorf("without %s: exit %d: %s", missing, code, output)
		}
	}
	full["CLOUDFLARE_ACCOUNT_ID"] = "../a"
	if code, output := runIn(t, full); code != 2 || !strings.Contains(output, "AccountID") {
		t.Errorf("invalid account id: exit %d: %s", code, output)
	}
	full["CLOUDFLARE_ACCOUNT_ID"], full["CLOUDFLARE_BASE_URL"] = "a", "ftp://example.com"
	if code, output := runIn(t, full); code != 2 || !strings.Contains(output, "scheme") {
		t.Errorf("invalid base URL: exit %d: %s", code, output)
	}
}

func fakeEnv(server *apitest.Server, cert api.CertificateRef) map[string]string {
	return map[string]string{
		"CLOUDFLARE_API_TOKEN": apitest.DefaultAPIToken, "CLOUDFLARE_BASE_URL": server.URL(),
		"CLOUDFLARE_ACCOUNT_ID": cert.AccountID, "CLOUDFLARE_MTLS_CERTIFICATE_ID": cert.ID,
	}
}

func TestFakeServerKeepsToTheContract(t *testing.T) {
	server, cert := newFake(t)
	if err := server.SetAssociations(cert, api.Association{Service: "gateway", Status: "pending_deployment"}); err != nil {
		t.Fatal(err)
	}
	code, output := runIn(t, fakeEnv(server, cert))
	want := []string{
		"the certificate: ok\n    in_use, 1 associations, truncated false\na certificate that does not exist: ok\n", "HTTP 404",
		"an unknown token: ok\n", "HTTP 401",
		"0 violations in requests and 0 in responses, " + driftIn(output) + ", 0 unchecked",
	}
	for _, id := range readOperations(t) {
		want = append(want, id+": ok\n    HTTP 200 OK, ")
	}
	for _, part := range want {
		if !strings.Contains(output, part) {
			t.Errorf("%q is missing", part)
		}
	}
	if code != 0 || t.Failed() {
		t.Errorf("exit %d:\n%s", code, output)
	}
	for _, request := range server.Requests() {
		if request.Operation == "listHostnameAssociations" && request.Query.Get("mtls_certificate_id") != cert.ID ||
			request.Operation == "listZones" && request.Query.Get("account.id") != cert.AccountID {
			t.Errorf("asked for another list: %+v", request)
		}
	}
}

// readOperations names the read operations of the contract.
func readOperations(t *testing.T) []string {
	t.Helper()
	operations, err := contractdoc.Operations()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for id, op := range operations {
		if op.Method == http.MethodGet {
			ids = append(ids, id)
		}
	}
	if len(ids) < 11 {
		t.Fatalf("only %q are left", ids)
	}
	return ids
}

func TestOperationsWithoutObjectsAreSkipped(t *testing.T) {
	server, err := apitest.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	cert := api.CertificateRef{AccountID: "0a1b", ID: certificateID}
	if err := server.SetAssociations(cert); err != nil {
		t.Fatal(err)
	}
	code, output := runIn(t, fakeEnv(server, cert))
	for _, part := range []string{
		"getWorkerSettings: not asked\n    no script_name: its list is empty or was not read\n",
		"listHostnameAssociations: not asked\n    no zone_id: its list is empty or was not read\n",
	} {
		if !strings.Contains(output, part) {
			t.Errorf("%q is missing", part)
		}
	}
	if code != 0 || t.Failed() {
		t.Errorf("exit %d:\n%s", code, output)
	}
}

func TestTheCheckFailsIfAnyReadFails(t *testing.T) {
	for _, id := range readOperations(t) {
		for name, response := range map[string]apitest.Response{
			"forbidden": apitest.Forbidden(), "breach": apitest.NullResult(), "cut": apitest.NoResult().CutAfter(9),
		} {
			server, cert := newFake(t)
			target := apitest.Target{Operation: id, Parameters: map[string]string{}}
			if id == opAssociations { // the probes of the client come first
				if err := server.Script(target, apitest.NoAssociations(), apitest.NotFound()); err != nil {
					t.Fatal(err)
				}
			}
			if err := server.Script(target, response.Always()); err != nil {
				t.Fatal(err)
			}
			code, output := runIn(t, fakeEnv(server, cert))
			if code != 1 || !strings.Contains(output, id+": FAILED\n") || strings.Count(output, "FAILED") != 1 {
				t.Errorf("%s, %s: exit %d:\n%s", id, name, code, output)
			}
		}
	}
}

// driftIn counts the lines of output about drift, and returns the words with which the
// summary must state their number.
func driftIn(output string) string {
	return fmt.Sprintf("%d points of drift", strings.Count(output, "    drift (status "))
}

const certificateID = "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"

// newFake returns a server with a certificate, a zone and a Worker, so that there is an
// id for each parameter.
func newFake(t *testing.T) (*apitest.Server, api.CertificateRef) {
	t.Helper()
	server, err := apitest.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	cert := api.CertificateRef{AccountID: "0a1b", ID: certificateID}
	if err := errors.Join(
		server.AddCertificate(cert, apitest.Certificate{CA: true}),
		server.AddZone(cert.AccountID, apitest.Zone{ID: "2a3b", Name: "example.com"}),
		server.AddWorker(cert.AccountID, apitest.Worker{Name: "checkout"}),
	); err != nil {
		t.Fatal(err)
	}
	return server, cert
}

func TestMissingRefusedAndWrongResponsesFailTheCheck(t *testing.T) {
	for name, tt := range map[string]struct {
		response apitest.Response
		want     string
	}{
		"null result":    {apitest.NullResult(), "bad response (status 200"},
		"edge page":      {apitest.EdgePage(403), "at /header/Content-Type"},
		"unsuccessful":   {apitest.Unsuccessful(), "at /success"},
		"no response":    {apitest.Reset().Always(), "the certificate: FAILED"},
		"cut response":   {apitest.NoAssociations().CutAfter(9).Always(), "unchecked"},
		"not authorised": {apitest.Forbidden(), "the certificate: FAILED"},
	} {
		server, cert := newFake(t)
		if err := server.Script(apitest.AssociationsOf(cert), tt.response); err != nil {
			t.Fatal(err)
		}
		code, output := runIn(t, fakeEnv(server, cert))
		if code != 1 || !strings.Contains(output, tt.want) || !strings.Contains(output, "the certificate: FAILED\n") {
			t.Errorf("%s: exit %d:\n%s", name, code, output)
		}
	}
}

func TestBreachesAreCountedAsViolations(t *testing.T) {
	server, cert := newFake(t)
	if err := server.Script(apitest.AssociationsOf(cert), apitest.Unsuccessful()); err != nil { // success is false, result null
		t.Fatal(err)
	}
	code, output := runIn(t, fakeEnv(server, cert))
	if want := "0 violations in requests and 2 in responses,"; code != 1 || !strings.Contains(output, want) {
		t.Errorf("exit %d, want 1 and %q:\n%s", code, want, output)
	}
}

// An API that sends a success where it must refuse could make used certificates look
// unused.
func TestUnexpectedSuccessFails(t *testing.T) {
	const noResult = `{"errors":[],"messages":[],"success":true}`
	for name, tt := range map[string]struct {
		grants func(*http.Request) bool
		body   string
		want   string
	}{
		"unknown token":       {isInvalidToken, unused, "an unknown token: FAILED\n    unused"},
		"missing certificate": {isMissingCertificate, unused, "a certificate that does not exist: FAILED\n    unused"},
		"without a list":      {isMissingCertificate, noResult, "a certificate that does not exist: FAILED\n"},
	} {
		fake, cert := newFake(t)
		if err := fake.SetAssociations(cert); err != nil {
			t.Fatal(err)
		}
		generous := newGenerous(t, fake, tt.grants, tt.body)
		env := fakeEnv(fake, cert)
		env["CLOUDFLARE_BASE_URL"] = generous
		code, output := runIn(t, env)
		if code != 1 || strings.Count(output, "FAILED") != 1 || !strings.Contains(output, tt.want) ||
			!strings.Contains(output, "the API did not refuse this call but responded with status 200") {
			t.Errorf("%s: exit %d:\n%s", name, code, output)
		}
	}
}

const unused = `{"errors":[],"messages":[],"success":true,"result":[]}`

func isInvalidToken(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Authorization"), "invalid")
}

func isMissingCertificate(r *http.Request) bool { return strings.Contains(r.URL.Path, "/00000000-") }

// newGenerous returns the base URL of a server that grants some requests and forwards
// the others to the fake.
func newGenerous(t *testing.T, fake *apitest.Server, grants func(*http.Request) bool, body string) string {
	t.Helper()
	target, err := url.Parse(fake.URL())
	if err != nil {
		t.Fatal(err)
	}
	path := target.Path
	target.Path = ""
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{DisableKeepAlives: true},
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !grants(r) {
			proxy.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL + path
}

func TestDriftIsPrintedAndPasses(t *testing.T) {
	server, cert := newFake(t)
	body, err := contractdoc.Filled(opAssociations, 200, []byte(`{"errors":[],"messages":[],"success":true,"result":[{"service":"workers","status":"pending_deployment","undocumented":1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Script(apitest.AssociationsOf(cert), apitest.JSON(200, string(body))); err != nil {
		t.Fatal(err)
	}
	code, output := runIn(t, fakeEnv(server, cert))
	for _, part := range []string{"drift (status 200", "/result/0/undocumented: undocumented field", "/result/0/service: new value", driftIn(output)} {
		if !strings.Contains(output, part) {
			t.Errorf("%q is missing", part)
		}
	}
	if code != 0 || t.Failed() {
		t.Errorf("exit %d:\n%s", code, output)
	}
}

// The mock serves only the published operation, with email and key. The test adds the
// members that the contract requires and the mock's responses lack. The mock's failure
// has a member of a success, which is drift.
func TestMockOfThePublishedFragmentKeepsToTheContract(t *testing.T) {
	op, err := publishedfragment.Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	mock := op.Mock()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		response := httptest.NewRecorder()
		mock.ServeHTTP(response, r)
		body, err := contractdoc.Filled(opAssociations, response.Code, response.Body.Bytes())
		if err != nil {
			t.Error(err)
		}
		maps.Copy(w.Header(), response.Header())
		w.WriteHeader(response.Code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	code, output := runIn(t, map[string]string{
		"CLOUDFLARE_EMAIL": "owner@example.com", "CLOUDFLARE_API_KEY": "k3y", "CLOUDFLARE_BASE_URL": server.URL + publishedfragment.BasePath,
		"CLOUDFLARE_ACCOUNT_ID": op.Identifier(), "CLOUDFLARE_MTLS_CERTIFICATE_ID": op.Identifier(),
	})
	for _, part := range []string{
		"in_use, 1 associations, truncated true", "listMTLSCertificateAssociations: ok\n    HTTP 200 OK, ", "listZones: FAILED\n    HTTP 404 Not Found\n",
		"listHostnameAssociations: not asked\n    no zone_id: its list is empty or was not read\n", "drift (status 404) at /result_info: undocumented field",
		"drift (status 400) at /result_info: undocumented field",
		"0 violations in requests and 0 in responses, " + driftIn(output) + ", 0 unchecked",
	} {
		if !strings.Contains(output, part) {
			t.Errorf("%q is missing", part)
		}
	}
	if code != 1 || t.Failed() {
		t.Errorf("exit %d:\n%s", code, output)
	}
}
