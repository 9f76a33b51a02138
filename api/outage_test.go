package api_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// A Retry-After in all responses delays all requests of an audit. Of the refused
// requests of a call, only the first counts as an attempt.
func TestAnAuditWaitsForRetryAfterOfTheService(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]api.Option{
		"by default":        nil,
		"without a wait":    {api.WithMaxRetryWait(0)},
		"with one retry":    {api.WithMaxAttempts(2)},
		"with a short wait": {api.WithMaxRetryWait(time.Second)},
	} {
		synctest.Test(t, func(t *testing.T) {
			start, early := time.Now(), new(atomic.Int32)
			rt := roundTrip(func(r *http.Request) (*http.Response, error) {
				if time.Since(start) < 10*time.Minute {
					early.Add(1)
					return response(503, envelopeWith("1"), "Retry-After", "60"), nil
				}
				return echoID(r)
			})
			wantAnswers(t, newClient(t, rt, options...).Audit(t.Context(), numberedRefs(100)), 100)
			// The first 32 requests, and one in each minute.
			if early.Load() > 32+10 {
				t.Errorf("%s: %d requests in the first 10 minutes", name, early.Load())
			}
		})
	}
}

func TestRetryAfterOfOneCertificateFailsOnlyThatOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			if certificateIDOf(r) == "7" {
				return response(503, envelopeWith("1"), "Retry-After", "2"), nil
			}
			return echoID(r)
		})
		failed := 0
		for r := range newClient(t, rt).Audit(t.Context(), numberedRefs(100), api.WithConcurrency(4)) {
			if r.Err != nil {
				failed++
				if !errors.Is(r.Err, api.ErrServer) || r.Certificate.ID != "7" {
					t.Errorf("%s: %v", r.Certificate.ID, r.Err)
				}
			}
		}
		if failed != 1 {
			t.Errorf("%d failed", failed)
		}
	})
}

// Overlapping refusals of 15 minutes are one block. A block that began before the audit
// counts from the first call that it delays.
func TestFifteenMinutesAreCountedForEachAudit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, sent := time.Now(), new(atomic.Int32)
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			if time.Since(start) > time.Minute {
				return echoID(r)
			}
			time.Sleep(time.Duration(sent.Add(1)) * 10 * time.Millisecond)
			return response(429, envelopeWith("971"), "Retry-After", "900"), nil
		})
		wantAnswers(t, newClient(t, rt).Audit(t.Context(), numberedRefs(100)), 100)
	})
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			if left := 20*time.Minute - time.Since(start); left > 0 {
				return response(429, envelopeWith("971"), "Retry-After", fmt.Sprint(min(600, int(left.Seconds())))), nil
			}
			return echoID(r)
		})
		client := newClient(t, rt)
		if _, err := client.Associations(t.Context(), cert); !errors.Is(err, api.ErrRateLimited) {
			t.Fatal(err)
		}
		time.Sleep(10*time.Minute - time.Second)
		wantAnswers(t, client.Audit(t.Context(), numberedRefs(10)), 10)
	})
}

// A refusal for the rate is a response: the address is right.
func TestAnAuditThatBeginsInABlockSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			rt := roundTrip(func(r *http.Request) (*http.Response, error) {
				switch now := time.Since(start); {
				case now < time.Minute:
					return response(status, envelopeWith("1"), "Retry-After", "60"), nil
				case now < 10*time.Minute:
					return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
				}
				return echoID(r)
			})
			wantAnswers(t, newClient(t, rt).Audit(t.Context(), numberedRefs(100)), 100)
		})
	}
}

// More calls fail before the first response than the retry budget has retries for.
func TestAnAuditCanBeginWithManyFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := new(atomic.Int32)
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			if n := requests.Add(1); n > 10 && n <= 32 {
				return nil, errReset
			}
			return echoID(r)
		})
		wantAnswers(t, newClient(t, rt).Audit(t.Context(), numberedRefs(100)), 100)
	})
}

