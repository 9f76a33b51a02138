package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// The canaries must appear only in request headers.
const (
	token = "canary-token-0123456789-abcdefghijklmnop"
	email = "canary-mail@example.com"
	key   = "canary-key-0123456789-abcdefghijklmnopq"
)

var cert = api.CertificateRef{AccountID: "023e105f4ecef8ad9ca31a8372d0c353", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}

const (
	emptyBody = `{"success":true,"errors":[],"messages":[],"result":[]}`
	inUseBody = `{"success":true,"errors":[],"messages":[],"result":[{"service":"gateway","status":"active"}]}`
)

// noContext is a nil context.
var noContext context.Context

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newClient returns a client whose transport is rt.
func newClient(t testing.TB, rt http.RoundTripper, opts ...api.Option) *api.Client {
	t.Helper()
	opts = append([]api.Option{api.WithHTTPClient(&http.Client{Transport: rt})}, opts...)
	client, err := api.New(api.APIToken(token), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// response returns a JSON response. header holds pairs of names and values, which
// replace the default headers; an empty value removes the header.
func response(status int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}, "Cf-Ray": {"8f2a5c-AMS"}}
	for i := 0; i < len(header); i += 2 {
		h.Del(header[i])
		if header[i+1] != "" {
			h.Add(header[i], header[i+1])
		}
	}
	return &http.Response{StatusCode: status, Header: h, Body: &trackedBody{Reader: strings.NewReader(body)}, ContentLength: int64(len(body))}
}

// trackedBody records whether it was read to the end and closed.
type trackedBody struct {
	io.Reader
	ended, closed bool
}

func (b *trackedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.ended = b.ended || errors.Is(err, io.EOF)
	return n, err
}

func (b *trackedBody) Close() error { b.closed = true; return nil }

// step is one scripted response or error.
type step func(*http.Request) (*http.Response, error)

func reply(status int, body string, header ...string) step {
	return func(*http.Request) (*http.Response, error) { return response(status, body, header...), nil }
}

func fail(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// script responds with its steps in order, and repeats the last one.
type script struct {
	mu     sync.Mutex
	steps  []step
	calls  int
	bodies []*trackedBody
}

func scripted(steps ...step) *script { return &script{steps: steps} }

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.steps[min(s.calls, len(s.steps)-1)]
	s.calls++
	resp, err := next(r)
	if err == nil {
		if b, ok := resp.Body.(*trackedBody); ok {
			s.bodies = append(s.bodies, b)
		}
	}
	return resp, err
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// asError fails the test unless err is an *api.Error.
func asError(t testing.TB, err error) *api.Error {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %T (%v), want *api.Error", err, err)
	}
	return e
}

var sentinels = map[string]error{
	"ErrUnauthorized": api.ErrUnauthorized, "ErrForbidden": api.ErrForbidden, "ErrNotFound": api.ErrNotFound,
	"ErrRateLimited": api.ErrRateLimited, "ErrServer": api.ErrServer, "ErrRejected": api.ErrRejected,
	"ErrRedirect": api.ErrRedirect, "ErrUnexpectedResponse": api.ErrUnexpectedResponse,
	"ErrNoResult": api.ErrNoResult, "ErrTruncated": api.ErrTruncated,
	"ErrResponseTooLarge": api.ErrResponseTooLarge, "ErrInvalidArgument": api.ErrInvalidArgument,
	"ErrUnreachable": api.ErrUnreachable, "ErrNotAsked": api.ErrNotAsked,
	"ErrInUse": api.ErrInUse, "ErrUsageUnknown": api.ErrUsageUnknown, "ErrManaged": api.ErrManaged,
	"ErrMismatch": api.ErrMismatch, "ErrOutcomeUnknown": api.ErrOutcomeUnknown,
}

// wantSentinels checks that err matches exactly these sentinels.
func wantSentinels(t testing.TB, err error, want ...error) {
	t.Helper()
	for name, s := range sentinels {
		expected := false
		for _, w := range want {
			expected = expected || w == s
		}
		if got := errors.Is(err, s); got != expected {
			t.Errorf("errors.Is(err, %s) is %t, want %t; err is %v", name, got, expected, err)
		}
	}
}

// wantTook checks the time that subject has taken since start.
func wantTook(t testing.TB, subject string, start time.Time, least, most time.Duration) {
	t.Helper()
	if took := time.Since(start); took < least || took > most {
		t.Errorf("%s took %v, want %v to %v", subject, took, least, most)
	}
}

// lastError returns the error of the last pair of a sequence.
func lastError[T any](all iter.Seq2[T, error]) (last error) {
	for _, err := range all {
		last = err
	}
	return last
}

// serveConnections calls handle with each connection to the returned address, and then
// closes the connection.
func serveConnections(t *testing.T, handle func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			handle(conn)
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

// newTLSServer starts a server with a certificate that only its own client trusts.
func newTLSServer(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func jsonString(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// diffOf returns both values if they differ, and "" otherwise. These tests import no
// module for comparisons, because every importing module would have it in go.sum.
func diffOf(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return fmt.Sprintf("want %+v\ngot  %+v", want, got)
}
