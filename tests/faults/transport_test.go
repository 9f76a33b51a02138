package faults

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

func newClient(t *testing.T, base string, opts ...api.Option) *api.Client {
	t.Helper()
	client, err := api.New(api.APIToken(canary.Token), append([]api.Option{api.WithBaseURL(base)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// net/http repeats a request itself when a reused connection is closed without a
// response. The client counts the two requests as one attempt. The client's default
// rate limit is below the vendor's, which leaves room for such requests.
func TestARequestOnAStaleConnectionIsRepeatedByNetHTTP(t *testing.T) {
	t.Parallel()
	repeated := func() (requests int, err error) {
		server := fs.Start(t, func(n int) fs.Handler {
			if n == 2 {
				return fs.Cut("")
			}
			return fs.OK()
		}, nil)
		client := newClient(t, server.URL(), api.WithMaxAttempts(1))
		for range 2 {
			if _, err := client.Associations(t.Context(), cert); err != nil {
				return server.Requests(), err
			}
		}
		return server.Requests(), nil
	}
	var (
		n   int
		err error
	)
	for range rounds { // the second call may find no connection to reuse
		if n, err = repeated(); n == 3 && err == nil {
			return
		}
	}
	t.Errorf("%d requests for 2 calls, want 3; error %v", n, err)
}

// The size limit applies to the sum of the header and the informational responses.
func TestEndlessHeadersEndAtTheSizeLimit(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]fs.Handler{
		"endless informational responses": fs.Drip("", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 4), 0),
		"endless header lines":            fs.Drip("HTTP/1.1 200 OK\r\n", "X: y\r\n", 0),
		"one endless header line":         fs.Drip("HTTP/1.1 200 OK\r\nX: ", "y", 0),
		"endless status line":             fs.Drip("HTTP/1.1 200 ", "O", 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := fs.Start(t, fs.Always(response), nil)
			client := newClient(t, server.URL(), api.WithMaxAttempts(1), api.WithAttemptTimeout(time.Minute))
			started := time.Now()
			_, err := client.Associations(t.Context(), cert)
			if !errors.Is(err, api.ErrUnreachable) || timeout(err) {
				t.Errorf("after %v: %v; want an error about the size before the timeout", time.Since(started), err)
			}
			canary.Check(t, "error", err)
		})
	}
}

// An attempt ends at its timeout if the host accepts the connection and never responds.
func TestSilenceInTheHandshakeEndsWithTheAttempt(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	client := newClient(t, "https://"+listener.Addr().String()+"/client/v4", api.WithMaxAttempts(1), api.WithAttemptTimeout(300*time.Millisecond))
	started := time.Now()
	_, err = client.Associations(t.Context(), cert)
	if !errors.Is(err, api.ErrUnreachable) || !timeout(err) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(started); took > slack {
		t.Errorf("took %v", took)
	}
}

// bodies counts the bodies that a transport returns and those that are closed.
type bodies struct {
	next           http.RoundTripper
	opened, closed atomic.Int64
}

func (b *bodies) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err == nil {
		b.opened.Add(1)
		response.Body = &countedBody{ReadCloser: response.Body, closed: &b.closed}
	}
	return response, err
}

type countedBody struct {
	io.ReadCloser
	once   sync.Once
	closed *atomic.Int64
}

func (b *countedBody) Close() error {
	b.once.Do(func() { b.closed.Add(1) })
	return b.ReadCloser.Close()
}

func TestEveryBodyIsClosed(t *testing.T) {
	t.Parallel()
	for _, f := range append(table, fault{name: "no fault", response: fs.OK(), sentinels: []error{nil}}) {
		if errors.Is(f.sentinels[0], api.ErrUnreachable) {
			continue // no response, no body
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			server := fs.Start(t, fs.Always(f.response), nil)
			counted := &bodies{next: &http.Transport{}}
			client := newClient(t, server.URL(), api.WithMaxAttempts(2), api.WithAttemptTimeout(attemptTimeout),
				api.WithMaxResponseBytes(1<<20), api.WithHTTPClient(&http.Client{Transport: counted}))
			_, _ = client.Associations(t.Context(), cert)
			// On a loaded machine the call may return before a timed-out attempt has
			// closed its body.
			opened, closed := counted.opened.Load(), counted.closed.Load()
			for end := time.Now().Add(slack); closed < opened && time.Now().Before(end); closed = counted.closed.Load() {
				time.Sleep(5 * time.Millisecond)
			}
			if opened == 0 || opened != closed {
				t.Errorf("%d of %d bodies were closed", closed, opened)
			}
			counted.next.(*http.Transport).CloseIdleConnections()
		})
	}
}
