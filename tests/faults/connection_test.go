package faults

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/tests/internal/certs"
	"github.com/certuse/cloudflare-mtls/tests/internal/dnsserver"
)

// connectionFault sets up a fault of the connection to the server. link.next decides
// which dials fail, or give a connection that fails.
type connectionFault func(t *testing.T, l *link)

// link is the connection to the server of one cell.
type link struct {
	transport *http.Transport
	tls       *tls.Config

	mu    sync.Mutex
	dials int
	// bad reports whether the n-th dial, counted from 1, has the fault.
	bad func(n int) bool
	// during is called in the middle of a TLS handshake that fails.
	during func()
}

func (l *link) fail(bad func(n int) bool, during func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bad, l.during = bad, during
}

// next counts a dial. It returns during, and whether the dial has the fault.
func (l *link) next() (during func(), isBad bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dials++
	return l.during, l.bad(l.dials)
}

func (l *link) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dials
}

func refused(_ *testing.T, l *link) {
	// Nothing listens on port 1. Another test may take a port that was just freed.
	const closedAddr = "127.0.0.1:1"
	l.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if _, bad := l.next(); bad {
			addr = closedAddr
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
}

// resetEarly resets the connection when the request begins to arrive.
func resetEarly(t *testing.T, l *link) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1))
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = conn.Close()
		}
	}()
	l.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if _, bad := l.next(); bad {
			addr = listener.Addr().String()
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
}

func unresolved(t *testing.T, l *link) {
	resolving, failing := dnsserver.Start(t), dnsserver.Start(t)
	failing.Fail(true)
	l.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialer := net.Dialer{Resolver: resolving.Resolver()}
		if _, bad := l.next(); bad {
			dialer.Resolver = failing.Resolver()
		}
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		return dialer.DialContext(ctx, network, net.JoinHostPort("api.test.", port))
	}
}

func untrusted(t *testing.T, l *link) {
	authority := certs.NewAuthority(t)
	good := authority.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")
	bad := certs.SelfSigned(t, "127.0.0.1")
	l.tls = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if during, isBad := l.next(); isBad {
			during()
			return &bad, nil
		}
		return &good, nil
	}}
	l.transport.TLSClientConfig = &tls.Config{RootCAs: authority.Pool()}
}
