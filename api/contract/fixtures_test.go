package contract_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/api/contract"
)

const (
	token      = "canary-token-0123456789"
	accountURL = "https://api.cloudflare.com/client/v4/accounts/0a1b"
	inUse      = `{"errors":[],"messages":[],"success":true,"result":[{"service":"gateway","status":"pending_deployment"}]}`
	failed     = `{"errors":[{"code":7003,"message":"No route for the URI"}],"messages":[],"success":false,"result":null}`
)

// get returns a valid request for the associations of a certificate.
func get(t *testing.T) *http.Request {
	t.Helper()
	return request(t, http.MethodGet, "/mtls_certificates/2458ce5a/associations", "")
}

// request returns a request for a path of an account, with a token. A body that is not
// empty is JSON.
func request(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, accountURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// check returns the violations of a response.
func check(t *testing.T, req *http.Request, status int, contentType, body string, opts ...contract.Option) []contract.Violation {
	t.Helper()
	got, err := contract.CheckResponse(req, status, http.Header{"Content-Type": {contentType}}, []byte(body), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// respondWith returns a transport with the same response to each request.
func respondWith(status int, contentType, body string) roundTrip {
	return func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {contentType}, "Cf-Ray": {"8f-TST"}},
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req,
		}, nil
	}
}

// recorder collects the violations of one transport. The calls of handle never overlap.
type recorder struct{ got []contract.Violation }

func (r *recorder) handle(v contract.Violation) { r.got = append(r.got, v) }

// wantViolations checks the class and the place of each violation.
func wantViolations(t *testing.T, got []contract.Violation, want ...string) {
	t.Helper()
	var places []string
	for _, v := range got {
		places = append(places, v.Class.String()+" "+v.Pointer)
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("violations (-want +got):\n%s%v", diff, got)
	}
}

func newTransport(t *testing.T, next http.RoundTripper, opts ...contract.Option) (*contract.Transport, *recorder) {
	t.Helper()
	r := new(recorder)
	transport, err := contract.NewTransport(next, append([]contract.Option{contract.WithHandler(r.handle)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return transport, r
}

// send sends a request and reads the response. The errors are those of reading and of
// closing the body.
func send(t *testing.T, rt http.RoundTripper, req *http.Request) (text string, read, closed error) {
	t.Helper()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(resp.Body)
	return string(content), err, resp.Body.Close()
}

// wantBody checks that a request gets this body without an error.
func wantBody(t *testing.T, rt http.RoundTripper, req *http.Request, want string) {
	t.Helper()
	if got, err, closed := send(t, rt, req); got != want || err != nil || closed != nil {
		t.Errorf("got the body %q, read error %v, close error %v; want %q", got, err, closed, want)
	}
}
