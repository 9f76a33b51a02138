package api_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// gracePeriod is how long an attempt may take to return after its context has ended.
const gracePeriod = 100 * time.Millisecond

// bodyFunc is a body whose methods call the functions.
type bodyFunc struct{ read, close func() error }

func (b bodyFunc) Read([]byte) (int, error) { return 0, b.read() }
func (b bodyFunc) Close() error             { return b.close() }

func responseWithBody(status int, read, closeBody func() error) *http.Response {
	resp := response(status, "")
	resp.Body, resp.ContentLength = bodyFunc{read, closeBody}, -1
	return resp
}

// stuckTransports returns transports that ignore the context of the request, by the
// place where they block.
func stuckTransports(release <-chan struct{}) map[string]roundTrip {
	hang := func() error { <-release; return errors.New("released") }
	end := func() error { return io.EOF }
	done := func() error { return nil }
	return map[string]roundTrip{
		"sending":                       func(*http.Request) (*http.Response, error) { return nil, hang() },
		"sending, then a late response": func(*http.Request) (*http.Response, error) { _ = hang(); return response(200, emptyBody), nil },
		"sending, then panic":           func(*http.Request) (*http.Response, error) { panic(hang()) },
		"sending, then Goexit":          func(*http.Request) (*http.Response, error) { _ = hang(); runtime.Goexit(); return nil, nil },
		"reading":                       func(*http.Request) (*http.Response, error) { return responseWithBody(200, hang, done), nil },
		"reading a failure":             func(*http.Request) (*http.Response, error) { return responseWithBody(503, hang, done), nil },
		"reading a redirect":            func(*http.Request) (*http.Response, error) { return responseWithBody(302, hang, done), nil },
		"closing":                       func(*http.Request) (*http.Response, error) { return responseWithBody(200, end, hang), nil },
		"closing after 101":             func(*http.Request) (*http.Response, error) { return responseWithBody(101, hang, hang), nil },
	}
}

func TestCallsAndAuditsEndDespiteAStuckTransport(t *testing.T) {
	t.Parallel()
	const soon, timeout = time.Second, 3 * time.Second
	limits := map[string]struct {
		ends  time.Duration
		bound func(context.Context) (context.Context, context.CancelFunc)
		cause error // nil: not an error of the caller's context
	}{
		"attempt timeout": {timeout, context.WithCancel, nil},
		"deadline": {soon, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, soon)
		}, context.DeadlineExceeded},
		"cancel": {soon, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(soon, cancel)
			return ctx, cancel
		}, context.Canceled},
	}
	calls := map[string]func(context.Context, *api.Client) error{
		"Associations": func(ctx context.Context, c *api.Client) error {
			_, err := c.Associations(ctx, cert)
			return err
		},
		"Audit": func(ctx context.Context, c *api.Client) (err error) {
			for r := range c.Audit(ctx, numberedRefs(1)) {
				err = r.Err
			}
			return err
		},
	}
	for place := range stuckTransports(nil) {
		for limit, l := range limits {
			for call, do := range calls {
				t.Run(place+"/"+limit+"/"+call, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						release := make(chan struct{})
						defer close(release) // synctest fails unless all goroutines end
						client := newClient(t, stuckTransports(release)[place], api.WithAttemptTimeout(timeout), api.WithMaxAttempts(1))
						ctx, cancel := l.bound(t.Context())
						defer cancel()
						start := time.Now()
						err := do(ctx, client)
						e := asError(t, err)
						wantTook(t, "the call", start, l.ends+gracePeriod, l.ends+gracePeriod)
						if e.Attempts != 1 {
							t.Errorf("%d attempts: %v", e.Attempts, err)
						}
						for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
							if want := l.cause == cause && e.StatusCode != 302 && e.StatusCode != 101; errors.Is(err, cause) != want {
								t.Errorf("errors.Is(err, %v) is %t: %v", cause, !want, err)
							}
						}
						if noResponse := strings.HasPrefix(place, "sending"); errors.Is(err, api.ErrUnreachable) != noResponse || (e.StatusCode == 0) != noResponse {
							t.Errorf("status %d: %v", e.StatusCode, err)
						}
					})
				})
			}
		}
	}
}

func TestAResponseThatComesTooLateIsClosedUnread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		rt := scripted(func(*http.Request) (*http.Response, error) { <-release; return response(200, inUseBody), nil })
		_, err := newClient(t, rt, api.WithAttemptTimeout(time.Second), api.WithMaxAttempts(1)).Associations(t.Context(), cert)
		if !errors.Is(err, api.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
		close(release)
		synctest.Wait()
		if len(rt.bodies) != 1 || !rt.bodies[0].closed || rt.bodies[0].ended {
			t.Errorf("bodies %+v", rt.bodies)
		}
	})
}

func TestAnAbandonedAttemptFreesItsPlaceInTheLimiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var hung atomic.Bool
		rt := roundTrip(func(*http.Request) (*http.Response, error) {
			if !hung.Swap(true) {
				<-release
			}
			return response(200, emptyBody), nil
		})
		client := newClient(t, rt, api.WithAttemptTimeout(time.Second), api.WithMaxAttempts(1), api.WithRateLimit(1, time.Second))
		if _, err := client.Associations(t.Context(), cert); !errors.Is(err, api.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
		start := time.Now()
		if _, err := client.Associations(t.Context(), cert); err != nil {
			t.Error(err)
		}
		wantTook(t, "the next call", start, 0, time.Second+gracePeriod)
	})
}

