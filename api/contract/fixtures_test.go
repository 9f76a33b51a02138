package contract_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/contract"
)

const (
	token     = "canary-token-0123456789"
	targetURL = "https://api.cloudflare.com/client/v4/accounts/0a1b/mtls_certificates/2458ce5a/associations"
	inUse     = `{"errors":[],"messages":[],"success":true,"result":[{"service":"gateway","status":"pending_deployment"}]}`
	failed    = `{"errors":[{"code":7003,"message":"No route for the URI"}],"messages":[],"success":false,"result":null}`
)

// get returns a valid request.
func get(t *testing.T) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, targetURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return req
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

// recorder collects violations. It is safe for concurrent use.
type recorder struct {
	mu  sync.Mutex
	got []contract.Violation
}

func (r *recorder) handle(v contract.Violation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, v)
}

// summary returns class and place of each violation.
func (r *recorder) summary() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return summaryOf(r.got)
}

func summaryOf(vs []contract.Violation) []string {
	var out []string
	for _, v := range vs {
		out = append(out, v.Class.String()+" "+v.Pointer)
	}
	return out
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