// The five minutes of the first response are no part of the failures after it.
func TestAWaitForTheRateIsNoOutage(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]step{"503": reply(503, envelopeWith("1"), "Retry-After", "5"), "no response": fail(errReset)} {
		synctest.Test(t, func(t *testing.T) {
			s, start := everySource(), time.Now()
			s.before = func(kind string, _ *http.Request) (*http.Response, error) {
				switch {
				case kind != "hyperdrive" || time.Since(start) > 5*time.Minute+15*time.Second:
					return nil, nil
				case s.count(kind) == 1:
					return response(429, envelopeWith("971")), nil
				}
				return fault(nil)
			}
			if e, err := newClient(t, s).Evidence(t.Context(), ref(8)); err != nil || e.Usage() != api.Unused {
				t.Errorf("%s: %v, %v", name, e, err)
			}
		})
	}
}

// A permanent outage ends an audit after 15 minutes; a server that never responds ends
// it with the first call.
func TestALongOutageEndsTheAudit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		responses int32
		attempt   time.Duration // of each failure
		longest   time.Duration
	}{
		"after some responses":                    {10, 0, 16 * time.Minute},
		"of slow failures":                        {10, 6 * time.Minute, 31 * time.Minute},
		"of slower failures, one of them earlier": {10, 12 * time.Minute, 40 * time.Minute},
		"from the beginning":                      {0, 0, 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			requests := new(atomic.Int32)
			rt := roundTrip(func(r *http.Request) (*http.Response, error) {
				if n := requests.Add(1); n > c.responses {
					if n == c.responses+1 {
						time.Sleep(c.attempt / 2)
					} else {
						time.Sleep(c.attempt)
					}
					return nil, errors.New("connection refused")
				}
				return echoID(r)
			})
			start, answered, notAsked := time.Now(), 0, 0
			for r := range newClient(t, rt, api.WithAttemptTimeout(time.Hour)).Audit(t.Context(), numberedRefs(5000), api.WithConcurrency(4)) {
				switch {
				case r.Err == nil:
					answered++
				case !errors.Is(r.Err, api.ErrUnreachable):
					t.Fatalf("%s: %v", name, r.Err)
				case errors.Is(r.Err, api.ErrNotAsked):
					notAsked++
				}
			}
			if answered != int(c.responses) || notAsked < 4900 {
				t.Errorf("%s: %d answered, %d not asked", name, answered, notAsked)
			}
			if took := time.Since(start); took > c.longest || requests.Load() > 1000 {
				t.Errorf("%s: %d requests in %v", name, requests.Load(), took)
			}
		})
	}
}

func TestThreeRefusalsEndTheRequestsForAnAccount(t *testing.T) {
	t.Parallel()
	certs := func(yield func(api.CertificateRef) bool) {
		for i := range 300 {
			if !yield(api.CertificateRef{AccountID: []string{"refused", "good", "waf"}[i%3], ID: fmt.Sprint(i)}) {
				return
			}
		}
	}
	requests := map[string]int{}
	rt := roundTrip(func(r *http.Request) (*http.Response, error) {
		account := strings.Split(r.URL.Path, "/")[4]
		requests[account]++
		switch {
		case account == "refused", account == "good" && requests[account]%3 != 0:
			return response(403, envelopeWith("10000")), nil
		case account == "waf":
			return response(403, "<html>", "Content-Type", "text/html"), nil
		}
		return response(200, emptyBody), nil
	})
	notAsked := 0
	for r := range newClient(t, rt).Audit(t.Context(), certs, api.WithConcurrency(1)) {
		if !errors.Is(r.Err, api.ErrNotAsked) {
			continue
		}
		notAsked++
		wantSentinels(t, r.Err, api.ErrNotAsked, api.ErrForbidden)
		if r.Certificate.AccountID != "refused" || !strings.Contains(r.Err.Error(), "SSL and Certificates Read") {
			t.Errorf("%s of %s: %v", r.Certificate.ID, r.Certificate.AccountID, r.Err)
		}
		if attempts := asError(t, r.Err).Attempts; attempts != 0 {
			t.Errorf("%d attempts for a request that was not sent", attempts)
		}
	}
	if diff := diffOf(map[string]int{"refused": 3, "good": 100, "waf": 100}, requests); diff != "" || notAsked != 97 {
		t.Errorf("%d not asked; requests by account: %s", notAsked, diff)
	}
}

