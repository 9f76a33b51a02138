// Package apitest is a fake of the vendor's API for tests and demonstrations. It serves
// HTTP on loopback and needs no account. It checks every request against the contract,
// and [Server.Script] refuses a documented response that breaks the contract.
//
//	server, err := apitest.NewServer()
//	defer server.Close()
//	server.SetAssociations(cert, api.Association{Service: "gateway", Status: "active"})
//	client, err := server.Client()
//
// # Responses
//
// The server serves every operation of the contract from one store, which the Set and
// Add methods of [Server], uploads and deletions change. An account exists once
// something was added to it. A CA is unused only if the account has a zone
// ([Server.AddZone]), or if the caller uses [api.WithNoZones] or
// [api.WithDeleteNoZones]. The lists of certificates, zones and Pages projects have
// pages: page and per_page in the query, result_info in the response; [WithPageSize]
// limits their size.
//
// The upload of a certificate that exists is refused with code 1471. A certificate that
// is uploaded again after its deletion gets the same id. An unknown certificate is
// refused with code 1472, or with 7003 by the list of its associations. The deletion of
// a certificate is refused if an entry of the store refers to it, or if the vendor
// manages it. The vendor's code for "in use" is not public; this server sends 1305.
//
// Credentials are checked as the vendor does: 400 with code 9106 or 9107 if they are
// missing, 400 with 6003 if they are malformed, 401 with 10000 if they are wrong.
// [Server.SetForbidden] removes the permission for operations.
//
// [Server.Script] queues other responses for an operation and its parameters.
// [Associations], [Failure] and the other documented responses match the contract:
// required members that are not among their parameters get sample values. [EdgePage],
// [Reset] and the other faults are known behavior of the network and the vendor's edge
// outside the contract. Methods of [Response] change either: [Response.After] delays,
// [Response.CutAfter] truncates, [Response.Times] repeats.
//
// The package does not import testing, so that programs can use it for a demonstration
// mode.
package apitest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

// basePath is the vendor's base path, so that a client that omits it fails.
const basePath = "/client/v4"

// Server is a fake API on a loopback port. Make one with [NewServer]: the zero value is
// not usable. It is safe for concurrent use.
type Server struct {
	token, email, key string

	url  string
	http *httptest.Server
	stop func() // ends the context of every request

	doc      *apispec.Document
	pageSize int

	mu           sync.Mutex
	store        map[string][]entry // by operation
	associations map[api.CertificateRef][]api.Association
	hostnames    map[api.HostnamesRef][]string
	ids          map[[sha256.Size]byte]string // of certificates, by their digests
	scripts      []scripted
	forbidden    []string // operations
	requests     []Request
}

// NewServer starts a server. The caller must call [Server.Close]. It fails if an option
// is invalid, if it cannot listen on loopback, or if the contract cannot be read or has
// an operation that the server does not support.
func NewServer(opts ...Option) (*Server, error) {
	doc, err := apispec.Load()
	if err != nil {
		return nil, fmt.Errorf("apitest: %w", err)
	}
	s := &Server{
		token: DefaultAPIToken, doc: doc, pageSize: defaultPageSize,
		store:        make(map[string][]entry),
		associations: make(map[api.CertificateRef][]api.Association),
		hostnames:    make(map[api.HostnamesRef][]string),
		ids:          make(map[[sha256.Size]byte]string),
	}
	if err := s.checkOperations(); err != nil {
		return nil, err
	}
	for _, opt := range opts {
		if opt == nil {
			return nil, errors.New("apitest: option is nil")
		}
		if err := opt(s); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		listener, err = net.Listen("tcp", "[::1]:0")
	}
	if err != nil {
		return nil, fmt.Errorf("apitest: listen: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.url = "http://" + listener.Addr().String() + basePath
	s.http = &httptest.Server{Listener: listener, Config: &http.Server{
		BaseContext: func(net.Listener) context.Context { return ctx },
		Handler:     http.HandlerFunc(s.handle),
		ErrorLog:    log.New(io.Discard, "", 0), // faults break connections on purpose

		ReadHeaderTimeout: time.Minute,
	}}
	s.http.Start()
	return s, nil
}

// checkOperations returns an error unless the server has valid responses for each
// operation: with an empty store, and as a refusal.
func (s *Server) checkOperations() error {
	empty := &Server{doc: s.doc, pageSize: 1, store: make(map[string][]entry)}
	empty.addAccount("")
	for _, op := range s.doc.Operations {
		respond := handlers[op.ID]
		if respond == nil {
			return fmt.Errorf("apitest: the server does not implement the operation %s of the contract: add it to handlers in api/apitest/operations.go", op.ID)
		}
		for _, r := range []Response{Failure(http.StatusForbidden), respond(empty, call{op: op})} {
			if _, err := r.complete(op); err != nil {
				return fmt.Errorf("%w (operation %s)", err, op.ID)
			}
		}
	}
	return nil
}

// URL returns the base URL, for [api.WithBaseURL].
func (s *Server) URL() string { return s.url }

// Client returns a client of the server with the server's credentials. opts are applied
// after the options for the server.
func (s *Server) Client(opts ...api.Option) (*api.Client, error) {
	credentials := api.APIToken(s.token)
	if s.key != "" {
		credentials = api.APIKey(s.email, s.key)
	}
	return api.New(credentials, append([]api.Option{api.WithBaseURL(s.url)}, opts...)...)
}

// Requests returns the requests so far, in order of arrival, without those whose body
// is incomplete or exceeds 1 MiB: they get status 413. The result belongs to the
// caller.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := slices.Clone(s.requests)
	for i := range requests {
		r := &requests[i]
		r.Header, r.Violations, r.Query = r.Header.Clone(), slices.Clone(r.Violations), url.Values(http.Header(r.Query).Clone())
	}
	return requests
}

// Close ends all connections, including those in use, and returns when all goroutines
// of the server have ended. It may be called repeatedly, and on nil.
func (s *Server) Close() {
	if s == nil {
		return
	}
	s.stop()
	s.http.CloseClientConnections()
	s.http.Close()
}

// DefaultAPIToken is the token that a server accepts by default. It is not secret.
const DefaultAPIToken = "apitest-token"

// Option configures a [Server].
type Option func(*Server) error

// WithAPIToken sets the API token that the server accepts, in place of
// [DefaultAPIToken].
func WithAPIToken(token string) Option {
	return func(s *Server) error {
		if _, err := api.New(api.APIToken(token)); err != nil {
			return fmt.Errorf("apitest: %w", err)
		}
		s.token = token
		return nil
	}
}

// defaultPageSize is the page size in the vendor's examples for certificates.
const defaultPageSize = 50

// WithPageSize limits the items of a page of a list, even if a request has a larger
// per_page. The default is 50.
func WithPageSize(n int) Option {
	return func(s *Server) error {
		if n < 1 {
			return fmt.Errorf("apitest: a page cannot have %d items", n)
		}
		s.pageSize = min(n, math.MaxInt32) // clients refuse numbers beyond 2^53
		return nil
	}
}

// WithAPIKey sets the email and key that the server accepts besides the token,
// and makes [Server.Client] use them. Without it, no key is accepted.
func WithAPIKey(email, key string) Option {
	return func(s *Server) error {
		if _, err := api.New(api.APIKey(email, key)); err != nil {
			return fmt.Errorf("apitest: %w", err)
		}
		s.email, s.key = email, key
		return nil
	}
}
