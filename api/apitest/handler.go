package apitest

import (
	"crypto/subtle"
	"net/http"
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
)

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	cert := certificate(r)
	request := newRequest(r, cert)
	violations, err := contract.CheckRequest(r, contract.WithBasePath(basePath))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	request.Violations = violations
	response := s.choose(r, &request)
	response.send(w, r, s)
}

// choose decides on the answer and records the request with it.
func (s *Server) choose(r *http.Request, request *Request) (response Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		request.StatusCode = response.visibleStatus()
		s.requests = append(s.requests, *request)
	}()
	if refusal, refused := s.authenticate(r.Header); refused {
		return refusal
	}
	if len(request.Violations) > 0 {
		worst := request.Violations[0]
		if worst.Class == contract.Outside {
			return Failure(http.StatusNotFound, api.ErrorDetail{Code: codeNoRoute, Message: "No route for the URI"})
		}
		return Failure(http.StatusBadRequest, api.ErrorDetail{Code: codeNoRoute, Message: worst.String()})
	}
	if queue := s.scripts[request.Certificate]; len(queue) > 0 {
		response, s.scripts[request.Certificate] = next(queue)
		return response
	}
	if len(s.scripted) > 0 {
		response, s.scripted = next(s.scripted)
		return response
	}
	if answer, known := s.certs[request.Certificate]; known {
		return answer
	}
	return NotFound()
}

// next takes one answer from the front of a queue.
func next(queue []Response) (Response, []Response) {
	front := queue[0]
	switch front.times {
	case forever:
		return front, queue
	case 0, 1:
		return front, queue[1:]
	default:
		queue[0].times--
		return front, queue
	}
}

// certificate reads the certificate from a path of the operation.
func certificate(r *http.Request) api.CertificateRef {
	rest, ok := strings.CutPrefix(r.URL.Path, basePath+"/accounts/")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 4 || parts[1] != "mtls_certificates" || parts[3] != "associations" {
		return api.CertificateRef{}
	}
	return api.CertificateRef{AccountID: parts[0], ID: parts[2]}
}

// authenticate answers for credentials that are not right.
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
		return missingHeader(codeMissingHeader, "Missing X-Auth-Key, X-Auth-Email or Authorization headers"), true
	case email == "":
		return missingHeader(codeHalfPair, "Missing X-Auth-Email header"), true
	case key == "":
		return missingHeader(codeHalfPair, "Missing X-Auth-Key header"), true
	case s.key == "" || !equal(email, s.email) || !equal(key, s.key):
		return Unauthorized(), true
	}
	return Response{}, false
}

func missingHeader(code int, message string) Response {
	return Failure(http.StatusBadRequest, api.ErrorDetail{Code: code, Message: message})
}

func equal(got, want string) bool { return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1 }