// With too few file descriptors, an audit uses fewer connections.
func TestAnAuditAdaptsToTheLimitOfOpenFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const files = 7
		var open, refused atomic.Int32
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			defer open.Add(-1)
			if open.Add(1) > files {
				refused.Add(1)
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)}
			}
			return echoID(r)
		})
		wantAnswers(t, newClient(t, rt, api.WithRateLimit(0, 0)).Audit(t.Context(), numberedRefs(2000)), 2000)
		if n := refused.Load(); n > 600 {
			t.Errorf("%d connections were refused", n)
		}
	})
}

// A source fails after five minutes in which all its responses are server errors that
// ask for a wait.
func TestAnUnavailableSourceDoesNotEndTheInventory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.faults = map[string]func() *http.Response{"/hyperdrive/configs": func() *http.Response {
			return response(503, envelopeWith("1"), "Retry-After", "60")
		}}
		start, items := time.Now(), 0
		for item, err := range newClient(t, s).Inventory(t.Context(), account) {
			if err != nil {
				t.Fatal(err)
			}
			items++
			for _, r := range item.Evidence.Sources {
				if failed := r.State == api.SourceFailed; failed != (r.Source == api.SourceHyperdrive) {
					t.Errorf("%s: %s", r.Source, r.State)
				}
			}
		}
		wantTook(t, "the inventory", start, 5*time.Minute, 8*time.Minute)
		if items != 9 {
			t.Errorf("%d items", items)
		}
	})
}

// accountOf serves an account with n unused leaf certificates.
func accountOf(n int) roundTrip {
	certs := itemRange(1, n, func(n int) string { return fmt.Sprintf(`{"id":"c%d","ca":false}`, n) })
	return func(r *http.Request) (*http.Response, error) {
		time.Sleep(100 * time.Millisecond)
		if strings.HasSuffix(r.URL.Path, "/mtls_certificates") {
			return listResponse(certs, fmt.Sprintf(`{"total_count":%d}`, n)), nil
		}
		return response(200, emptyBody), nil
	}
}

// An inventory waits longer if no connection can be made: a connection that breaks
// later may break because of the request.
func TestAnInventorySurvivesAnOutage(t *testing.T) {
	t.Parallel()
	refused := errors.New("connection refused")
	outages := []struct {
		begin, length time.Duration
		err           error
	}{
		{150 * time.Millisecond, 20 * time.Second, refused},
		{500 * time.Millisecond, 20 * time.Second, refused},
		{900 * time.Millisecond, 20 * time.Second, refused},
		{150 * time.Millisecond, 14 * time.Minute, &net.OpError{Op: "dial", Net: "tcp", Err: refused}},
		{900 * time.Millisecond, 14 * time.Minute, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: refused}},
	}
	for _, o := range outages {
		synctest.Test(t, func(t *testing.T) {
			start, rt := time.Now(), accountOf(100)
			client := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
				if at := time.Since(start); o.begin <= at && at < o.begin+o.length {
					return nil, o.err
				}
				return rt(r)
			}))
			n := 0
			for item, err := range client.Inventory(t.Context(), "a", api.WithSources(api.SourceAssociations, api.SourceHyperdrive, api.SourcePosture)) {
				if err != nil {
					t.Fatalf("outage of %v at %v: %v", o.length, o.begin, err)
				}
				if n++; item.Evidence.Usage() != api.Unused {
					t.Errorf("outage of %v at %v: %v: %+v", o.length, o.begin, item, item.Evidence.Sources)
				}
			}
			if n != 100 {
				t.Errorf("outage of %v at %v: %d items", o.length, o.begin, n)
			}
		})
	}
}

func TestAnInventoryEndsInALongOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, rt, failures := time.Now(), accountOf(5000), new(atomic.Int32)
		client := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			if time.Since(start) > time.Second {
				failures.Add(1)
				return nil, errors.New("connection refused")
			}
			return rt(r)
		}))
		err := lastError(client.Inventory(t.Context(), "a", api.WithSources(api.SourceAssociations)))
		wantTook(t, "the inventory", start, 0, 17*time.Minute)
		if !errors.Is(err, api.ErrUnreachable) || failures.Load() > 1000 {
			t.Errorf("after %d requests without a response: %v", failures.Load(), err)
		}
	})
}
