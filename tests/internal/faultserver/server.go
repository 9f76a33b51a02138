// Package faultserver speaks HTTP/1.1 byte by byte on a loopback port, so that it can
// stop, stall or send wrong data at any point, and counts connections and requests.
// It is for faults that an http.Handler cannot cause; package apitest is the fake of
// the API.
package faultserver

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// Handler responds to one request. It reports whether the connection can serve another
// one.
type Handler func(x *Exchange) (keep bool)

// Plan chooses the handler of the n-th request, counted from 1.
type Plan func(n int) Handler

// Always uses the same handler for every request.
func Always(a Handler) Plan { return func(int) Handler { return a } }

// Once uses one handler for the first request and another for the rest.
func Once(first, rest Handler) Plan {
	return func(n int) Handler {
		if n == 1 {
			return first
		}
		return rest
	}
}

// Exchange is one request and its connection.
type Exchange struct {
	Request *http.Request
	conn    net.Conn
	reader  *bufio.Reader
}

// Server is a server that [Start] or [Serve] started.
type Server struct {
	listener net.Listener
	config   *tls.Config
	running  sync.WaitGroup

	mu       sync.Mutex
	plan     Plan
	open     map[net.Conn]bool
	accepted int
	peak     int
	requests int
	tokens   []string
	closed   bool
}

// Start serves until the test ends. With a TLS configuration, which may be nil,
// it serves HTTPS.
func Start(t testing.TB, plan Plan, config *tls.Config) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return Serve(t, listener, plan, config)
}

// Serve does the same as [Start] on a given listener, and closes it at the end.
func Serve(t testing.TB, listener net.Listener, plan Plan, config *tls.Config) *Server {
	t.Helper()
	s := &Server{listener: listener, config: config, plan: plan, open: make(map[net.Conn]bool)}
	s.running.Go(s.accept)
	t.Cleanup(s.Close)
	return s
}

// Addr returns the host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL returns the base URL for a client.
func (s *Server) URL() string {
	scheme := "http"
	if s.config != nil {
		scheme = "https"
	}
	return scheme + "://" + s.Addr() + "/client/v4"
}

// SetPlan replaces the plan; the count continues.
func (s *Server) SetPlan(plan Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan = plan
}

// Requests returns the number of requests whose header arrived in full.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Connections returns the number of all connections, the maximum at one time, and the
// open ones.
func (s *Server) Connections() (all, peak, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted, s.peak, len(s.open)
}

// Credentials returns the values of all credential headers received.
func (s *Server) Credentials() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tokens)
}

// Drained waits for all connections to close, and reports whether they did in time.
func (s *Server) Drained(within time.Duration) bool {
	for deadline := time.Now().Add(within); ; time.Sleep(5 * time.Millisecond) {
		if _, _, open := s.Connections(); open == 0 {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// Close ends all connections and waits for the server's goroutines.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for conn := range s.open {
		_ = conn.Close()
	}
	s.mu.Unlock()
	_ = s.listener.Close()
	s.running.Wait()
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && s.track(conn) {
			s.running.Go(func() {
				defer s.forget(conn)
				s.serve(conn)
			})
		}
	}
}

func (s *Server) track(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return false
	}
	s.accepted++
	s.open[conn] = true
	s.peak = max(s.peak, len(s.open))
	return true
}

func (s *Server) forget(conn net.Conn) {
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
}

func (s *Server) serve(raw net.Conn) {
	conn := raw
	if s.config != nil {
		conn = tls.Server(raw, s.config)
	}
	reader := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		handle := s.record(request)
		_, _ = io.Copy(io.Discard, request.Body) // the next request begins after it
		if !handle(&Exchange{Request: request, conn: conn, reader: reader}) {
			return
		}
	}
}

func (s *Server) record(r *http.Request) Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	for _, name := range credentialHeaders {
		s.tokens = append(s.tokens, r.Header[name]...)
	}
	return s.plan(s.requests)
}
