package apitest

import (
	"net/http"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/contract"
	"github.com/certuse/cloudflare-mtls/api/internal/secret"
)

// Request is what the server saw of one request. It holds no credentials.
type Request struct {
	// Certificate is the one asked for; zero when the path is another.
	Certificate api.CertificateRef
	// Method is the HTTP method as sent.
	Method string
	// Path is the path as sent, escaped, base path included.
	Path string
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

func newRequest(r *http.Request, cert api.CertificateRef) Request {
	header := r.Header.Clone()
	for _, name := range secret.Headers() {
		for i := range header[name] {
			header[name][i] = "[redacted]"
		}
	}
	return Request{
		Certificate: cert, Method: r.Method, Path: r.URL.EscapedPath(),
		Header: header, Time: time.Now(),
	}
}
