package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

var errReset = errors.New("connection reset by peer")

// brokenBody returns a response whose body ends with err after some bytes.
func brokenBody(status int, err error) step {
	return func(*http.Request) (*http.Response, error) {
		resp := response(status, "")
		resp.ContentLength = -1
		resp.Body = &trackedBody{Reader: io.MultiReader(strings.NewReader(inUseBody[:20]), iotest.ErrReader(err))}
		return resp, nil
	}
}

func shortBody(*http.Request) (*http.Response, error) {
	return sized(response(200, inUseBody[:20]), int64(len(inUseBody))), nil
}

func TestOnlyTransientFailuresAreRetried(t *testing.T) {
	t.Parallel()
	type failure struct {
		first   step
		retried bool
	}
	cases := map[string]failure{
		"no response":                 {fail(errReset), true},
		"body broken off":             {brokenBody(200, io.ErrUnexpectedEOF), true},
		"body reset":                  {brokenBody(200, errReset), true},
		"body shorter than announced": {shortBody, true},
		"400 with a broken body":      {brokenBody(400, errReset), true},
		"code 971 with HTTP 400":      {reply(400, envelopeWith("971"), "Retry-After", "1"), true},
		"success false":               {reply(200, envelopeWith("1")), false},
		"not JSON":                    {reply(200, "<html>", "Content-Type", "text/html"), false},
		"no result":                   {reply(200, `{"success":true}`), false},
	}
	for status := 300; status < 600; status++ {
		retried := status == 408 || status == 429 || status == 500 || 502 <= status && status <= 504 ||
			520 <= status && status <= 527 || status == 530
		cases[fmt.Sprint("status ", status)] = failure{reply(status, envelopeWith("1"), "Retry-After", "1"), retried}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rt := scripted(c.first, reply(200, inUseBody))
				list, err := newClient(t, rt).Associations(t.Context(), cert)
				if retried := rt.count() == 2; retried != c.retried || (list.Usage() == api.InUse) != c.retried || (err == nil) != c.retried {
					t.Errorf("%d requests, usage %v, error %v", rt.count(), list.Usage(), err)
				}
				for i, body := range rt.bodies {
					if !body.closed {
						t.Errorf("body %d is not closed", i)
					}
				}
			})
		})
	}
}

func TestRetriesEndWithTheLastResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := scripted(fail(errReset), reply(502, "", "Cf-Ray", "second"), reply(503, envelopeWith("5"), "Cf-Ray", "last"))
		_, err := newClient(t, rt, api.WithMaxAttempts(3)).Associations(t.Context(), cert)
		wantSentinels(t, err, api.ErrServer)
		if e := asError(t, err); e.Attempts != 3 || rt.count() != 3 || e.StatusCode != 503 || e.RayID != "last" {
			t.Errorf("%d requests, %+v", rt.count(), e)
		}
		if !strings.HasSuffix(err.Error(), "(ray last, 3 attempts)") {
			t.Errorf("the Ray ID and the attempts are missing: %v", err)
		}
	})
}

func TestOneAttemptMeansNoRetries(t *testing.T) {
	t.Parallel()
	rt := scripted(reply(503, ""))
	_, err := newClient(t, rt, api.WithMaxAttempts(1)).Associations(t.Context(), cert)
	if rt.count() != 1 || !errors.Is(err, api.ErrServer) {
		t.Errorf("%d requests, %v", rt.count(), err)
	}
}

func TestDelaysAreJitteredAndGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var longest, shortest [12]time.Duration
		for round := range 50 {
			var at []time.Time
			rt := roundTrip(func(*http.Request) (*http.Response, error) {
				at = append(at, time.Now())
				return nil, errReset
			})
			_, _ = newClient(t, rt, api.WithMaxAttempts(11), api.WithMaxRetryWait(time.Hour)).Associations(t.Context(), cert)
			if len(at) != 11 {
				t.Fatalf("%d attempts", len(at))
			}
			for i := range at[1:] {
				delay := at[i+1].Sub(at[i])
				longest[i] = max(longest[i], delay)
				if round == 0 || delay < shortest[i] {
					shortest[i] = delay
				}
			}
		}
		bound := 100 * time.Millisecond
		for i, got := range longest[:10] {
			if got > bound+1 || got < bound/2 {
				t.Errorf("the longest of 50 delays before attempt %d was %v, want %v to %v", i+2, got, bound/2, bound)
			}
			if got := shortest[i]; got > bound/2 {
				t.Errorf("the shortest of 50 delays before attempt %d was %v, want at most %v", i+2, got, bound/2)
			}
			bound = min(2*bound, 8*time.Second)
		}
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503, 502} {
		synctest.Test(t, func(t *testing.T) {
			rt := scripted(reply(status, envelopeWith("1"), "Retry-After", "7"), reply(200, inUseBody))
			start := time.Now()
			_, err := newClient(t, rt).Associations(t.Context(), cert)
			if err != nil {
				t.Errorf("after %d: %v", status, err)
			}
			wantTook(t, "the call", start, 7*time.Second, 8*time.Second)
		})
	}
}

