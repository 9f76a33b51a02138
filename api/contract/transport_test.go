package contract_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/certuse/cloudflare-mtls/api/contract"
)

func TestValidTrafficIsUnchangedAndNotReported(t *testing.T) {
	t.Parallel()
	for _, mode := range []contract.Mode{contract.Report, contract.Fail} {
		transport, seen := newTransport(t, respondWith(200, "application/json", inUse), contract.WithMode(mode))
		resp, err := transport.RoundTrip(get(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(resp.Body, []byte(inUse)); err != nil {
			t.Error(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Errorf("mode %d: close: %v", mode, err)
		}
		wantViolations(t, seen.got)
	}
}

func TestReportModeChangesNothing(t *testing.T) {
	t.Parallel()
	const body = `{"success":"yes"}`
	transport, seen := newTransport(t, respondWith(200, "application/json", body))
	req := get(t)
	req.Header.Del("Authorization")
	wantBody(t, transport, req, body)
	wantViolations(t, seen.got, "bad request /security", "bad response /errors", "bad response /messages", "bad response /success")
}

func TestFailModeSendsNoBadRequest(t *testing.T) {
	t.Parallel()
	sent := false
	transport, seen := newTransport(t, roundTrip(func(*http.Request) (*http.Response, error) {
		sent = true
		return nil, errors.New("sent")
	}), contract.WithMode(contract.Fail))
	req := get(t)
	req.URL.RawQuery = "unknown=2"
	body := &closeRecorder{Reader: strings.NewReader("x")}
	req.Body = body
	_, err := transport.RoundTrip(req)
	failure, ok := errors.AsType[*contract.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *contract.Error", err)
	}
	if sent || !body.closed {
		t.Errorf("request sent: %t, body closed: %t", sent, body.closed)
	}
	wantViolations(t, failure.Violations, "bad request /body", "bad request /query/unknown")
	wantViolations(t, seen.got, "bad request /body", "bad request /query/unknown")
}

type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error { c.closed = true; return nil }

func TestFailModeEndsABadBodyWithTheError(t *testing.T) {
	t.Parallel()
	const body = `{"success":true,"result":[]}`
	transport, seen := newTransport(t, respondWith(200, "application/json", body), contract.WithMode(contract.Fail))
	got, err, closed := send(t, transport, get(t))
	failure, ok := errors.AsType[*contract.Error](err)
	if got != body || !ok || closed == nil {
		t.Fatalf("read %q, %v; close: %v", got, err, closed)
	}
	wantViolations(t, failure.Violations, "bad response /errors", "bad response /messages")
	wantViolations(t, seen.got, "bad response /errors", "bad response /messages")
}

func TestDriftNeverFails(t *testing.T) {
	t.Parallel()
	newField := strings.Replace(inUse, `"success"`, `"new":1,"success"`, 1)
	transport, seen := newTransport(t, respondWith(200, "application/json", newField), contract.WithMode(contract.Fail))
	wantBody(t, transport, get(t), newField)
	wantViolations(t, seen.got, "drift /new")
	transport, seen = newTransport(t, respondWith(503, "text/html", "<html>"), contract.WithMode(contract.Fail))
	wantBody(t, transport, get(t), "<html>")
	wantViolations(t, seen.got, "drift /status")
}

func TestOtherTrafficPassesThrough(t *testing.T) {
	t.Parallel()
	transport, seen := newTransport(t, respondWith(200, "text/plain", "hello"), contract.WithMode(contract.Fail))
	req := get(t)
	req.URL.Path = "/client/v4/elsewhere"
	wantBody(t, transport, req, "hello")
	wantViolations(t, seen.got, "outside /path")
}

func TestUncheckedBodiesAreReported(t *testing.T) {
	t.Parallel()
	failing := func(cause error) roundTrip {
		return func(req *http.Request) (*http.Response, error) {
			resp, err := respondWith(200, "application/json", "")(req)
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"errors":`), iotest.ErrReader(cause)))
			return resp, err
		}
	}
	lost := fmt.Errorf("connection lost: %w", io.EOF)
	encoded := func(encoding string, body []byte) roundTrip {
		return func(req *http.Request) (*http.Response, error) {
			resp, err := respondWith(200, "application/json", string(body))(req)
			resp.Header.Set("Content-Encoding", encoding)
			return resp, err
		}
	}
	tests := []struct {
		name  string
		next  roundTrip
		read  int64 // bytes; -1: all
		opts  []contract.Option
		want  []string
		cause error
	}{
		{"longer than the limit", respondWith(200, "application/json", inUse), -1, []contract.Option{contract.WithMaxBytes(len(inUse) - 1)}, []string{"unchecked "}, nil},
		{"as long as the limit", respondWith(200, "application/json", inUse), -1, []contract.Option{contract.WithMaxBytes(len(inUse))}, nil, nil},
		{"closed early", respondWith(200, "application/json", inUse), 5, nil, []string{"unchecked "}, nil},
		{"closed unread", respondWith(200, "application/json", inUse), 0, nil, []string{"unchecked "}, nil},
		{"closed after the value", respondWith(200, "application/json", inUse+"\n"), int64(len(inUse)), nil, nil, nil},
		{"all read, end not seen", respondWith(200, "text/html", "<p>"), 3, nil, []string{"bad response /header/Content-Type"}, nil},
		{"broken off", failing(io.ErrUnexpectedEOF), -1, nil, []string{"unchecked "}, io.ErrUnexpectedEOF},
		{"broken off with a wrapped end", failing(lost), -1, nil, []string{"unchecked "}, lost},
		{"gzip", encoded("gzip", gzipped(inUse)), -1, nil, nil, nil},
		{"gzip bomb", encoded("gzip", gzipped(inUse+strings.Repeat(" ", 1<<20))), -1, []contract.Option{contract.WithMaxBytes(1 << 16)}, []string{"unchecked "}, nil},
		{"broken gzip", encoded("gzip", gzipped(inUse)[:40]), -1, nil, []string{"unchecked /header/Content-Encoding"}, nil},
		{"other encoding", encoded("br", []byte(inUse)), -1, nil, []string{"unchecked /header/Content-Encoding"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			transport, seen := newTransport(t, tt.next, append(tt.opts, contract.WithMode(contract.Fail))...)
			resp, err := transport.RoundTrip(get(t))
			if err != nil {
				t.Fatal(err)
			}
			if tt.read < 0 {
				_, err = io.ReadAll(resp.Body)
			} else {
				_, err = io.CopyN(io.Discard, resp.Body, tt.read)
			}
			if !errors.Is(err, tt.cause) {
				t.Errorf("read returned %v, want %v", err, tt.cause)
			}
			_ = resp.Body.Close()
			wantViolations(t, seen.got, tt.want...)
		})
	}
}

func gzipped(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.Bytes()
}

func TestResponseWithoutBodyIsChecked(t *testing.T) {
	t.Parallel()
	for _, empty := range []io.ReadCloser{http.NoBody, nil} {
		next := roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 404, Header: http.Header{"Content-Type": {"application/json"}}, Body: empty}, nil
		})
		transport, seen := newTransport(t, next, contract.WithMode(contract.Fail))
		resp, err := transport.RoundTrip(get(t))
		if err != nil || resp.StatusCode != 404 {
			t.Fatalf("got %v, %v, want a response with status 404", resp, err)
		}
		got, err := io.ReadAll(resp.Body)
		if _, ok := errors.AsType[*contract.Error](err); !ok || len(got) > 0 || resp.Body.Close() == nil {
			t.Errorf("an empty 404 passed: read %q, %v", got, err)
		}
		wantViolations(t, seen.got, "bad response ")
	}
}

func TestErrorOfTheWrappedTransportPassesThrough(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	transport, seen := newTransport(t, roundTrip(func(*http.Request) (*http.Response, error) { return nil, broken }))
	withoutURL := &http.Request{Header: http.Header{}}
	for _, req := range []*http.Request{get(t), withoutURL} {
		if _, err := transport.RoundTrip(req); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
	}
	wantViolations(t, seen.got)
}

// idleCounter is a transport that counts calls of CloseIdleConnections.
type idleCounter struct {
	roundTrip
	closed int
}

func (i *idleCounter) CloseIdleConnections() { i.closed++ }

func TestIdleConnectionsOfTheWrappedTransportAreClosed(t *testing.T) {
	t.Parallel()
	next := &idleCounter{roundTrip: respondWith(200, "application/json", inUse)}
	transport, _ := newTransport(t, next)
	(&http.Client{Transport: transport}).CloseIdleConnections()
	if next.closed != 1 {
		t.Errorf("closed %d times", next.closed)
	}
}

func TestErrorsOfABodyBelongToTheCaller(t *testing.T) {
	t.Parallel()
	transport, _ := newTransport(t, respondWith(200, "application/json", `{}`), contract.WithMode(contract.Fail))
	resp, err := transport.RoundTrip(get(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(resp.Body)
	text := fmt.Sprint(err)
	failure, ok := errors.AsType[*contract.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *contract.Error", err)
	}
	failure.Violations[0].Message = "changed"
	if err := resp.Body.Close(); err == nil || err.Error() != text {
		t.Errorf("after a change by the caller: %v, want %s", err, text)
	}
}
