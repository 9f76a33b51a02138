package apitest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/internal/document"
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

	doc      *document.Document
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

// NewServer starts a server. The caller must call [Server.Close]. It fails if the
// contract cannot be read, or has an operation that the server does not support.
func NewServer(opts ...Option) (*Server, error) {
	doc, err := document.Load()
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
	if err := s.canServe(); err != nil {
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

// canServe returns an error unless the server has a valid response for each operation,
// with an empty store and for a refusal.
func (s *Server) canServe() error {
	empty := &Server{doc: s.doc, pageSize: 1, store: make(map[string][]entry)}
	empty.know("")
	for _, op := range s.doc.Operations {
		respond := handler(op.ID)
		if respond == nil {
			return fmt.Errorf("apitest: the contract has the operation %s, which this server does not know: add it to handler in api/apitest/operations.go", op.ID)
		}
		for _, r := range []Response{Failure(http.StatusForbidden), respond(empty, call{op: op})} {
			if _, err := r.completed(op); err != nil {
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

// Requests returns the requests so far, in order of arrival. The result belongs to the
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
