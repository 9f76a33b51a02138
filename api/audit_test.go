package api_test

import (
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

// numberedRefs yields n certificates whose ids are numbers; n < 0 is infinite.
func numberedRefs(n int) iter.Seq[api.CertificateRef] {
	return func(yield func(api.CertificateRef) bool) {
		for i := 0; i != n; i++ {
			if !yield(api.CertificateRef{AccountID: "a", ID: fmt.Sprint(i)}) {
				return
			}
		}
	}
}

// certificateIDOf returns the certificate id in the path of a request.
func certificateIDOf(r *http.Request) string { return strings.Split(r.URL.Path, "/")[6] }

// echoID responds after a second with one association that names the certificate.
func echoID(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(time.Second):
		return response(200, `{"success":true,"result":[{"service":"`+certificateIDOf(r)+`"}]}`), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// wantAnswers checks that an audit yields n results, and none with an error.
func wantAnswers(t *testing.T, audit iter.Seq[api.AuditResult], n int) {
	t.Helper()
	results := 0
	for r := range audit {
		if results++; r.Err != nil {
			t.Errorf("%s: %v", r.Certificate.ID, r.Err)
		}
	}
	if results != n {
		t.Errorf("%d results, want %d", results, n)
	}
}

// gauge counts the requests that are in flight at the same time.
type gauge struct{ inFlight, peak atomic.Int64 }

// add counts a request as in flight until the returned function is called.
func (g *gauge) add() (done func()) {
	n := g.inFlight.Add(1)
	for peak := g.peak.Load(); n > peak && !g.peak.CompareAndSwap(peak, n); {
		peak = g.peak.Load()
	}
	return func() { g.inFlight.Add(-1) }
}

func TestAuditYieldsEachCertificateOnceWithItsOwnResult(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var requests gauge
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			defer requests.add()()
			return echoID(r)
		})
		seen := map[api.CertificateRef]int{}
		start := time.Now()
		for r := range newClient(t, rt).Audit(t.Context(), numberedRefs(100), api.WithConcurrency(7)) {
			seen[r.Certificate]++
			if seen[r.Certificate] != 1 || r.Err != nil || r.List.Associations[0].Service != r.Certificate.ID || r.Usage() != api.InUse {
				t.Errorf("got %+v", r)
			}
		}
		if len(seen) != 100 || requests.peak.Load() != 7 || time.Since(start) != 15*time.Second {
			t.Errorf("%d certificates, %d requests at a time, after %v", len(seen), requests.peak.Load(), time.Since(start))
		}
	})
}

func TestAuditDefaultsTo32AtATimeAndCanBeRangedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		audit := newClient(t, roundTrip(echoID)).Audit(t.Context(), numberedRefs(64))
		for range 2 {
			start := time.Now()
			wantAnswers(t, audit, 64)
			wantTook(t, "the audit", start, 2*time.Second, 2*time.Second)
		}
	})
}

func TestAuditYieldsInOrderOfCompletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			if certificateIDOf(r) == "0" {
				time.Sleep(time.Minute)
			}
			return echoID(r)
		})
		var order []string
		for r := range newClient(t, rt, api.WithAttemptTimeout(time.Hour)).Audit(t.Context(), numberedRefs(3), api.WithConcurrency(2)) {
			order = append(order, r.Certificate.ID)
		}
		if fmt.Sprint(order) != "[1 2 0]" {
			t.Errorf("got the order %v", order)
		}
	})
}

func TestAuditWaitsForTheEndOfBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var refusals atomic.Int32
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			// The server blocks for five minutes, four times.
			if at := time.Since(start) % (10 * time.Minute); at > 5*time.Minute && time.Since(start) < 40*time.Minute {
				refusals.Add(1)
				left := 10*time.Minute - at
				return response(429, envelopeWith("971"), "Retry-After", fmt.Sprint(int(left/time.Second)+1)), nil
			}
			time.Sleep(10 * time.Millisecond)
			return echoID(r)
		})
		client := newClient(t, rt, api.WithMaxAttempts(1), api.WithRateLimit(200, time.Minute))
		wantAnswers(t, client.Audit(t.Context(), numberedRefs(5000)), 5000)
		// At most the 32 requests in flight and one probe are refused in each block.
		if n := refusals.Load(); n == 0 || n > 4*33 {
			t.Errorf("%d refusals", n)
		}
	})
}

func TestAuditWaitsForTheLimitWithoutABound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		client := newClient(t, roundTrip(echoID), api.WithRateLimit(1, time.Hour))
		wantAnswers(t, client.Audit(t.Context(), numberedRefs(5)), 5)
		wantTook(t, "the audit", start, 4*time.Hour, 4*time.Hour+time.Minute)
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
		audit   iter.Seq[api.AuditResult]
		results int
		text    string
	}{
		"concurrency": {client.Audit(t.Context(), numberedRefs(3), api.WithConcurrency(0)), 3, "WithConcurrency: 0"},
		"progress":    {client.Audit(t.Context(), numberedRefs(3), api.WithProgress(nil)), 3, "WithProgress: the function is nil"},
		"nil option":  {client.Audit(t.Context(), numberedRefs(3), nil), 3, "an option is nil"},
		"nil context": {client.Audit(noContext, numberedRefs(3)), 3, "the context is nil"},
		"nil client":  {(*api.Client)(nil).Audit(t.Context(), numberedRefs(3)), 3, "not made by New"},
		"zero client": {new(api.Client).Audit(t.Context(), numberedRefs(3)), 3, "not made by New"},
		"nil input":   {client.Audit(t.Context(), nil), 1, "the sequence of certificates is nil"},
	} {
		results := 0
		for r := range c.audit {
			results++
			wantSentinels(t, r.Err, api.ErrInvalidArgument)
			if !strings.Contains(r.Err.Error(), c.text) {
				t.Errorf("%s: got %v", name, r.Err)
			}
		}
		if results != c.results {
			t.Errorf("%s: %d results, want %d", name, results, c.results)
		}
	}
	// An infinite input yields errors until the caller leaves the loop.
	for range client.Audit(t.Context(), numberedRefs(-1), api.WithConcurrency(0)) {
		break
	}
	if rt.count() != 0 {
		t.Errorf("%d requests", rt.count())
	}
}

func TestAuditReportsItsProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			switch certificateIDOf(r) {
			case "1":
				return response(404, envelopeWith("1")), nil
			case "2":
				return response(200, emptyBody), nil
			case "3":
				return response(200, `{"success":true,"result":[],"result_info":{"count":3}}`), nil
			}
			return echoID(r)
		})
		start := time.Now()
		var last api.AuditProgress
		waits, calls, results := 0, 0, 0
		report := func(p api.AuditProgress) {
			calls++
			if p.Asked < last.Asked || p.Answered < last.Answered {
				t.Errorf("a number became smaller: %+v after %+v", p, last)
			}
			if p.Answered+p.Failed > p.Asked || p.InUse+p.Unused > p.Answered {
				t.Errorf("a part exceeds its sum: %+v", p)
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
		for range client.Audit(t.Context(), numberedRefs(8), api.WithConcurrency(2), api.WithProgress(report)) {
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
