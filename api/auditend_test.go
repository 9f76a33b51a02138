package api_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestLeavingAnAuditStopsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inputEnded := false
		certs := func(yield func(api.CertificateRef) bool) {
			defer func() { inputEnded = true }()
			numberedRefs(-1)(yield)
		}
		results := 0
		var leftAt time.Time
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Duration(certificateIDOf(r)[0]) * time.Millisecond)
			return echoID(r)
		})
		for range newClient(t, rt).Audit(t.Context(), certs) {
			if results++; results == 50 {
				leftAt = time.Now()
				break
			}
		}
		if !inputEnded || time.Since(leftAt) > 100*time.Millisecond {
			t.Errorf("the audit ended %v after the break, the input has ended: %t", time.Since(leftAt), inputEnded)
		}
		// synctest fails if a goroutine is still running.
	})
}

func TestCancelledAuditYieldsTheRestAsNotAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		requests := new(atomic.Int32)
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			requests.Add(1)
			return echoID(r)
		})
		answered, cancelled, notAsked := 0, 0, 0
		var last api.AuditProgress
		progress := api.WithProgress(func(p api.AuditProgress) { last = p })
		for r := range newClient(t, rt).Audit(ctx, numberedRefs(1000), api.WithConcurrency(10), progress) {
			switch {
			case r.Err == nil:
				if answered++; answered == 100 {
					cancel()
				}
			case !errors.Is(r.Err, context.Canceled):
				t.Errorf("got %v, want context.Canceled", r.Err)
			case errors.Is(r.Err, api.ErrNotAsked):
				notAsked++
				if asError(t, r.Err).Attempts != 0 {
					t.Errorf("got %+v, want no attempts", r.Err)
				}
			default:
				cancelled++
			}
		}
		if answered+cancelled+notAsked != 1000 || int(requests.Load()) != answered+cancelled || cancelled > 10 {
			t.Errorf("%d answered, %d cancelled, %d not asked, %d requests", answered, cancelled, notAsked, requests.Load())
		}
		if want := (api.AuditProgress{Asked: answered + cancelled, Answered: answered, Failed: cancelled, NotAsked: notAsked, InUse: answered}); last != want {
			t.Errorf("progress is %+v, want %+v", last, want)
		}
	})
}

func TestFirst401EndsTheRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := new(atomic.Int32)
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			requests.Add(1)
			time.Sleep(time.Second)
			return response(401, envelopeWith("10000")), nil
		})
		refused, notAsked := 0, 0
		for r := range newClient(t, rt).Audit(t.Context(), numberedRefs(500), api.WithConcurrency(4)) {
			if !errors.Is(r.Err, api.ErrUnauthorized) {
				t.Errorf("got %v, want ErrUnauthorized", r.Err)
			}
			if errors.Is(r.Err, api.ErrNotAsked) {
				notAsked++
				if e := asError(t, r.Err); e.Attempts != 0 || e.StatusCode != 0 || errors.Is(e, context.Canceled) {
					t.Errorf("got %+v, want no attempts and no status", e)
				}
			} else {
				refused++
			}
		}
		if refused != 4 || notAsked != 496 || requests.Load() != 4 {
			t.Errorf("%d refused, %d not asked, %d requests", refused, notAsked, requests.Load())
		}
	})
}

func TestBlockWithoutEndEndsTheAudit(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{"one long block": "1000", "blocks without end": "60", "empty header": "",
		"zero seconds": "0", "one second": "1", "a date that has passed": "Fri, 31 Dec 1999 12:00:00 GMT"} {
		synctest.Test(t, func(t *testing.T) {
			rt := scripted(reply(429, envelopeWith("971"), "Retry-After", header))
			start, notAsked, n := time.Now(), 0, 0
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			for r := range newClient(t, rt).Audit(ctx, numberedRefs(100), api.WithConcurrency(4)) {
				n++
				if !errors.Is(r.Err, api.ErrRateLimited) {
					t.Errorf("%s: got %v", name, r.Err)
				}
				if errors.Is(r.Err, api.ErrNotAsked) {
					notAsked++
				}
			}
			if n != 100 || notAsked < 96 || time.Since(start) > 15*time.Minute || rt.count() > 30 {
				t.Errorf("%s: %d results, %d not asked, %v, %d requests", name, n, notAsked, time.Since(start), rt.count())
			}
		})
	}
}

func TestAnAuditEndedByABlockStaysEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := scripted(reply(429, envelopeWith("971"), "Retry-After", "1000"), reply(200, emptyBody))
		certs := func(yield func(api.CertificateRef) bool) {
			for range 3 {
				if !yield(cert) {
					return
				}
				time.Sleep(time.Hour)
			}
		}
		for r := range newClient(t, rt).Audit(t.Context(), certs) {
			if !errors.Is(r.Err, api.ErrRateLimited) {
				t.Errorf("got %v, %v", r.Usage(), r.Err)
			}
		}
		if rt.count() != 1 {
			t.Errorf("%d requests, want 1", rt.count())
		}
	})
}

