package apitest

import (
	"net/http"
	"net/url"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/contract"
	"github.com/certuse/cloudflare-mtls/api/internal/secret"
)

// Request is what the server saw of one request. It holds no credentials.
type Request struct {
	// Operation is the operationId; empty for what the contract has no operation for.
	Operation string
	// Certificate is the one in the path; zero when the path has none.
	Certificate api.CertificateRef
	// Method is the HTTP method as sent.
	Method string
	// Path is the path as sent, escaped, base path included.
	Path string
	// Query holds the query parameters.
	Query url.Values
	// Header is the request's header, with credentials replaced by "[redacted]".
	Header http.Header
	// Time is when the request had arrived.
	Time time.Time
	// StatusCode is that of the answer; 0 when the answer was a broken connection
	// or silence.
	StatusCode int
	// Violations are the points where the request breaks the contract.
	Violations []contract.Violation
}

func newRequest(r *http.Request, c call) Request {
	header := r.Header.Clone()
	for _, name := range secret.Headers() {
		for i := range header[name] {
			header[name][i] = "[redacted]"
		}
	}
	request := Request{
		Certificate: c.certificate(), Method: r.Method, Path: r.URL.EscapedPath(), Query: c.query, Header: header, Time: time.Now(),
	}
	if c.op != nil {
		request.Operation = c.op.ID
	}
	return request
}
