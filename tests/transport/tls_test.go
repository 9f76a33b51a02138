package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	"github.com/certuse/cloudflare-mtls/tests/internal/certs"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

func TestServersWithInvalidCertificatesAreRefused(t *testing.T) {
	t.Parallel()
	trusted, stranger := certs.NewAuthority(t), certs.NewAuthority(t)
	for name, test := range map[string]struct {
		cert tls.Certificate
		says string
	}{
		"wrong name":        {trusted.Issue(t, tomorrow(), "other.example"), "not " + apiHost},
		"expired":           {trusted.Issue(t, time.Now().Add(-time.Hour), apiHost), "expired"},
		"self-signed":       {certs.SelfSigned(t, apiHost), "unknown authority"},
		"unknown authority": {stranger.Issue(t, tomorrow(), apiHost), "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := fs.Start(t, fs.Always(fs.OK()), serving(test.cert))
			routes := network{apiHost + ":443": server.Addr()}
			client := newClient(t, credentials["token"], routes.transport(trusted), "https://"+apiHost+"/client/v4")
			_, err := client.Associations(t.Context(), cert)
			if !errors.Is(err, api.ErrUnreachable) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want an error that says %q", err, test.says)
			}
			if server.Requests() != 0 {
				t.Error("a request was sent")
			}
			canary.Check(t, "error", err)
		})
	}
}

func TestHTTP2IsUsedWhereItIsOffered(t *testing.T) {
	t.Parallel()
	authority := certs.NewAuthority(t)
	for _, test := range []struct {
		name string
		h2   bool
		want string
	}{
		{"HTTP/2 where it is offered", true, "HTTP/2.0"},
		{"HTTP/1.1 where it is not", false, "HTTP/1.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := make(chan string, 1)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got <- r.Proto
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, fs.InUseBody)
			}))
			server.EnableHTTP2 = test.h2
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.TLS = serving(authority.Issue(t, tomorrow(), apiHost))
			server.StartTLS()
			defer server.Close()
			routes := network{apiHost + ":443": server.Listener.Addr().String()}
			client := newClient(t, credentials["token"], routes.transport(authority), "https://"+apiHost+"/client/v4")
			list, err := client.Associations(t.Context(), cert)
			if err != nil || list.Usage() != api.InUse {
				t.Fatalf("list %v, error %v", list, err)
			}
			if proto := <-got; proto != test.want {
				t.Errorf("%s, want %s", proto, test.want)
			}
			client.CloseIdleConnections()
		})
	}
}

// A stream that the server resets is an ordinary failed attempt.
func TestHTTP2StreamErrorsAreRetried(t *testing.T) {
	t.Parallel()
	authority := certs.NewAuthority(t)
	requests := make(chan struct{}, 8)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("the request is in %s", r.Proto)
		}
		requests <- struct{}{}
		w.Header().Set("Content-Type", "application/json")
		if len(requests) == 1 {
			_, _ = io.WriteString(w, fs.InUseBody[:20])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, fs.InUseBody)
	}))
	server.EnableHTTP2 = true
	server.TLS = serving(authority.Issue(t, tomorrow(), apiHost))
	server.StartTLS()
	defer server.Close()
	transport := network{apiHost + ":443": server.Listener.Addr().String()}.transport(authority)
	client, err := api.New(credentials["token"], api.WithBaseURL("https://"+apiHost+"/client/v4"),
		api.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.Associations(t.Context(), cert)
	if err != nil || list.Usage() != api.InUse || len(requests) != 2 {
		t.Errorf("list %v, error %v after %d requests", list, err, len(requests))
	}
	client.CloseIdleConnections()
}

// net/http repeats a request without a delay as long as the server refuses it with a
// GOAWAY. The client must end the attempt after 16 connections.
func TestRequestsThatAnHTTP2ServerRefusesAreLimited(t *testing.T) {
	t.Parallel()
	authority := certs.NewAuthority(t)
	config := serving(authority.Issue(t, tomorrow(), apiHost))
	config.NextProtos = []string{"h2"}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int64
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { refuseStreams(conn, &requests) })
		}
	})
	client, err := api.New(credentials["token"], api.WithBaseURL("https://"+apiHost+"/client/v4"), api.WithMaxAttempts(2),
		api.WithHTTPClient(&http.Client{Transport: network{apiHost + ":443": listener.Addr().String()}.transport(authority)}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = client.Associations(ctx, cert)
	failure, _ := errors.AsType[*api.Error](err)
	if !errors.Is(err, api.ErrUnreachable) || ctx.Err() != nil || failure.Attempts != 2 || !strings.Contains(err.Error(), "more than 16 connections") {
		t.Errorf("error %v", err)
	}
	if n := requests.Load(); n < 2 || n > 2*17 {
		t.Errorf("%d requests", n)
	}
	_ = listener.Close()
	client.CloseIdleConnections()
	running.Wait()
}

// refuseStreams serves a connection of HTTP/2 (RFC 9113). It counts the requests and
// refuses each with a GOAWAY whose last accepted stream is 0.
func refuseStreams(conn net.Conn, requests *atomic.Int64) {
	defer func() { _ = conn.Close() }()
	const (
		preface     = 24 // bytes
		headerSize  = 9
		headersType = 1
		settings    = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
		goAway      = "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"
	)
	_, _ = io.WriteString(conn, settings)
	if _, err := io.CopyN(io.Discard, conn, preface); err != nil {
		return
	}
	for {
		var header [headerSize]byte
		if _, err := io.ReadFull(conn, header[:]); err != nil {
			return
		}
		length := int64(header[0])<<16 | int64(header[1])<<8 | int64(header[2])
		if _, err := io.CopyN(io.Discard, conn, length); err != nil {
			return
		}
		if header[3] == headersType {
			requests.Add(1)
			_, _ = io.WriteString(conn, goAway)
		}
	}
}
