package mutation

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/api/contract"
)

// tampering changes each request before the next transport sends it.
type tampering struct {
	next   http.RoundTripper
	change func(*http.Request)
}

func (t tampering) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	t.change(req)
	return t.next.RoundTrip(req)
}

// The contract check and the fake server both detect a change of any detail of the
// request.
func TestBreakingADetailOfTheRequestIsCaught(t *testing.T) {
	t.Parallel()
	path := func(old, with string) func(*http.Request) {
		return func(r *http.Request) {
			r.URL.Path, r.URL.RawPath = strings.Replace(r.URL.Path, old, with, 1), ""
		}
	}
	without := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Del(name) }
	}
	token, key := api.APIToken("t0ken"), api.APIKey("owner@example.com", "k3y")
	details := []struct {
		detail      string
		credentials api.Credentials
		change      func(*http.Request)
		want        string // class and place
	}{
		{"the method is GET", token, func(r *http.Request) { r.Method = http.MethodPost }, "outside /path"},
		{"the base path is kept", token, path("/client/v4", "/client"), "outside /path"},
		{"the path is that of the operation", token, path("associations", "association"), "outside /path"},
		{"the account is in its place", token, path("/"+cert.AccountID, ""), "outside /path"},
		{"the certificate is in its place", token, path("/"+cert.ID, "/x/y"), "outside /path"},
		{"an id stays one segment", token, path(cert.AccountID, "a/b"), "outside /path"},
		{"an id is not a dot segment", token, path(cert.AccountID, ".."), "bad request /path/account_id"},
		{"the account id is not too long", token, path(cert.AccountID, strings.Repeat("a", 33)), "bad request /path/account_id"},
		{"the certificate id is not too long", token, path(cert.ID, strings.Repeat("c", 65)), "bad request /path/mtls_certificate_id"},
		{"the token is sent", token, without("Authorization"), "bad request /security"},
		{"the token has its scheme", token, func(r *http.Request) { r.Header.Set("Authorization", "t0ken") }, "bad request /security"},
		{"the token is sent once", token, func(r *http.Request) { r.Header.Add("Authorization", "Bearer u") }, "bad request /security"},
		{"the email is sent", key, without("X-Auth-Email"), "bad request /security"},
		{"the key is sent", key, without("X-Auth-Key"), "bad request /security"},
		{"the key has its header", key, func(r *http.Request) { r.Header.Del("X-Auth-Key"); r.Header.Set("X-Api-Key", "k3y") }, "bad request /security"},
		{"there is no query", token, func(r *http.Request) { r.URL.RawQuery = url.Values{"per_page": {"50"}}.Encode() }, "bad request /query/per_page"},
		{"there is no body", token, func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2 }, "bad request /body"},
	}
	for _, tt := range details {
		t.Run(tt.detail, func(t *testing.T) {
			t.Parallel()
			server, err := apitest.NewServer(apitest.WithAPIToken("t0ken"), apitest.WithAPIKey("owner@example.com", "k3y"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Close)
			if err := server.SetAssociations(cert); err != nil {
				t.Fatal(err)
			}
			if usage, seen, err := callThrough(t, server, tt.credentials, func(*http.Request) {}); usage != api.Unused || len(seen) > 0 {
				t.Fatalf("the unchanged request gives %v, %v, violations %v", usage, err, seen)
			}
			usage, seen, err := callThrough(t, server, tt.credentials, tt.change)
			if usage != api.UsageUnknown || err == nil {
				t.Errorf("the changed request gives %v, %v, want an error", usage, err)
			}
			if len(seen) != 1 || seen[0] != tt.want {
				t.Errorf("the contract check reports %v, want %s", seen, tt.want)
			}
			requests := server.Requests()
			if last := requests[len(requests)-1]; len(requests) != 2 || last.StatusCode < 400 || len(last.Violations) == 0 {
				t.Errorf("the fake server saw %d requests, the last %+v", len(requests), last)
			}
		})
	}
}

// callThrough reads the certificate's associations. Each request passes change, then
// the contract check.
func callThrough(t *testing.T, server *apitest.Server, credentials api.Credentials, change func(*http.Request)) (api.Usage, []string, error) {
	t.Helper()
	var seen []string
	checked, err := contract.NewTransport(&http.Transport{DisableKeepAlives: true}, contract.WithHandler(func(v contract.Violation) {
		if v.StatusCode == 0 {
			seen = append(seen, v.Class.String()+" "+v.Pointer)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	client, err := api.New(credentials, api.WithBaseURL(server.URL()), api.WithMaxAttempts(1),
		api.WithHTTPClient(&http.Client{Transport: tampering{checked, change}}))
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.Associations(t.Context(), cert)
	return list.Usage(), seen, err
}

// Swapped ids of the same form do not break the contract, but the fake server detects
// them.
func TestSwappedIDsAreCaught(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	one := api.CertificateRef{AccountID: "a", ID: "b"}
	if err := server.SetAssociations(one); err != nil {
		t.Fatal(err)
	}
	client, err := server.Client(api.WithMaxAttempts(1))
	if err != nil {
		t.Fatal(err)
	}
	if list, err := client.Associations(t.Context(), one); err != nil || list.Usage() != api.Unused {
		t.Errorf("%v, %v", list.Usage(), err)
	}
	if list, err := client.Associations(t.Context(), api.CertificateRef{AccountID: "b", ID: "a"}); err == nil {
		t.Errorf("swapped ids gave %v", list.Usage())
	}
}
