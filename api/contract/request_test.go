package contract_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/api/contract"
)

func TestRequestIsCheckedAgainstTheContract(t *testing.T) {
	t.Parallel()
	atPath := func(path string) func(*http.Request) {
		return func(r *http.Request) { r.URL.Path, r.URL.RawPath = path, "" }
	}
	tests := []struct {
		name   string
		change func(*http.Request)
		want   []string
	}{
		{"token", func(*http.Request) {}, nil},
		{"scheme of the token in lower case", func(r *http.Request) { r.Header.Set("Authorization", "bearer x") }, nil},
		{"email and key", func(r *http.Request) {
			r.Header = http.Header{"X-Auth-Email": {"a@example.com"}, "X-Auth-Key": {"k"}}
		}, nil},
		{"no credentials", func(r *http.Request) { r.Header.Del("Authorization") }, []string{"bad request /security"}},
		{"email without key", func(r *http.Request) { r.Header = http.Header{"X-Auth-Email": {"a@example.com"}} }, []string{"bad request /security"}},
		{"key without email", func(r *http.Request) { r.Header = http.Header{"X-Auth-Key": {"k"}} }, []string{"bad request /security"}},
		{"basic authentication", func(r *http.Request) { r.SetBasicAuth("a", "b") }, []string{"bad request /security"}},
		{"token without scheme", func(r *http.Request) { r.Header.Set("Authorization", token) }, []string{"bad request /security"}},
		{"empty token", func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") }, []string{"bad request /security"}},
		{"two tokens", func(r *http.Request) { r.Header.Add("Authorization", "Bearer y") }, []string{"bad request /security"}},
		{"undocumented query parameter", func(r *http.Request) { r.URL.RawQuery = "unknown=2" }, []string{"bad request /query/unknown"}},
		{"query that does not parse", func(r *http.Request) { r.URL.RawQuery = "%zz" }, []string{"bad request /query"}},
		{"body of a GET", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{}")) }, []string{"bad request /body"}},
		{"account id of 33 characters", atPath("/client/v4/accounts/" + strings.Repeat("a", 33) + "/mtls_certificates/c/associations"), []string{"bad request /path/account_id"}},
		{"certificate id of 65 characters", atPath("/client/v4/accounts/a/mtls_certificates/" + strings.Repeat("c", 65) + "/associations"), []string{"bad request /path/mtls_certificate_id"}},
		{"dot segment", atPath("/client/v4/accounts/../mtls_certificates/c/associations"), []string{"bad request /path/account_id"}},
		{"two faults", func(r *http.Request) { r.Header = http.Header{}; r.URL.RawQuery = "a=b" }, []string{"bad request /query/a", "bad request /security"}},
		{"other method", func(r *http.Request) { r.Method = http.MethodPost }, []string{"outside /path"}},
		{"other path", atPath("/client/v4/accounts/a/access/certificates"), []string{"outside /path"}},
		{"base path lost", atPath("/client/accounts/a/mtls_certificates/c/associations"), []string{"outside /path"}},
		{"empty id", atPath("/client/v4/accounts//mtls_certificates/c/associations"), []string{"outside /path"}},
		{"trailing slash", atPath("/client/v4/accounts/a/mtls_certificates/c/associations/"), []string{"outside /path"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := get(t)
			tt.change(req)
			before := req.Clone(t.Context())
			got, err := contract.CheckRequest(req)
			if err != nil {
				t.Fatal(err)
			}
			wantViolations(t, got, tt.want...)
			if diff := cmp.Diff(before.Header, req.Header); diff != "" || before.URL.String() != req.URL.String() {
				t.Errorf("the request was changed: %s", diff)
			}
			for _, v := range got {
				if v.Message == "" || (v.Class == contract.BadRequest && v.StatusCode != 0) {
					t.Errorf("unclear violation %+v", v)
				}
			}
		})
	}
}

func TestBodyOfARequestIsNotRead(t *testing.T) {
	t.Parallel()
	req := get(t)
	body := strings.NewReader("payload")
	req.Body = io.NopCloser(body)
	if _, err := contract.CheckRequest(req); err != nil {
		t.Fatal(err)
	}
	if body.Len() != len("payload") {
		t.Errorf("%d bytes were read", len("payload")-body.Len())
	}
}

func TestBasePathCanBeSet(t *testing.T) {
	t.Parallel()
	tests := []struct{ base, path string }{
		{"/", "/accounts/a/mtls_certificates/c/associations"},
		{"/mock/v4/", "/mock/v4/accounts/a/mtls_certificates/c/associations"},
		{"/my mock/é", "/my mock/é/accounts/a/mtls_certificates/c/associations"},
		{"/my%20mock", "/my mock/accounts/a/mtls_certificates/c/associations"},
		{"//mock", "//mock/accounts/a/mtls_certificates/c/associations"},
	}
	for _, tt := range tests {
		req := get(t)
		req.URL.Path = tt.path
		got, err := contract.CheckRequest(req, contract.WithBasePath(tt.base))
		if err != nil || len(got) > 0 {
			t.Errorf("base %s: %v %v", tt.base, got, err)
		}
	}
}

func TestOptionsAreValidated(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]contract.Option{
		"nil option":         nil,
		"nil handler":        contract.WithHandler(nil),
		"unknown mode":       contract.WithMode(7),
		"relative base path": contract.WithBasePath("client/v4"),
		"broken escape":      contract.WithBasePath("/client/%v4"),
		"no bytes":           contract.WithMaxBytes(0),
		"unknown place":      contract.WithKnownValues("listMTLSCertificates", "/result", "x"),
	} {
		if _, err := contract.NewTransport(nil, opt); err == nil || !strings.HasPrefix(err.Error(), "contract: ") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if _, err := contract.CheckRequest(nil); err == nil {
		t.Error("a nil request was checked")
	}
}
