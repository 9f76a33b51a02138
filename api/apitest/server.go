package apitest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// basePath is where the API is served, as at the vendor's: a client that drops
// it is found out.
const basePath = "/client/v4"

// Server is a fake API on a loopback port, made by [NewServer]: its zero value is
// not usable. It is safe for concurrent use.
type Server struct {
	token, email, key string

	url   string
	http  *http.Server
	stop  func()         // ends the context of every request
	serve sync.WaitGroup // the accepting goroutine
	conns sync.WaitGroup // one for each connection
	close sync.Once
	// stopping is set before connections are closed.
	stopping atomic.Bool

	mu       sync.Mutex
	certs    map[api.CertificateRef]Response
	scripts  map[api.CertificateRef][]Response
	scripted []Response // for any certificate
	requests []Request
}

// NewServer starts a server. The caller must call [Server.Close].
func NewServer(opts ...Option) (*Server, error) {
	s := &Server{
		token:   DefaultAPIToken,
		certs:   make(map[api.CertificateRef]Response),
		scripts: make(map[api.CertificateRef][]Response),
	}
	for _, opt := range opts {
		if opt == nil {
			return nil, errors.New("apitest: option is nil")
		}
		if err := opt(s); err != nil {
			return nil, err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	listener, err := listenLoopback(ctx)
	if err != nil {
		stop()
		return nil, fmt.Errorf("apitest: listen: %w", err)
	}
	s.url = "http://" + listener.Addr().String() + basePath
	s.http = &http.Server{
		BaseContext: func(net.Listener) context.Context { return ctx },
		Handler:     http.HandlerFunc(s.handle),
		ConnState:   s.track,
		ErrorLog:    log.New(io.Discard, "", 0), // broken connections are the point of a fault

		ReadHeaderTimeout: time.Minute,
	}
	s.serve.Go(func() { _ = s.http.Serve(listener) })
	return s, nil
}

func listenLoopback(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return config.Listen(ctx, "tcp", "[::1]:0")
	}
	return listener, nil
}

// URL returns the base URL, for [api.WithBaseURL].
func (s *Server) URL() string { return s.url }

// Client returns a client of the server with the server's own credentials. The
// options come after those that the server needs.
func (s *Server) Client(opts ...api.Option) (*api.Client, error) {
	return api.New(s.credentials(), append([]api.Option{api.WithBaseURL(s.url)}, opts...)...)
}

// Set makes a certificate known, with these associations and no others. It fails
// for ids that a client refuses to send and for text that is not valid UTF-8.
func (s *Server) Set(cert api.CertificateRef, associations ...api.Association) error {
	answer := Answer(associations...)
	if err := errors.Join(cert.Validate(), answer.check()); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.certs[cert] = answer
	return nil
}

// Script queues answers for a certificate. They are given in order, one for each
// request, before what [Server.ScriptAny] and [Server.Set] say; requests with
// wrong credentials do not use them up. Nothing is queued when the ids are such
// that a client refuses to send them, or when one of the answers is not usable or
// breaks the contract that it claims to keep, or when one would come after an
// answer that is given always.
func (s *Server) Script(cert api.CertificateRef, responses ...Response) error {
	if err := errors.Join(cert.Validate(), checkAll(responses)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := slices.Concat(s.scripts[cert], responses)
	if err := checkReach(queue); err != nil {
		return err
	}
	s.scripts[cert] = queue
	return nil
}

// ScriptAny queues answers like [Server.Script] for whatever certificate is
// asked next.
func (s *Server) ScriptAny(responses ...Response) error {
	if err := checkAll(responses); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := slices.Concat(s.scripted, responses)
	if err := checkReach(queue); err != nil {
		return err
	}
	s.scripted = queue
	return nil
}

// checkReach refuses a queue whose end could never be reached.
func checkReach(queue []Response) error {
	i := slices.IndexFunc(queue, func(r Response) bool { return r.times == forever })
	if i >= 0 && i < len(queue)-1 {
		return errors.New("apitest: an answer scripted after one that is given always would never be given")
	}
	return nil
}

func checkAll(responses []Response) error {
	for i, response := range responses {
		if err := response.check(); err != nil {
			return fmt.Errorf("response %d: %w", i, err)
		}
	}
	return nil
}

// Requests returns what was asked so far, in order of arrival. The result belongs
// to the caller.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := slices.Clone(s.requests)
	for i := range requests {
		r := &requests[i]
		r.Header, r.Violations = r.Header.Clone(), slices.Clone(r.Violations)
	}
	return requests
}

// Close ends all connections, also those in the middle of an answer, and returns
// when no goroutine of the server is left. It may be called more than once, and
// on nil, which [NewServer] returns with an error.
func (s *Server) Close() {
	if s == nil {
		return
	}
	s.close.Do(func() {
		s.stopping.Store(true)
		s.stop()
		_ = s.http.Close() // nothing is left to do about a socket that will not close
		s.serve.Wait()
		s.conns.Wait()
	})
}

// track counts connections. A hijacked one counts until its handler returns.
func (s *Server) track(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
		if s.stopping.Load() {
			_ = conn.Close() // accepted too late for http.Server.Close to know it
		}
	case http.StateClosed:
		s.conns.Done()
	default: // still open
	}
}
