package apitest

import (
	"net/http"
	"net/url"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/contract"
	"github.com/certuse/cloudflare-mtls/api/internal/secret"
)

// Request is the record of one request. It holds no credentials.
type Request struct {
	// Operation is the operationId; empty if the contract has no operation for the
	// request.
	Operation string
	// Certificate is the certificate in the path; zero if there is none.
	Certificate api.CertificateRef
	// Method is the HTTP method as sent.
	Method string
	// Path is the escaped path as sent, including the base path.
	Path string
	// Query holds the query parameters.
	Query url.Values
	// Header is the request's header, with credentials replaced by "[redacted]".
	Header http.Header
	// Time is when the request arrived.
	Time time.Time
	// StatusCode is that of the response; 0 if there was none.
	StatusCode int
	// Violations are the differences of the request from the contract.
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
