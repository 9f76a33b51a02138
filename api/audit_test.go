package api_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// numbered yields n certificates whose ids are numbers; n < 0 is endless.
func numbered(n int) iter.Seq[api.CertificateRef] {
	return func(yield func(api.CertificateRef) bool) {
		for i := 0; i != n; i++ {
			if !yield(api.CertificateRef{AccountID: "a", ID: fmt.Sprint(i)}) {
				return
			}
		}
	}
}

// idOf gives the certificate that a request is about.
func idOf(r *http.Request) string { return strings.Split(r.URL.Path, "/")[6] }

// echoing answers after a second with one association that names the
// certificate.
func echoing(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(time.Second):
		return answer(200, `{"success":true,"result":[{"service":"`+idOf(r)+`"}]}`), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func TestAuditYieldsEachCertificateOnceWithItsOwnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			for n := now.Add(1); ; {
				if old := most.Load(); n <= old || most.CompareAndSwap(old, n) {
					break
				}
			}
			defer now.Add(-1)
			return echoing(r)
		})
		seen := map[api.CertificateRef]int{}
		start := time.Now()
		for r := range newClient(t, rt).Audit(t.Context(), numbered(100), api.WithConcurrency(7)) {
			seen[r.Certificate]++
			if r.Err != nil || r.List.Associations[0].Service != r.Certificate.ID || r.Usage() != api.InUse {
				t.Errorf("got %+v", r)
			}
		}
		if len(seen) != 100 || most.Load() != 7 || time.Since(start) != 15*time.Second {
			t.Errorf("%d certificates, %d at a time, %v", len(seen), most.Load(), time.Since(start))
		}
	})
}

func TestAuditDefaultsTo32AtATimeAndCanBeRangedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		audit := newClient(t, roundTrip(echoing)).Audit(t.Context(), numbered(64))
		for range 2 {
			start, n := time.Now(), 0
			for range audit {
				n++
			}
			if n != 64 || time.Since(start) != 2*time.Second {
				t.Errorf("%d results in %v", n, time.Since(start))
			}
		}
	})
}

func TestAuditYieldsInOrderOfCompletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			if idOf(r) == "0" {
				time.Sleep(time.Minute)
			}
			return echoing(r)
		})
		var order []string
		for r := range newClient(t, rt, api.WithAttemptTimeout(time.Hour)).Audit(t.Context(), numbered(3), api.WithConcurrency(2)) {
			order = append(order, r.Certificate.ID)
		}
		if fmt.Sprint(order) != "[1 2 0]" {
			t.Errorf("got %v", order)
		}
	})
}

func TestLeavingAnAuditStopsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inputEnded := false
		certs := func(yield func(api.CertificateRef) bool) {
			defer func() { inputEnded = true }()
			numbered(-1)(yield)
		}
		results := 0
		var left time.Time
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Duration(idOf(r)[0]) * time.Millisecond)
			return echoing(r)
		})
		for range newClient(t, rt).Audit(t.Context(), certs) {
			if results++; results == 50 {
				left = time.Now()
				break
			}
		}
		if !inputEnded || time.Since(left) > 100*time.Millisecond {
			t.Errorf("left after %v, the input has ended: %t", time.Since(left), inputEnded)
		}
		// A goroutine left behind would make synctest fail.
	})
}

func TestCancelledAuditYieldsTheRestAsNotAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		asked := new(atomic.Int32)
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			return echoing(r)
		})
		answered, broken, notAsked := 0, 0, 0
		var last api.AuditProgress
		progress := api.WithProgress(func(p api.AuditProgress) { last = p })
		for r := range newClient(t, rt).Audit(ctx, numbered(1000), api.WithConcurrency(10), progress) {
			switch {
			case r.Err == nil:
				if answered++; answered == 100 {
					cancel()
				}
			case !errors.Is(r.Err, context.Canceled):
				t.Errorf("got %v", r.Err)
			case errors.Is(r.Err, api.ErrNotAsked):
				notAsked++
				if asError(t, r.Err).Attempts != 0 {
					t.Errorf("got %+v", r.Err)
				}
			default:
				broken++
			}
		}
		if answered+broken+notAsked != 1000 || int(asked.Load()) != answered+broken || broken > 10 {
			t.Errorf("%d answered, %d broken off, %d not asked, %d requests", answered, broken, notAsked, asked.Load())
		}
		if want := (api.AuditProgress{Asked: answered + broken, Answered: answered, Failed: broken, NotAsked: notAsked, InUse: answered}); last != want {
			t.Errorf("progress is %+v, want %+v", last, want)
		}
	})
}

