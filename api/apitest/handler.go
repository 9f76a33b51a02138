package apitest

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/contract"
	"github.com/certuse/cloudflare-mtls/api/internal/secret"
)

const (
	codeNoRoute        = 7003
	codeMissingHeader  = 9106
	codeIncompletePair = 9107
	codeInvalidHeader  = 6003
	codeAuthorization  = 6111
	codeAuthFailed     = 10000
	codeServerError    = 10001 // not documented

	codeCertificateExists   = 1471
	codeCertificateNotFound = 1472
	codeInUse               = 1305 // code of another API of the vendor; the real one is not public
)

// maxBody is the largest size of a request's body, in bytes.
const maxBody = 1 << 20

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // the server is closed, and must not wait for the body
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = http.NoBody
	if len(body) > 0 {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Body, _ = r.GetBody() // never fails
	}
	c := call{query: r.URL.Query(), body: body}
	c.op, c.params = s.doc.Match(r, basePath)
	request := newRequest(r, c)
	// The error is about the options, which are valid.
	request.Violations, _ = contract.CheckRequest(r, contract.WithBasePath(basePath), contract.WithMaxBytes(maxBody))
	s.respond(r, c, request).send(w, r)
}

// respond returns the response to a request and records the request.
func (s *Server) respond(r *http.Request, c call, request Request) Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	response, err := s.chooseResponse(r, c, request).complete(c.op)
	if err != nil { // from a script for all operations, or from an upload
		response = Raw(http.StatusNotImplemented, "text/plain", err.Error())
	}
	request.StatusCode = response.status // 0 when there is none
	s.requests = append(s.requests, request)
	return response
}

func (s *Server) chooseResponse(r *http.Request, c call, request Request) Response {
	if response, refused := s.authenticate(r.Header); refused {
		return response
	}
	for _, violation := range request.Violations {
		switch {
		case violation.Class == contract.Outside:
			return NotFound()
		case violation.Class.Breach():
			return refusal(http.StatusBadRequest, codeNoRoute, violation.String())
		}
	}
	if slices.Contains(s.forbidden, c.op.ID) {
		return Forbidden()
	}
	if response, ok := s.next(c); ok {
		return response
	}
	return handlers[c.op.ID](s, c)
}

// authenticate returns the response to invalid credentials, and false if they are valid.
func (s *Server) authenticate(header http.Header) (Response, bool) {
	authorization, email, key := header.Get("Authorization"), header.Get("X-Auth-Email"), header.Get("X-Auth-Key")
	switch {
	case authorization != "":
		scheme, token, _ := strings.Cut(authorization, " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " \t") {
			return Failure(http.StatusBadRequest, api.ErrorDetail{
				Code: codeInvalidHeader, Message: "Invalid request headers",
				Chain: []api.ErrorDetail{{Code: codeAuthorization, Message: "Invalid format for Authorization header"}},
			}), true
		}
		if token != s.token {
			return Unauthorized(), true
		}
	case email == "" && key == "":
		return refusal(http.StatusBadRequest, codeMissingHeader, "Missing X-Auth-Key, X-Auth-Email or Authorization headers"), true
	case email == "":
		return refusal(http.StatusBadRequest, codeIncompletePair, "Missing X-Auth-Email header"), true
	case key == "":
		return refusal(http.StatusBadRequest, codeIncompletePair, "Missing X-Auth-Key header"), true
	case s.key == "" || email != s.email || key != s.key:
		return Unauthorized(), true
	}
	return Response{}, false
}

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
	// StatusCode is the status of the response; 0 if there was none.
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
