package generate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oapi-codegen/runtime"

	"github.com/certuse/cloudflare-mtls/generated"
)

const base = "https://api.cloudflare.com/client/v4"

// hostile ids must stay inside their path segment.
var hostile = []string{
	"2458ce5a-0c35-4c7f-82c7-8e9487d3ff60",
	"a/b", "a/../b", "../x", "/", "//", "a//b", ".hidden", "...", "a.", "%2e%2e", "%2F", "%", "%zz", "100%25",
	"a?x=1", "?", "a#b", "#", "a;b", "a,b", "a=b", "a&b", "a:b", "http://evil.example/", "@evil.example", "a@b:80",
	" ", "a b", "+", "\t", "\r\nX-Injected: 1", "\x00", "\x7f", "é", "日本", "\xff\xfe", "\u202e", "!'()*", "~_-", "{id}", "%s", "[::1]", `\`, `"<>`, "|^`",
}

func styled(t *testing.T, name, value string) string {
	t.Helper()
	s, err := runtime.StyleParamWithOptions("simple", false, name, value,
		runtime.StyleParamOptions{ParamLocation: runtime.ParamLocationPath, Type: "string"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// isEmpty reports whether a request has no body and no header.
func isEmpty(req *http.Request) bool {
	return req.Body == nil && req.GetBody == nil && req.ContentLength == 0 && len(req.Header) == 0
}

func TestRequestEqualsOneMadeFromTheWholeURL(t *testing.T) {
	t.Parallel()
	bases := map[string]string{ // each base as given, and as used: without trailing slashes, query and fragment
		base:                           base,
		base + "/":                     base,
		base + "//":                    base,
		"https://api.cloudflare.com":   "https://api.cloudflare.com",
		"http://127.0.0.1:8080/a%2Fb/": "http://127.0.0.1:8080/a%2Fb",
		"http://[::1]:80/x%20y":        "http://[::1]:80/x%20y",
		"https://host:/v4?q=1#f":       "https://host:/v4",
	}
	for given, trimmed := range bases {
		for _, id := range hostile {
			want, err := http.NewRequest(http.MethodGet,
				trimmed+"/accounts/"+styled(t, "account_id", id)+"/mtls_certificates/"+styled(t, "mtls_certificate_id", id+"2")+"/associations", nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := generated.NewListMTLSCertificateAssociationsRequest(given, id, id+"2")
			if err != nil {
				t.Fatalf("%q at %s: %v", id, given, err)
			}
			if *got.URL != *want.URL {
				t.Errorf("%q at %s: URL %#v, want %#v", id, given, *got.URL, *want.URL)
			}
			if got.URL.RequestURI() != want.URL.RequestURI() {
				t.Errorf("%q at %s: target %s, want %s", id, given, got.URL.RequestURI(), want.URL.RequestURI())
			}
			if got.Host != want.Host || got.Method != want.Method || got.Proto != want.Proto || !isEmpty(got) {
				t.Errorf("%q at %s: request %+v, want %+v", id, given, got, want)
			}
		}
	}
}

func TestRequestRefusesIDsThatAreNoPathSegment(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", ".", ".."} {
		if req, err := generated.NewListMTLSCertificateAssociationsRequest(base, id, "c"); err == nil {
			t.Errorf("account %q: %s", id, req.URL)
		}
		if req, err := generated.NewListMTLSCertificateAssociationsRequest(base, "a", id); err == nil {
			t.Errorf("certificate %q: %s", id, req.URL)
		}
	}
}

func TestRequestBodyCanBeSentAgain(t *testing.T) {
	t.Parallel()
	body := generated.CertificateRequest{Ca: true, Certificates: "<&>", Name: "n"}
	req, err := generated.NewUploadMTLSCertificateRequest(base+"/", "a/b", body)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if req.Method != http.MethodPost || req.URL.String() != base+"/accounts/a%2Fb/mtls_certificates" ||
		req.Header.Get("Content-Type") != "application/json" || len(req.Header) != 1 || req.ContentLength != int64(len(want)) || req.GetBody == nil {
		t.Fatalf("request %+v", req)
	}
	for i := range 3 {
		sent, err := io.ReadAll(req.Body)
		if err != nil || !bytes.Equal(sent, want) {
			t.Errorf("body %d: %q, %v, want %q", i, sent, err, want)
		}
		if req.Body, err = req.GetBody(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := generated.NewDeleteMTLSCertificateRequest(base, "a", "c")
	if err != nil || got.Method != http.MethodDelete || !isEmpty(got) {
		t.Errorf("a request without a body: %+v, %v", got, err)
	}
}

// An unset parameter is left out: the vendor would treat an empty one differently.
func TestQueryHoldsTheSetParameters(t *testing.T) {
	t.Parallel()
	for want, params := range map[string]*generated.ListZonesParams{
		"account.id=a%26b%3D+%23&page=2&per_page=1000000": {AccountID: "a&b= #", Page: 2, PerPage: 1_000_000},
		"page=1": {Page: 1},
	} {
		req, err := generated.NewListZonesRequest(base, params)
		if err != nil || req.URL.RawQuery != want || req.URL.Path != "/client/v4/zones" {
			t.Errorf("%+v: %v, %v, want %s", params, req.URL, err, want)
		}
	}
	if req, err := generated.NewListMTLSCertificatesRequest(base, "a", &generated.ListMTLSCertificatesParams{Type: []string{}}); err != nil || req.URL.RawQuery != "" {
		t.Errorf("an empty list is sent: %v, %v", req.URL, err)
	}
	for _, params := range []*generated.ListZonesParams{nil, {}} {
		if req, err := generated.NewListZonesRequest(base, params); err != nil || req.URL.String() != base+"/zones" {
			t.Errorf("%+v: %v, %v", params, req.URL, err)
		}
	}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(req *http.Request) (*http.Response, error) { return d(req) }

func TestClientSendsToItsServer(t *testing.T) {
	t.Parallel()
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	var sent []*http.Request
	client, err := generated.NewClient(base, generated.WithHTTPClient(doer(func(req *http.Request) (*http.Response, error) {
		sent = append(sent, req)
		return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
	})))
	if err != nil {
		t.Fatal(err)
	}
	call := func() {
		t.Helper()
		resp, err := client.ListMTLSCertificateAssociations(ctx, "a", "c")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	call()
	sent[0].URL.Host = "changed.example" // must not affect later requests
	call()
	client.Server = "http://127.0.0.1:1/other"
	call()

	for i, want := range []string{"https://changed.example/client/v4", base, "http://127.0.0.1:1/other"} {
		if got := sent[i].URL.String(); got != want+"/accounts/a/mtls_certificates/c/associations" {
			t.Errorf("request %d: %s", i, got)
		}
		if sent[i].Context().Value(key{}) != "value" {
			t.Errorf("request %d lacks the caller's context", i)
		}
	}
}

func TestNewClientRefusesAnUnreadableBase(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"http://[::1", "https://host/%zz", "https://ho st/", ":", "http://a\x00b"} {
		if _, err := generated.NewClient(server, generated.WithHTTPClient(http.DefaultClient)); err == nil {
			t.Errorf("%q was accepted", server)
		}
	}
}

func TestNewClientNeedsAnHTTPClient(t *testing.T) {
	t.Parallel()
	if _, err := generated.NewClient(base); err == nil {
		t.Error("a client was returned that has nothing to send requests with")
	}
}

func FuzzRequestStaysInItsPath(f *testing.F) {
	for _, id := range hostile {
		f.Add(id, id)
	}
	f.Fuzz(func(t *testing.T, account, certificate string) {
		req, err := generated.NewListMTLSCertificateAssociationsRequest(base, account, certificate)
		if err != nil {
			return
		}
		segments := strings.Split(req.URL.EscapedPath(), "/")
		if len(segments) != 8 || segments[4] != styled(t, "account_id", account) || segments[6] != styled(t, "mtls_certificate_id", certificate) {
			t.Fatalf("%q, %q: %s", account, certificate, req.URL)
		}
		if req.URL.Host != "api.cloudflare.com" || req.URL.RawQuery != "" || req.URL.Fragment != "" {
			t.Fatalf("%q, %q: %#v", account, certificate, *req.URL)
		}
	})
}