func TestFirst401EndsTheAsking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := new(atomic.Int32)
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			time.Sleep(time.Second)
			return answer(401, envelopeWith("10000")), nil
		})
		refused, notAsked := 0, 0
		for r := range newClient(t, rt).Audit(t.Context(), numbered(500), api.WithConcurrency(4)) {
			if !errors.Is(r.Err, api.ErrUnauthorized) {
				t.Errorf("got %v", r.Err)
			}
			if errors.Is(r.Err, api.ErrNotAsked) {
				notAsked++
				if e := asError(t, r.Err); e.Attempts != 0 || e.StatusCode != 0 || errors.Is(e, context.Canceled) {
					t.Errorf("got %+v", e)
				}
			} else {
				refused++
			}
		}
		if refused != 4 || notAsked != 496 || asked.Load() != 4 {
			t.Errorf("%d refused, %d not asked, %d requests", refused, notAsked, asked.Load())
		}
	})
}

func TestAuditSitsOutBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var refusals atomic.Int32
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			// The server blocks for five minutes, four times.
			if at := time.Since(start) % (10 * time.Minute); at > 5*time.Minute && time.Since(start) < 40*time.Minute {
				refusals.Add(1)
				left := 10*time.Minute - at
				return answer(429, envelopeWith("971"), "Retry-After", fmt.Sprint(int(left/time.Second)+1)), nil
			}
			time.Sleep(10 * time.Millisecond)
			return echoing(r)
		})
		n := 0
		client := newClient(t, rt, api.WithMaxAttempts(1), api.WithRateLimit(200, time.Minute))
		for r := range client.Audit(t.Context(), numbered(5000)) {
			n++
			if r.Err != nil || r.List.Associations[0].Service != r.Certificate.ID {
				t.Errorf("got %v", r.Err)
			}
		}
		if n != 5000 || refusals.Load() == 0 || refusals.Load() > 4*33 {
			t.Errorf("%d results, %d refusals", n, refusals.Load())
		}
	})
}

func TestBlockWithoutEndEndsTheAudit(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{"one long block": "1000", "blocks without end": "60", "no time": ""} {
		synctest.Test(t, func(t *testing.T) {
			rt := scripted(reply(429, envelopeWith("971"), "Retry-After", header))
			start, notAsked, n := time.Now(), 0, 0
			for r := range newClient(t, rt).Audit(t.Context(), numbered(100), api.WithConcurrency(4)) {
				n++
				if !errors.Is(r.Err, api.ErrRateLimited) {
					t.Errorf("%s: got %v", name, r.Err)
				}
				if errors.Is(r.Err, api.ErrNotAsked) {
					notAsked++
				}
			}
			if n != 100 || notAsked < 96 || time.Since(start) > 15*time.Minute {
				t.Errorf("%s: %d results, %d not asked, %v", name, n, notAsked, time.Since(start))
			}
		})
	}
}

func TestAnAuditThatABlockEndedStaysEnded(t *testing.T) {
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
			t.Errorf("%d requests", rt.count())
		}
	})
}

func TestAuditWaitsForTheLimitWithoutABound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, n := time.Now(), 0
		client := newClient(t, roundTrip(echoing), api.WithRateLimit(1, time.Hour))
		for r := range client.Audit(t.Context(), numbered(5)) {
			if n++; r.Err != nil {
				t.Error(r.Err)
			}
		}
		if took := time.Since(start); n != 5 || took < 4*time.Hour || took > 4*time.Hour+time.Minute {
			t.Errorf("%d results in %v", n, took)
		}
	})
}

func TestInvalidCertificatesFailAlone(t *testing.T) {
	t.Parallel()
	rt := scripted(reply(200, emptyBody))
	certs := func(yield func(api.CertificateRef) bool) {
		_ = yield(cert) && yield(api.CertificateRef{AccountID: "..", ID: ".."}) && yield(cert)
	}
	good, bad := 0, 0
	for r := range newClient(t, rt).Audit(t.Context(), certs) {
		if r.Err == nil {
			good++
			continue
		}
		bad++
		wantSentinels(t, r.Err, api.ErrInvalidArgument)
	}
	if good != 2 || bad != 1 || rt.count() != 2 {
		t.Errorf("%d good, %d bad, %d requests", good, bad, rt.count())
	}
}