func TestTooLongWaitsEndTheCallAtOnce(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		first      step
		deadline   time.Duration // 0: none
		retryAfter time.Duration
		want       error
	}{
		"429 for a day":         {reply(429, envelopeWith("1"), "Retry-After", "86400"), 0, day, api.ErrRateLimited},
		"503 for a day":         {reply(503, envelopeWith("1"), "Retry-After", "86400"), 0, day, api.ErrServer},
		"429 without a header":  {reply(429, envelopeWith("1")), 0, 5 * time.Minute, api.ErrRateLimited},
		"429 with Ratelimit":    {reply(429, envelopeWith("1"), "Ratelimit", `"default";r=0;t=40`), 0, 40 * time.Second, api.ErrRateLimited},
		"429 before a deadline": {reply(429, envelopeWith("1"), "Retry-After", "5"), time.Second, 5 * time.Second, api.ErrRateLimited},
		"503 before a deadline": {reply(503, envelopeWith("1"), "Retry-After", "5"), time.Second, 5 * time.Second, api.ErrServer},
		"503 with overflow":     {reply(503, envelopeWith("1"), "Retry-After", "9223372037"), 0, math.MaxInt64, api.ErrServer},
		"429 with overflow":     {reply(429, envelopeWith("1"), "Retry-After", "100000000000000000000"), 0, math.MaxInt64, api.ErrRateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := t.Context(), func() {}
				if c.deadline > 0 {
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
				}
				defer cancel()
				rt := scripted(c.first)
				start := time.Now()
				_, err := newClient(t, rt).Associations(ctx, cert)
				wantSentinels(t, err, c.want)
				e := asError(t, err)
				wantTook(t, "the call", start, 0, 0)
				if rt.count() != 1 {
					t.Errorf("%d requests", rt.count())
				}
				if e.RetryAfter != c.retryAfter || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("retry after %v, want %v: %v", e.RetryAfter, c.retryAfter, err)
				}
			})
		})
	}
}

func TestAllWaitsOfACallAreBoundedTogether(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		synctest.Test(t, func(t *testing.T) {
			rt := scripted(reply(status, envelopeWith("1"), "Retry-After", "20"))
			start := time.Now()
			_, err := newClient(t, rt).Associations(t.Context(), cert)
			wantTook(t, "the call", start, 0, 30*time.Second)
			if rt.count() != 2 || asError(t, err).RetryAfter != 20*time.Second {
				t.Errorf("%d requests: %v", rt.count(), err)
			}
		})
	}
}

func TestCancelDuringAWaitKeepsTheLastResponse(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			rt := scripted(reply(status, envelopeWith("1"), "Retry-After", "10"))
			start := time.Now()
			_, err := newClient(t, rt).Associations(ctx, cert)
			e := asError(t, err)
			wantTook(t, "the call", start, time.Second, time.Second)
			if !errors.Is(err, context.Canceled) || e.StatusCode != status || e.Attempts != 1 {
				t.Errorf("got %+v, want a cancel after status %d", e, status)
			}
			if errors.Is(err, api.ErrNotAsked) {
				t.Errorf("got ErrNotAsked after a response: %v", err)
			}
		})
	}
}

func TestALongerBlockRefusesWaitingCallersAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := make(chan struct{})
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			if certificateIDOf(r) == "slow" {
				close(sent)
				time.Sleep(2 * time.Second)
				return response(429, envelopeWith("2"), "Retry-After", "300"), nil
			}
			return response(429, envelopeWith("1"), "Retry-After", "20"), nil
		})
		client := newClient(t, rt)
		go func() { _, _ = client.Associations(t.Context(), api.CertificateRef{AccountID: "a", ID: "slow"}) }()
		<-sent
		start := time.Now()
		_, err := client.Associations(t.Context(), cert)
		e := asError(t, err)
		wantTook(t, "the waiting call", start, 2*time.Second, 2*time.Second)
		if e.Attempts != 1 || e.Details[0].Code != 1 || e.RetryAfter != 5*time.Minute {
			t.Errorf("got %+v, want its own failure with the longer wait", e)
		}
		for name, timeout := range map[string]time.Duration{"a deadline after the wait": time.Hour, "a deadline during the wait": time.Second} {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			start := time.Now()
			_, err := client.Associations(ctx, cert)
			wantSentinels(t, err, api.ErrRateLimited, api.ErrNotAsked)
			e := asError(t, err)
			wantTook(t, "a call with "+name, start, 0, 0)
			if e.StatusCode != 0 || e.Attempts != 0 || e.RetryAfter != 5*time.Minute {
				t.Errorf("%s: got %+v", name, e)
			}
			if errors.Is(err, context.DeadlineExceeded) != (timeout == time.Second) {
				t.Errorf("%s: a deadline error is expected only if the deadline is before the end of the wait: %v", name, err)
			}
			cancel()
		}
	})
}