func TestPanicsReachTheCallerOfTheAudit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rt    roundTrip
		certs iter.Seq[api.CertificateRef]
		want  string
	}{
		"transport": {func(*http.Request) (*http.Response, error) { panic("boom") }, numberedRefs(-1), "boom"},
		"input":     {echoID, func(func(api.CertificateRef) bool) { panic("boom") }, "boom"},
		// t.Fatal in a fake transport calls runtime.Goexit.
		"transport that ends its goroutine": {func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil }, numberedRefs(-1), "runtime.Goexit"},
		"the same, with one certificate":    {func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil }, numberedRefs(1), "runtime.Goexit"},
		"input that ends its goroutine":     {echoID, func(func(api.CertificateRef) bool) { runtime.Goexit() }, "runtime.Goexit"},
	} {
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if got := recover(); !strings.Contains(fmt.Sprint(got), c.want) {
					t.Errorf("%s: recovered %v", name, got)
				}
			}()
			for range newClient(t, c.rt).Audit(t.Context(), c.certs, api.WithConcurrency(1)) {
				continue
			}
		})
	}
}

func TestPanicInTheLoopStopsTheAudit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if recover() != "mine" {
				t.Error("the panic was lost")
			}
		}()
		for range newClient(t, roundTrip(echoID)).Audit(t.Context(), numberedRefs(-1)) {
			panic("mine")
		}
	})
}

// Every result has the error of the context. Only the first one is also the refusal.
func TestCancelDuringABlockIsNotReportedAsTheBlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		rt := roundTrip(func(*http.Request) (*http.Response, error) {
			cancel()
			return response(429, envelopeWith("971"), "Retry-After", "86400"), nil
		})
		n := 0
		for r := range newClient(t, rt).Audit(ctx, numberedRefs(5), api.WithConcurrency(1)) {
			if n++; !errors.Is(r.Err, context.Canceled) || errors.Is(r.Err, api.ErrRateLimited) != (n == 1) {
				t.Errorf("result %d: %v", n, r.Err)
			}
		}
		if n != 5 {
			t.Errorf("%d results, want 5", n)
		}
	})
}

// Yielded results belong to the caller: under -race, this test fails if the audit or
// the client still uses them.
func TestYieldedResultsBelongToTheCaller(t *testing.T) {
	t.Parallel()
	for _, refusal := range []struct {
		status     int
		retryAfter string
		want       error
	}{{401, "", api.ErrUnauthorized}, {429, "90000", api.ErrRateLimited}} {
		synctest.Test(t, func(t *testing.T) {
			var n atomic.Int32
			rt := roundTrip(func(*http.Request) (*http.Response, error) {
				time.Sleep(time.Millisecond) // all workers make progress at the same rate
				if n.Add(1) == 20 {
					return response(refusal.status, envelopeWith("1000"), "Retry-After", refusal.retryAfter), nil
				}
				return response(200, `{"success":true,"result":[{"service":"s"}],"messages":[{"code":1,"message":"m"}],"errors":[{"code":1,"message":"m"}],"result_info":{"count":1}}`), nil
			})
			answered, refused, notAsked := 0, 0, 0
			for r := range newClient(t, rt).Audit(t.Context(), numberedRefs(200), api.WithConcurrency(4)) {
				switch {
				case r.Err == nil:
					answered++
					if r.Usage() != api.InUse || r.List.Associations[0].Service != "s" {
						t.Errorf("got %+v, want one association of s", r.List)
					}
					clear(r.List.Associations)
					clear(r.List.Messages)
					clear(r.List.Errors)
					clear(r.List.Body)
					*r.List.Info = api.ResultInfo{}
					*r.List = api.AssociationList{}
					continue
				case errors.Is(r.Err, api.ErrNotAsked):
					notAsked++
				default:
					refused++
				}
				if !errors.Is(r.Err, refusal.want) {
					t.Errorf("got %v, want %v", r.Err, refusal.want)
				}
				e := asError(t, r.Err)
				clear(e.Details)
				clear(e.Unwrap())
				*e = api.Error{StatusCode: 500}
			}
			if answered < 19 || refused != 1 || notAsked == 0 || answered+refused+notAsked != 200 {
				t.Errorf("%d answered, %d refused, %d not asked", answered, refused, notAsked)
			}
		})
	}
}

func TestAnAuditCopiesItsOptions(t *testing.T) {
	t.Parallel()
	opts := []api.AuditOption{api.WithConcurrency(1)}
	audit := newClient(t, scripted(reply(200, inUseBody))).Audit(t.Context(), numberedRefs(1), opts...)
	opts[0] = nil
	for r := range audit {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
}