func TestPanicsReachTheCallerOfACall(t *testing.T) {
	t.Parallel()
	for name, rt := range map[string]roundTrip{
		"transport": func(*http.Request) (*http.Response, error) { panic("boom") },
		"body": func(*http.Request) (*http.Response, error) {
			return responseWithBody(200, func() error { panic("boom") }, func() error { return nil }), nil
		},
	} {
		func() {
			defer func() {
				if got := recover(); got != "boom" {
					t.Errorf("%s: recovered %v", name, got)
				}
			}()
			_, err := newClient(t, rt).Associations(t.Context(), cert)
			t.Errorf("%s: returned %v", name, err)
		}()
	}
	exited := make(chan bool)
	go func() {
		returned := false
		defer func() { exited <- !returned && recover() == nil }()
		rt := roundTrip(func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil })
		_, _ = newClient(t, rt).Associations(context.Background(), cert)
		returned = true
	}()
	if !<-exited {
		t.Error("runtime.Goexit in the transport did not end the goroutine of the call")
	}
}

// panickingHandler is a log handler that panics while broken is true.
type panickingHandler struct {
	slog.Handler
	broken *bool
}

func (h panickingHandler) Enabled(context.Context, slog.Level) bool {
	if *h.broken {
		panic("no level")
	}
	return false
}

func TestAPanicOfALoggerTakesNothingFromTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := true
		logger := slog.New(panickingHandler{slog.DiscardHandler, &broken})
		client := newClient(t, scripted(reply(200, emptyBody)), api.WithLogger(logger), api.WithRateLimit(1, time.Minute))
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic did not reach the caller")
				}
			}()
			_, _ = client.Associations(t.Context(), cert)
		}()
		broken = false
		if _, err := client.Associations(t.Context(), cert); err != nil {
			t.Errorf("after the panic: %v", err)
		}
	})
}

func TestABodyThatPanicsIsClosed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 302, 403} {
		for name, end := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
			var closed atomic.Bool
			rt := roundTrip(func(*http.Request) (*http.Response, error) {
				return responseWithBody(status, func() error { end(); return io.EOF }, func() error { closed.Store(true); return nil }), nil
			})
			client, ended := newClient(t, rt), make(chan bool)
			go func() {
				defer close(ended)
				defer func() { _ = recover() }()
				_, err := client.Associations(context.Background(), cert)
				t.Errorf("%s after %d: returned %v", name, status, err)
			}()
			if <-ended; !closed.Load() {
				t.Errorf("%s after %d: the body is not closed", name, status)
			}
		}
	}
}

// The race detector reports a write to the response.
func TestASharedResponseIsNotChanged(t *testing.T) {
	t.Parallel()
	shared := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}}
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) { return shared, nil }))
	for r := range client.Audit(t.Context(), numberedRefs(10)) {
		wantSentinels(t, r.Err, api.ErrUnexpectedResponse)
	}
	if shared.Body != nil {
		t.Error("the client gave the response a body")
	}
}

func TestSwitchingProtocolsIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	closed := make(chan error, 1)
	address := serveConnections(t, func(conn net.Conn) {
		_, err := http.ReadRequest(bufio.NewReader(conn))
		if err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_, err = io.Copy(io.Discard, conn)
		}
		closed <- err
	})
	client := newClient(t, &http.Transport{}, api.WithBaseURL("http://"+address), api.WithAttemptTimeout(time.Minute))
	start := time.Now()
	_, err := client.Associations(t.Context(), cert)
	wantTook(t, "the call", start, 0, 30*time.Second) // not until the attempt times out
	if e := asError(t, err); e.StatusCode != 101 || e.Attempts != 1 {
		t.Errorf("got %+v", e)
	}
	wantSentinels(t, err, api.ErrUnexpectedResponse)
	if err := <-closed; err != nil {
		t.Errorf("the client has not closed the connection: %v", err)
	}
}

// The Proxy function is called for the request, and again to search texts for the
// password of the proxy.
func TestCallsEndDespiteAProxyFunctionThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	rows := strings.Repeat(`{"service":"a\u0041"},`, 300)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"success":true,"result":[`+rows+`{}]}`)
	}))
	defer server.Close()
	for _, base := range []string{"https://host.invalid", server.URL} {
		var calls atomic.Int32
		blocked := make(chan struct{})
		transport := &http.Transport{
			Proxy: func(*http.Request) (*url.URL, error) {
				if calls.Add(1) > 1 {
					<-blocked
				}
				return nil, nil
			},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == "host.invalid:443" {
					return nil, errReset
				}
				return new(net.Dialer).DialContext(ctx, network, address)
			},
		}
		start := time.Now()
		_, err := newClient(t, transport, api.WithBaseURL(base), api.WithMaxAttempts(1)).Associations(t.Context(), cert)
		if calls.Load() != 2 || (err == nil) != (base == server.URL) || time.Since(start) > 10*time.Second {
			t.Errorf("%s: %d calls, %v after %v", base, calls.Load(), err, time.Since(start))
		}
		if err != nil && !strings.Contains(err.Error(), "its message is withheld") {
			t.Error(err)
		}
		close(blocked)
	}
}