func TestAWaitOfUnknownLengthEndsAtTheDeadlineOrAfter30Seconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := scripted(reply(429, envelopeWith("1"), "Retry-After", "0"), hang)
		client := newClient(t, rt, api.WithAttemptTimeout(time.Hour), api.WithMaxAttempts(2))
		probe, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _, _ = client.Associations(probe, cert) }()
		time.Sleep(time.Second) // until that call is the probe after a block
		for deadline, want := range map[time.Duration][]error{
			2 * time.Second: {api.ErrNotAsked},
			time.Hour:       {api.ErrNotAsked, api.ErrRateLimited},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			start := time.Now()
			_, err := client.Associations(ctx, cert)
			wantSentinels(t, err, want...)
			took := min(deadline, 30*time.Second)
			wantTook(t, "the call", start, took, took)
			if errors.Is(err, context.DeadlineExceeded) != (took == deadline) {
				t.Errorf("with %v until the deadline: %v", deadline, err)
			}
			cancel()
		}
	})
}

// hang waits for the end of the request's context.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func hangInBody(r *http.Request) (*http.Response, error) {
	read := func() error { <-r.Context().Done(); return r.Context().Err() }
	return responseWithBody(200, read, func() error { return nil }), nil
}

func TestAttemptTimeoutCoversTheBodyAndIsNotTheCallersDeadline(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]step{"headers": hang, "body": hangInBody} {
		for _, limit := range []func(http.RoundTripper) api.Option{
			func(http.RoundTripper) api.Option { return api.WithAttemptTimeout(time.Second) },
			func(rt http.RoundTripper) api.Option {
				return api.WithHTTPClient(&http.Client{Transport: rt, Timeout: time.Second})
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				rt, start := scripted(first), time.Now()
				_, err := newClient(t, rt, limit(rt), api.WithMaxAttempts(1)).Associations(t.Context(), cert)
				wantTook(t, name, start, time.Second, time.Second)
				if errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: a deadline of the caller: %v", name, err)
				}
				var timeout interface{ Timeout() bool }
				if !errors.As(err, &timeout) || !timeout.Timeout() || !strings.Contains(err.Error(), "1s") {
					t.Errorf("%s: not an error of a timeout of 1s: %v", name, err)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				rt := scripted(first, reply(200, inUseBody))
				if _, err := newClient(t, rt, limit(rt)).Associations(t.Context(), cert); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
	}
}

func TestDeadlineOfTheCallerIsVisible(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]step{"headers": hang, "body": hangInBody} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			_, err := newClient(t, scripted(first)).Associations(ctx, cert)
			wantTook(t, name, start, time.Second, time.Second)
			if !errors.Is(err, context.DeadlineExceeded) || asError(t, err).Attempts != 1 {
				t.Errorf("%s: got %v, want a deadline in the first attempt", name, err)
			}
		})
	}
}

func TestBudgetBoundsTheLoadOnAFailingServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := scripted(reply(503, ""))
		client := newClient(t, rt, api.WithRateLimit(0, 0))
		concurrentCalls(t, 1000, client)
		if got := rt.count(); got != 1010 { // the budget is ten retries
			t.Errorf("1,000 calls made %d requests", got)
		}
		rt.steps = []step{reply(200, emptyBody)}
		concurrentCalls(t, 100, client)
		rt.steps = []step{reply(503, "")}
		before := rt.count()
		concurrentCalls(t, 1000, client)
		if got := rt.count() - before; got != 1010 {
			t.Errorf("after 100 successes, 1,000 calls made %d requests", got)
		}
	})
}

// concurrentCalls makes n calls at the same time and waits for them.
func concurrentCalls(t *testing.T, n int, client *api.Client) {
	t.Helper()
	var calls sync.WaitGroup
	for range n {
		calls.Go(func() { _, _ = client.Associations(t.Context(), cert) })
	}
	calls.Wait()
}
