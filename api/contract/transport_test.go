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

	"github.com/google/go-cmp/cmp"

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
		if err := resp.Body.Close(); err != nil || len(seen.summary()) > 0 {
			t.Errorf("mode %d: close %v, violations %v", mode, err, seen.summary())
		}
	}
}

func TestReportModeChangesNothing(t *testing.T) {
	t.Parallel()
	const body = `{"success":"yes"}`
	transport, seen := newTransport(t, respondWith(200, "application/json", body))
	req := get(t)
	req.Header.Del("Authorization")
	if got, err, closed := send(t, transport, req); got != body || err != nil || closed != nil {
		t.Errorf("read %q, %v, %v", got, err, closed)
	}
	want := []string{"bad request /security", "bad response /errors", "bad response /messages", "bad response /success"}
	if diff := cmp.Diff(want, seen.summary()); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
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
	closed := &closeRecorder{Reader: strings.NewReader("x")}
	req.Body = closed
	_, err := transport.RoundTrip(req)
	failure, ok := errors.AsType[*contract.Error](err)
	if !ok || sent || len(failure.Violations) != 2 || len(seen.summary()) != 2 || !closed.closed {
		t.Errorf("error %v, sent %t, reported %v, body closed %t", err, sent, seen.summary(), closed.closed)
	}
	if text := err.Error(); !strings.HasPrefix(text, "contract: bad request at /body") || !strings.Contains(text, "1") {
		t.Errorf("error text %q", text)
	}
}

type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error { c.closed = true; return nil }

func TestFailModeEndsABadBodyWithTheError(t *testing.T) {
	t.Parallel()
	const body = `{"success":true}`
	transport, seen := newTransport(t, respondWith(200, "application/json", body), contract.WithMode(contract.Fail))
	got, err, closed := send(t, transport, get(t))
	failure, ok := errors.AsType[*contract.Error](err)
	if got != body || !ok || len(failure.Violations) != 2 {
		t.Errorf("read %q, %v", got, err)
	}
	if closed == nil || len(seen.summary()) != 2 {
		t.Errorf("close returned %v, reported %v", closed, seen.summary())
	}
}

func TestDriftNeverFails(t *testing.T) {
	t.Parallel()
	for _, next := range []roundTrip{
		respondWith(503, "text/html", "<html>"),
		respondWith(200, "application/json", strings.Replace(inUse, `"success"`, `"new":1,"success"`, 1)),
	} {
		transport, seen := newTransport(t, next, contract.WithMode(contract.Fail))
		if _, err, closed := send(t, transport, get(t)); err != nil || closed != nil {
			t.Errorf("drift failed the call: %v, %v", err, closed)
		}
		if got := seen.summary(); len(got) != 1 || !strings.HasPrefix(got[0], "drift ") {
			t.Errorf("violations %v", got)
		}
	}
}

func TestOtherTrafficPassesThrough(t *testing.T) {
	t.Parallel()
	transport, seen := newTransport(t, respondWith(200, "text/plain", "hello"), contract.WithMode(contract.Fail))
	req := get(t)
	req.URL.Path = "/client/v4/zones"
	if got, err, closed := send(t, transport, req); got != "hello" || err != nil || closed != nil {
		t.Errorf("read %q, %v, %v", got, err, closed)
	}
	if diff := cmp.Diff([]string{"outside /path"}, seen.summary()); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

func TestUncheckedBodiesAreReported(t *testing.T) {
	t.Parallel()
	failing := func(req *http.Request) (*http.Response, error) {
		resp, err := respondWith(200, "application/json", "")(req)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"errors":`), iotest.ErrReader(io.ErrUnexpectedEOF)))
		return resp, err
	}
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
		{"broken off", failing, -1, nil, []string{"unchecked "}, io.ErrUnexpectedEOF},
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
			if diff := cmp.Diff(tt.want, seen.summary()); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
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
			t.Fatalf("the status is lost: %v, %v", resp, err)
		}
		got, err := io.ReadAll(resp.Body)
		if _, ok := errors.AsType[*contract.Error](err); !ok || len(got) > 0 || resp.Body.Close() == nil {
			t.Errorf("an empty 404 passed: read %q, %v", got, err)
		}
		if diff := cmp.Diff([]string{"bad response "}, seen.summary()); diff != "" {
			t.Errorf("violations (-want +got):\n%s", diff)
		}
	}
}

func TestErrorOfTheWrappedTransportPassesThrough(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	transport, seen := newTransport(t, roundTrip(func(*http.Request) (*http.Response, error) { return nil, broken }))
	if _, err := transport.RoundTrip(get(t)); !errors.Is(err, broken) || len(seen.summary()) > 0 {
		t.Errorf("error %v, violations %v", err, seen.summary())
	}
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

func TestRequestWithoutURLIsLeftToTheWrappedTransport(t *testing.T) {
	t.Parallel()
	broken := errors.New("no URL")
	transport, seen := newTransport(t, roundTrip(func(*http.Request) (*http.Response, error) { return nil, broken }))
	if _, err := transport.RoundTrip(&http.Request{Header: http.Header{}}); !errors.Is(err, broken) || len(seen.summary()) > 0 {
		t.Errorf("error %v, violations %v", err, seen.summary())
	}
}

func TestErrorsOfABodyBelongToTheCaller(t *testing.T) {
	t.Parallel()
	transport, _ := newTransport(t, respondWith(200, "application/json", `{}`), contract.WithMode(contract.Fail))
	resp, err := transport.RoundTrip(get(t))
	if err != nil {
		t.Fatal(err)
	}
	_, first := io.ReadAll(resp.Body)
	text := fmt.Sprint(first)
	var failure *contract.Error
	if !errors.As(first, &failure) {
		t.Fatalf("got %v", first)
	}
	failure.Violations[0].Message = "changed"
	if second := resp.Body.Close(); second == nil || second.Error() != text {
		t.Errorf("after a change by the caller: %v, want %s", second, text)
	}
}