func TestUnusableAuditsSendNothing(t *testing.T) {
	t.Parallel()
	rt := scripted(reply(200, emptyBody))
	client := newClient(t, rt)
	for name, c := range map[string]struct {
		audit iter.Seq[api.AuditResult]
		want  int
		text  string
	}{
		"concurrency": {client.Audit(t.Context(), numbered(3), api.WithConcurrency(0)), 3, "WithConcurrency: 0"},
		"progress":    {client.Audit(t.Context(), numbered(3), api.WithProgress(nil)), 3, "WithProgress: the function is nil"},
		"nil option":  {client.Audit(t.Context(), numbered(3), nil), 3, "an audit option is nil"},
		//nolint:staticcheck // the nil context is the case under test
		"nil context": {client.Audit(nil, numbered(3)), 3, "the context is nil"},
		"nil client":  {(*api.Client)(nil).Audit(t.Context(), numbered(3)), 3, "not made by New"},
		"zero client": {new(api.Client).Audit(t.Context(), numbered(3)), 3, "not made by New"},
		"nil input":   {client.Audit(t.Context(), nil), 1, "the sequence of certificates is nil"},
	} {
		n := 0
		for r := range c.audit {
			n++
			wantSentinels(t, r.Err, api.ErrInvalidArgument)
			if !strings.Contains(r.Err.Error(), c.text) {
				t.Errorf("%s: got %v", name, r.Err)
			}
		}
		if n != c.want {
			t.Errorf("%s: %d results", name, n)
		}
	}
	for range client.Audit(t.Context(), numbered(-1), api.WithConcurrency(0)) {
		break
	}
	if rt.count() != 0 {
		t.Errorf("%d requests", rt.count())
	}
}

func TestPanicsReachTheCallerOfTheAudit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rt    roundTrip
		certs iter.Seq[api.CertificateRef]
	}{
		"transport": {func(*http.Request) (*http.Response, error) { panic("boom") }, numbered(-1)},
		"input":     {echoing, func(func(api.CertificateRef) bool) { panic("boom") }},
	} {
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if got := recover(); got != "boom" {
					t.Errorf("%s: recovered %v", name, got)
				}
			}()
			for range newClient(t, c.rt).Audit(t.Context(), c.certs) {
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
		for range newClient(t, roundTrip(echoing)).Audit(t.Context(), numbered(-1)) {
			panic("mine")
		}
	})
}

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			switch idOf(r) {
			case "1":
				return answer(404, envelopeWith("1")), nil
			case "2":
				return answer(200, emptyBody), nil
			case "3":
				return answer(200, `{"success":true,"result":[],"result_info":{"count":3}}`), nil
			}
			return echoing(r)
		})
		start := time.Now()
		var last api.AuditProgress
		waits, calls, results := 0, 0, 0
		report := func(p api.AuditProgress) {
			calls++
			if p.Asked < last.Asked || p.Answered < last.Answered || p.Answered+p.Failed > p.Asked || p.InUse+p.Unused > p.Answered {
				t.Errorf("%+v after %+v", p, last)
			}
			if !p.WaitingUntil.IsZero() {
				waits++
				if !p.WaitingUntil.After(time.Now()) || p.WaitingUntil.After(time.Now().Add(time.Hour+time.Second)) {
					t.Errorf("at %v: %+v", time.Since(start), p)
				}
			}
			last = p
		}
		client := newClient(t, rt, api.WithRateLimit(4, time.Hour))
		for range client.Audit(t.Context(), numbered(8), api.WithConcurrency(2), api.WithProgress(report)) {
			results++
			if last.Answered+last.Failed+last.NotAsked != results {
				t.Errorf("result %d came before its progress: %+v", results, last)
			}
		}
		want := api.AuditProgress{Asked: 8, Answered: 7, Failed: 1, InUse: 5, Unused: 1}
		if last != want || waits == 0 {
			t.Errorf("got %+v with %d waits in %d calls", last, waits, calls)
		}
	})
}
