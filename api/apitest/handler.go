package apitest

import (
	"bytes"
	"crypto/subtle"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/contract"
)

const (
	codeNoRoute       = 7003
	codeMissingHeader = 9106
	codeHalfPair      = 9107
	codeInvalidHeader = 6003
	codeAuthorization = 6111
	codeAuthFailed    = 10000

	codeKnownCertificate = 1471
	codeNoCertificate    = 1472
	codeInUse            = 1305 // that of another store of the vendor; the code of this store is not public
)

// maxBody limits the body of a request.
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
	request.Violations, err = contract.CheckRequest(r, contract.WithBasePath(basePath), contract.WithMaxBytes(maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	s.choose(r, c, request).send(w, r)
}

// choose returns the response to a request and records the request.
func (s *Server) choose(r *http.Request, c call, request Request) Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	response, err := s.response(r, c, request).completed(c.op)
	if err != nil { // an error of the test, shown as one of the server
		response = Raw(http.StatusNotImplemented, "text/plain", err.Error())
	}
	request.StatusCode = response.status // 0 when there is none
	s.requests = append(s.requests, request)
	return response
}

func (s *Server) response(r *http.Request, c call, request Request) Response {
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
	return handler(c.op.ID)(s, c)
}

// authenticate returns the response to invalid credentials, if they are.
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
		if !equal(token, s.token) {
			return Unauthorized(), true
		}
	case email == "" && key == "":
		return refusal(http.StatusBadRequest, codeMissingHeader, "Missing X-Auth-Key, X-Auth-Email or Authorization headers"), true
	case email == "":
		return refusal(http.StatusBadRequest, codeHalfPair, "Missing X-Auth-Email header"), true
	case key == "":
		return refusal(http.StatusBadRequest, codeHalfPair, "Missing X-Auth-Key header"), true
	case s.key == "" || !equal(email, s.email) || !equal(key, s.key):
		return Unauthorized(), true
	}
	return Response{}, false
}

func equal(got, want string) bool { return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1 }
