package apitest_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

var (
	cert    = api.CertificateRef{AccountID: "0a1b2c3d", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}
	gateway = api.Association{Service: "gateway", Status: "active"}
)

func newServer(t *testing.T, opts ...apitest.Option) *apitest.Server {
	t.Helper()
	server, err := apitest.NewServer(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

func newClient(t *testing.T, server *apitest.Server, opts ...api.Option) *api.Client {
	t.Helper()
	client, err := server.Client(append([]api.Option{api.WithMaxAttempts(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func script(t *testing.T, server *apitest.Server, responses ...apitest.Response) {
	t.Helper()
	if err := server.Script(apitest.AssociationsOf(cert), responses...); err != nil {
		t.Fatal(err)
	}
}

func TestServerReturnsWhatWasSet(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	client := newClient(t, server)
	sibling := api.CertificateRef{AccountID: cert.AccountID, ID: "sibling"}
	otherAccount := api.CertificateRef{AccountID: "other", ID: cert.ID}
	if err := errors.Join(server.SetAssociations(cert, gateway, gateway), server.SetAssociations(sibling)); err != nil {
		t.Fatal(err)
	}
	list, err := client.Associations(t.Context(), cert)
	if err != nil || len(list.Associations) != 2 || list.Truncated || list.RayID == "" {
		t.Errorf("set certificate: %+v, %v", list, err)
	}
	list, err = client.Associations(t.Context(), sibling)
	if err != nil || list.Usage() != api.Unused {
		t.Errorf("certificate without associations: %+v, %v", list, err)
	}
	if _, err = client.Associations(t.Context(), otherAccount); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("certificate of another account: %v", err)
	}
	if err := server.SetAssociations(cert); err != nil {
		t.Fatal(err)
	}
	if list, err = client.Associations(t.Context(), cert); err != nil || list.Usage() != api.Unused {
		t.Errorf("certificate set again: %+v, %v", list, err)
	}
}

func TestSetAssociationsKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	rows := []api.Association{gateway}
	if err := server.SetAssociations(cert, rows...); err != nil {
		t.Fatal(err)
	}
	rows[0].Service = "changed"
	list, err := newClient(t, server).Associations(t.Context(), cert)
	if err != nil || list.Associations[0] != gateway {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestCredentialsAreCheckedAsTheVendorDoes(t *testing.T) {
	t.Parallel()
	const email, key = "owner@example.com", "0123456789abcdef"
	tests := []struct {
		name   string
		header http.Header
		status int
		code   string
	}{
		{"right token", http.Header{"Authorization": {"Bearer right"}}, 200, ""},
		{"right key", http.Header{"X-Auth-Email": {email}, "X-Auth-Key": {key}}, 200, ""},
		{"none", nil, 400, "9106"},
		{"email alone", http.Header{"X-Auth-Email": {email}}, 400, "9107"},
		{"key alone", http.Header{"X-Auth-Key": {key}}, 400, "9107"},
		{"basic", http.Header{"Authorization": {"Basic eDp5"}}, 400, "6111"},
		{"no scheme", http.Header{"Authorization": {"right"}}, 400, "6111"},
		{"no token", http.Header{"Authorization": {"Bearer"}}, 400, "6111"},
		{"wrong token", http.Header{"Authorization": {"Bearer wrong"}}, 401, "10000"},
		{"wrong key", http.Header{"X-Auth-Email": {email}, "X-Auth-Key": {"x"}}, 401, "10000"},
		{"wrong email", http.Header{"X-Auth-Email": {"x"}, "X-Auth-Key": {key}}, 401, "10000"},
	}
	server := newServer(t, apitest.WithAPIToken("right"), apitest.WithAPIKey(email, key))
	if err := server.SetAssociations(cert, gateway); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body, err := send(t, server, "GET", associationsPath, "", tt.header)
			if err != nil || resp.StatusCode != tt.status || !strings.Contains(body, tt.code) {
				t.Errorf("%+v, %s, %v", resp, body, err)
			}
		})
	}
	script(t, server, apitest.NoAssociations())
	wrong, err := api.New(api.APIToken("wrong"), api.WithBaseURL(server.URL()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Associations(t.Context(), cert); !errors.Is(err, api.ErrUnauthorized) {
		t.Errorf("wrong token with a script: %v", err)
	}
	if list, err := newClient(t, server).Associations(t.Context(), cert); err != nil || list.Usage() != api.Unused {
		t.Errorf("the refused request used up the script: %v, %v", list, err)
	}
}

// associationsPath is the path of the associations of cert.
var associationsPath = "/accounts/" + cert.AccountID + "/mtls_certificates/" + cert.ID + "/associations"

// authorized has the header of valid credentials.
var authorized = http.Header{"Authorization": {"Bearer " + apitest.DefaultAPIToken}}

// send sends one request with net/http, without retries, and reads the response.
func send(t *testing.T, server *apitest.Server, method, path, body string, header http.Header) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func TestRequestsOutsideTheContractAreRefusedAndRecorded(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]struct {
		status int
		place  string
	}{
		"/elsewhere": {404, "outside /path"},
		"/accounts/a/mtls_certificates/c/associations?unknown=2":                     {400, "bad request /query/unknown"},
		"/accounts/a/mtls_certificates/" + strings.Repeat("c", 65) + "/associations": {400, "bad request /path/mtls_certificate_id"},
	} {
		server := newServer(t)
		resp, body, err := send(t, server, "GET", path, "", authorized)
		if err != nil || resp.StatusCode != want.status || !strings.Contains(body, "7003") {
			t.Errorf("%s: %+v, %s, %v", path, resp, body, err)
		}
		seen := server.Requests()
		if len(seen) != 1 || len(seen[0].Violations) != 1 ||
			seen[0].Violations[0].Class.String()+" "+seen[0].Violations[0].Pointer != want.place {
			t.Errorf("%s: %+v", path, seen)
		}
	}
}

func TestRequestsAreRecordedWithoutCredentials(t *testing.T) {
	t.Parallel()
	server := newServer(t, apitest.WithAPIKey("canary@example.com", "canary-key"))
	if _, err := newClient(t, server).Associations(t.Context(), cert); !errors.Is(err, api.ErrNotFound) {
		t.Fatal(err)
	}
	seen := server.Requests()
	if len(seen) != 1 {
		t.Fatalf("%d requests", len(seen))
	}
	got := seen[0]
	want := apitest.Request{
		Operation: "listMTLSCertificateAssociations", Certificate: cert, Method: "GET", StatusCode: 404, Time: got.Time, Query: url.Values{},
		Path:   "/client/v4/accounts/" + cert.AccountID + "/mtls_certificates/" + cert.ID + "/associations",
		Header: http.Header{"X-Auth-Email": {"[redacted]"}, "X-Auth-Key": {"[redacted]"}},
	}
	got.Header = http.Header{"X-Auth-Email": got.Header["X-Auth-Email"], "X-Auth-Key": got.Header["X-Auth-Key"]}
	if diff := cmp.Diff(want, got); diff != "" || got.Time.IsZero() {
		t.Errorf("recorded at %v (-want +got):\n%s", got.Time, diff)
	}
}

func TestEveryCredentialHeaderIsRecordedRedacted(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+"/other", nil)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"Authorization", "Proxy-Authorization", "X-Auth-Key", "X-Auth-Email", "Cookie"}
	for _, name := range names {
		req.Header[name] = []string{"canary-" + name}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	seen := server.Requests()
	if len(seen) != 1 {
		t.Fatalf("%d requests", len(seen))
	}
	for _, name := range names {
		if got := seen[0].Header.Values(name); len(got) != 1 || got[0] != "[redacted]" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestServerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	client := newClient(t, server)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if err := errors.Join(server.SetAssociations(cert, gateway), server.Script(apitest.Target{}, apitest.NoAssociations())); err != nil {
					t.Error(err)
				}
				if _, err := client.Associations(t.Context(), cert); err != nil {
					t.Error(err)
				}
				_ = server.Requests()
			}
		})
	}
	wg.Wait()
	if n := len(server.Requests()); n != 160 {
		t.Errorf("%d requests recorded, want 160", n)
	}
}

func TestUnusableArgumentsAreRefused(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]apitest.Option{
		"nil": nil, "no token": apitest.WithAPIToken(""), "token with space": apitest.WithAPIToken("a b"),
		"no email": apitest.WithAPIKey("", "k"), "no key": apitest.WithAPIKey("e", ""), "empty pages": apitest.WithPageSize(0),
		"token outside ASCII": apitest.WithAPIToken("é"), "key that headers lose": apitest.WithAPIKey("e", "k "), "email with a line": apitest.WithAPIKey("e\n", "k"),
	} {
		if server, err := apitest.NewServer(opt); err == nil {
			server.Close()
			t.Errorf("option %s was accepted", name)
		}
	}
	server := newServer(t)
	if err := server.SetAssociations(cert, api.Association{Service: "\xff"}); err == nil {
		t.Error("text that is not UTF-8 was accepted")
	}
	nowhere := api.CertificateRef{AccountID: "a/b", ID: "c"}
	if err := server.SetAssociations(nowhere); !errors.Is(err, api.ErrInvalidArgument) {
		t.Errorf("ids that no client sends: %v", err)
	}
	if err := server.Script(apitest.AssociationsOf(nowhere), apitest.NoAssociations()); !errors.Is(err, api.ErrInvalidArgument) {
		t.Errorf("script for ids that no client sends: %v", err)
	}
	for name, response := range map[string]apitest.Response{
		"zero value":                 {},
		"status 99":                  apitest.Raw(99, "", ""),
		"failure 200":                apitest.Failure(200),
		"failure 500":                apitest.Failure(500),
		"redirect 200":               apitest.Redirect(200, "/"),
		"server error 404":           apitest.ServerError(404),
		"negative wait":              apitest.RateLimited(-1),
		"part larger than all":       apitest.PartialAssociations(0, gateway),
		"no times":                   apitest.NoAssociations().Times(0),
		"negative delay":             apitest.NoAssociations().After(-1),
		"negative pause":             apitest.NoAssociations().Dripped(-1),
		"negative cut":               apitest.NoAssociations().CutAfter(-1),
		"undocumented status":        apitest.JSON(302, `{}`),
		"broken contract":            apitest.JSON(200, `{"errors":[],"messages":[],"success":false}`),
		"name with a space":          apitest.NoAssociations().WithHeader("Retry After", "5"),
		"value with a line":          apitest.NoAssociations().WithHeader("X", "a\r\nb"),
		"header breaks the contract": apitest.NoAssociations().WithHeader("Content-Type", "text/html"),
		"message is not UTF-8":       apitest.Failure(400, api.ErrorDetail{Code: 1, Message: "\xff"}),
		"legacy error is not UTF-8":  apitest.LegacyError(400, api.ErrorDetail{Message: "\xff"}),
		"negative times":             apitest.Unsuccessful().WithHeader("X", "y").Times(-3),
	} {
		if err := server.Script(apitest.AssociationsOf(cert), apitest.NoAssociations(), response); err == nil || !strings.HasPrefix(err.Error(), "response 1: apitest: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := newClient(t, server).Associations(t.Context(), cert); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("part of a refused script was queued: %v", err)
	}
}

func TestResponsesThatCouldNeverBeSentAreRefused(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	if err := server.Script(apitest.AssociationsOf(cert), apitest.NoAssociations().Always(), apitest.NotFound()); err == nil {
		t.Error("a response after one with Always was accepted")
	}
	script(t, server, apitest.NotFound(), apitest.NoAssociations().Always())
	if err := server.Script(apitest.AssociationsOf(cert), apitest.NotFound()); err == nil {
		t.Error("a response was accepted after one with Always")
	}
	if err := server.Script(apitest.Target{}, apitest.Reset().Always(), apitest.Reset()); err == nil {
		t.Error("a script of any request accepted a response after one with Always")
	}
}

func TestHostnamesOfADeletedCertificateAreNotFound(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	if err := errors.Join(
		server.AddZone(cert.AccountID, apitest.Zone{ID: "zone"}), server.AddCertificate(cert, apitest.Certificate{CA: true}),
		server.SetHostnames("zone", cert.ID),
	); err != nil {
		t.Fatal(err)
	}
	hostnames := "/zones/zone/certificate_authorities/hostname_associations?mtls_certificate_id=" + cert.ID
	before := sendValid(t, server, "GET", hostnames, "")
	deleted := sendValid(t, server, "DELETE", "/mtls_certificates/"+cert.ID, "")
	after := sendValid(t, server, "GET", hostnames, "")
	if before.Status != 200 || deleted.Status != 200 || after.Status != 404 || !slices.Equal(after.Codes, []int{1472}) {
		t.Errorf("before %+v, deletion %+v, after %+v", before, deleted, after)
	}
}

func TestRecordedRequestsBelongToTheCaller(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	_, _, _ = send(t, server, "GET", "/other", "", nil)
	want := fmt.Sprint(server.Requests())
	changed := server.Requests()
	changed[0].Header["User-Agent"][0] = "changed"
	changed[0].Header.Set("X-Changed", "yes")
	changed[0].Violations[0].Message = "changed"
	if got := fmt.Sprint(server.Requests()); got != want {
		t.Errorf("after a change by the caller:\n%s\nwant\n%s", got, want)
	}
}
