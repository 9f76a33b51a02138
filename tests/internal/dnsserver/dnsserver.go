// Package dnsserver is a name server on loopback, so that a failing name lookup is
// real and no query leaves the machine.
package dnsserver

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Server resolves every name to 127.0.0.1 until [Server.Fail] is called.
type Server struct {
	conn    net.PacketConn
	failing atomic.Bool
	running sync.WaitGroup
}

// Start serves until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{conn: conn}
	s.running.Go(s.serve)
	t.Cleanup(func() {
		_ = conn.Close()
		s.running.Wait()
	})
	return s
}

// Fail makes every lookup fail, or succeed again.
func (s *Server) Fail(failing bool) { s.failing.Store(failing) }

// Resolver returns a resolver that uses this server only.
func (s *Server) Resolver() *net.Resolver {
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "udp", s.conn.LocalAddr().String())
		},
	}
}

func (s *Server) serve() {
	query := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(query)
		if err != nil {
			return
		}
		if reply := s.reply(query[:n]); reply != nil {
			_, _ = s.conn.WriteTo(reply, from)
		}
	}
}

const (
	headerLength = 12
	typeA        = 1
	noSuchName   = 3
)

// reply builds a response by RFC 1035, section 4: the header, the question unchanged,
// and one address record for an IPv4 question unless lookups fail. It returns nil for a
// query that is cut off.
func (s *Server) reply(query []byte) []byte {
	end := headerLength
	for end < len(query) && query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root label, type and class
	if end > len(query) {
		return nil
	}
	question := query[headerLength:end]
	isA := question[len(question)-3] == typeA
	header := []byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}
	switch {
	case s.failing.Load():
		header[3] |= noSuchName
		return append(header, question...)
	case isA:
		header[7] = 1
		answer := []byte{0xc0, headerLength, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1}
		return append(append(header, question...), answer...)
	default:
		return append(header, question...)
	}
}
