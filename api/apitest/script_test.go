package apitest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestPermissionsCanBeRemoved(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	if err := errors.Join(server.AddAccount(cert.AccountID), server.SetForbidden("listWorkers", "listZones"),
		server.Script(apitest.Target{Operation: "listWorkers"}, apitest.Failure(418))); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/workers/scripts": 403, "/zones": 403, "/mtls_certificates": 200} {
		if got := sendValid(t, server, "GET", path, ""); got.Status != want || want == 403 && !slices.Equal(got.Codes, []int{10000}) {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if err := server.SetForbidden("listwork"); err == nil || !strings.Contains(err.Error(), `no operation "listwork"; it has `) || !strings.Contains(err.Error(), "listWorkers, ") {
		t.Errorf("the error for an operation that does not exist is %v", err)
	}
	if err := server.SetForbidden(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/workers/scripts": 418, "/zones": 200} {
		if got := sendValid(t, server, "GET", path, ""); got.Status != want {
			t.Errorf("%s, permitted again: %+v", path, got)
		}
	}
}

func TestTheMostSpecificScriptIsUsed(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	target := func(operation string, parameters ...string) apitest.Target {
		target := apitest.Target{Operation: operation, Parameters: map[string]string{}}
		for i := 0; i < len(parameters); i += 2 {
			target.Parameters[parameters[i]] = parameters[i+1]
		}
		return target
	}
	if err := errors.Join(server.AddAccount(cert.AccountID),
		server.Script(apitest.Target{}, apitest.Failure(410)),
		server.Script(target("listMTLSCertificates"), apitest.Failure(411)),
		server.Script(target("listMTLSCertificates", "page", "2"), apitest.Failure(412)),
		server.Script(target("listMTLSCertificates", "page", "2", "account_id", cert.AccountID), apitest.Failure(413)),
		server.Script(target("deleteMTLSCertificate", "mtls_certificate_id", "c"), apitest.Failure(414)),
		server.Script(target("listZones", "account.id", "x"), apitest.Failure(415)),
	); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, path := range []string{
		"GET /mtls_certificates?page=2", "GET /mtls_certificates?page=2", "GET /mtls_certificates?page=2", "GET /mtls_certificates?page=2", "GET /mtls_certificates?page=2",
		"DELETE /mtls_certificates/c", "DELETE /mtls_certificates/c", "GET /zones?account.id=y", "GET /zones?account.id=x",
	} {
		method, path, _ := strings.Cut(path, " ")
		got = append(got, sendValid(t, server, method, path, "").Status)
	}
	if diff := cmp.Diff([]int{413, 412, 411, 410, 200, 414, 404, 200, 415}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	zone := apitest.JSON(200, `{"errors":[],"messages":[],"success":true,"result":[{"id":7}]}`)
	for name, err := range map[string]error{
		"unknown operation":             server.Script(target("listEverything"), apitest.Failure(400)),
		"unknown parameter":             server.Script(target("listZones", "account_id", "x"), apitest.Failure(400)),
		"parameter of no operation":     server.Script(target("", "page", "2"), apitest.Failure(400)),
		"id that no client sends":       server.Script(target("getWorkerSettings", "script_name", "a/b"), apitest.Failure(400)),
		"account that is too long":      server.Script(target("listWorkers", "account_id", strings.Repeat("x", 33)), apitest.Failure(400)),
		"breach of the operation":       server.Script(target("listZones"), zone),
		"breach of every operation":     server.Script(apitest.Target{}, apitest.JSON(200, `{}`)),
		"response of another operation": server.Script(target("getGatewayConfiguration"), apitest.Associations(gateway)),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// A response that is scripted for all operations must match the contract of the
// requested one; otherwise the server responds with status 501.
func TestResponseThatDoesNotFitTheOperationIsRefused(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	if err := errors.Join(server.AddAccount(cert.AccountID), server.Script(apitest.Target{}, apitest.Associations(gateway))); err != nil {
		t.Fatal(err)
	}
	resp, body, err := send(t, server, "GET", "/accounts/"+cert.AccountID+"/gateway/configuration", "", authorized)
	if err != nil || resp.StatusCode != 501 || !strings.Contains(body, "at /result: ") {
		t.Errorf("%+v, %s, %v", resp, body, err)
	}
	if seen := server.Requests(); len(seen) != 1 || seen[0].StatusCode != 501 {
		t.Errorf("recorded %+v", seen)
	}
}

func TestValuesThatBreakTheContractAreNotStored(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	account, long := cert.AccountID, strings.Repeat("x", 65)
	if err := server.AddZone("other", apitest.Zone{ID: "zone"}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"account that no client sends":     server.AddAccount("a/b"),
		"account of 33 characters":         server.AddAccount(long[:33]),
		"zone of a long account":           server.AddZone(long[:33], apitest.Zone{ID: "other"}),
		"certificate that no client sends": server.AddCertificate(api.CertificateRef{AccountID: account, ID: "a/b"}, apitest.Certificate{}),
		"PEM that is none":                 server.AddCertificate(cert, apitest.Certificate{PEM: "PEM"}),
		"name that is no UTF-8":            server.AddCertificate(cert, apitest.Certificate{Name: "\xff"}),
		"zone of 65 characters":            server.AddZone(account, apitest.Zone{ID: long}),
		"zone of 33 characters":            server.AddZone(account, apitest.Zone{ID: long[:33]}),
		"hostnames of no zone":             server.SetHostnames("z", cert.ID, "a"),
		"hostname that is no UTF-8":        server.SetHostnames("zone", cert.ID, "\xff"),
		"hostnames of a long id":           server.SetHostnames("zone", long),
		"worker without a name":            server.AddWorker(account, apitest.Worker{}),
		"worker with a long id":            server.AddWorker(account, apitest.Worker{Name: "w", Certificates: map[string]string{"A": long}}),
		"project with a long id":           server.AddPagesProject(account, apitest.PagesProject{Name: "p", Preview: map[string]string{"A": long}}),
		"configuration with a long id":     server.AddHyperdriveConfig(account, apitest.HyperdriveConfig{ID: "h", CertificateID: long}),
		"gateway with a long id":           server.SetGateway(account, apitest.Gateway{CertificateID: long}),
		"rule with a long id":              server.AddPostureRule(account, apitest.PostureRule{ID: "r", CertificateID: long}),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if got := sendValid(t, server, "GET", "/workers/scripts", ""); got.Status != 404 {
		t.Errorf("a refused value made the account known: %+v", got)
	}
}

func TestScriptsAreUsedInTheirOrder(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	if err := errors.Join(
		server.SetAssociations(cert, gateway),
		server.Script(apitest.AssociationsOf(cert), apitest.NotFound().Times(2), apitest.Forbidden()),
		server.Script(apitest.Target{}, apitest.Unauthorized()),
	); err != nil {
		t.Fatal(err)
	}
	client := newClient(t, server)
	var statuses []int
	for range 6 {
		_, _ = client.Associations(t.Context(), cert)
	}
	for _, request := range server.Requests() {
		statuses = append(statuses, request.StatusCode)
	}
	if diff := cmp.Diff([]int{404, 404, 403, 401, 200, 200}, statuses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	script(t, server, apitest.RateLimited(0).Always())
	for range 3 {
		if _, err := client.Associations(t.Context(), cert); !errors.Is(err, api.ErrRateLimited) {
			t.Errorf("always limited: %v", err)
		}
	}
}

func TestRecordedQueryBelongsToTheCaller(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	sendValid(t, server, "GET", "/zones?account.id=a", "")
	server.Requests()[0].Query.Set("account.id", "changed")
	server.Requests()[0].Query["account.id"][0] = "changed"
	if got := server.Requests()[0].Query.Get("account.id"); got != "a" {
		t.Errorf("the query is now for %q", got)
	}
}
