package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// endUseAfter ends the use of the certificate by Gateway after d.
func endUseAfter(s *store, d time.Duration) {
	start := time.Now()
	s.before = func(string, *http.Request) (*http.Response, error) {
		if time.Since(start) >= d {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.gateway = ""
		}
		return nil, nil
	}
}

func TestWaitEndsWhenNothingUsesTheCertificate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		endUseAfter(s, 80*time.Second)
		var usages []api.Usage
		var uses []string
		start := time.Now()
		e, err := newClient(t, s).WaitUnused(t.Context(), ref(5), api.WithWaitProgress(func(e *api.Evidence) {
			usages = append(usages, e.Usage())
			for _, use := range e.Uses {
				uses = append(uses, use.Name)
			}
		}))
		wantTook(t, "the wait", start, 80*time.Second, 96*time.Second)
		if err != nil || e.Usage() != api.Unused {
			t.Errorf("usage %v, error %v", e.Usage(), err)
		}
		// 5, 5, 5, 8, then 15 seconds between the checks: a check makes 10 calls.
		n := len(usages)
		if n < 9 || n > 11 || usages[n-1] != api.Unused {
			t.Errorf("progress %v", usages)
		}
		if len(uses) != n-1 || uses[0] != "TLS inspection" {
			t.Errorf("uses %v in %d checks", uses, n)
		}
	})
}

func TestWaitEndsAtItsTimeWithTheLastEvidence(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*store)
		want   error
		text   string
	}{
		"in use":    {func(*store) {}, api.ErrInUse, "gateway TLS inspection"},
		"a failure": {func(s *store) { s.faults = faults("/gateway/", refuse(500, 1)) }, api.ErrUsageUnknown, "gateway"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			tt.change(s)
			start := time.Now()
			client := newClient(t, s, api.WithMaxAttempts(1))
			e, err := client.WaitUnused(t.Context(), ref(5), api.WithWaitTimeout(time.Minute))
			wantSentinels(t, err, tt.want)
			wantTook(t, name, start, 50*time.Second, time.Minute)
			if e == nil || !strings.HasPrefix(err.Error(), "wait for the end of use: ") || !strings.Contains(err.Error(), tt.text) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %+v, %v", name, e, err)
			}
		})
	}
}

func faults(path string, fault func() *http.Response) map[string]func() *http.Response {
	return map[string]func() *http.Response{path: fault}
}

func TestWaitEndsAtOnceWhenItCannotSucceed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change   func(*store)
		want     []error
		evidence bool
	}{
		"gone":                {func(s *store) { s.certificates = nil }, []error{api.ErrNotFound}, false},
		"credentials refused": {func(s *store) { s.faults = faults("/mtls_certificates/", refuse(401, 10000)) }, []error{api.ErrUnauthorized}, false},
		"a block of more than 15 minutes": {func(s *store) {
			s.faults = faults("/", func() *http.Response { return response(503, envelopeWith("1"), "Retry-After", "1000") })
		}, []error{api.ErrRateLimited, api.ErrNotAsked}, false},
		"a missing permission": {func(s *store) {
			s.gateway, s.faults = "", faults("/gateway/", refuse(403, 10000))
		}, []error{api.ErrUsageUnknown}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			tt.change(s)
			start := time.Now()
			e, err := newClient(t, s).WaitUnused(t.Context(), ref(5))
			wantSentinels(t, err, tt.want...)
			if time.Since(start) != 0 || (e != nil) != tt.evidence {
				t.Errorf("%s: after %v: %+v, %v", name, time.Since(start), e, err)
			}
		})
	}
}

// The missing permission matters only when no use is left.
func TestWaitForTheEndOfAUseGoesOnWithoutAPermission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.faults = faults("/hyperdrive/", refuse(403, 10000))
		endUseAfter(s, 30*time.Second)
		start := time.Now()
		_, err := newClient(t, s).WaitUnused(t.Context(), ref(5))
		wantSentinels(t, err, api.ErrUsageUnknown)
		wantTook(t, "the wait", start, 30*time.Second, 40*time.Second)
	})
}

func TestWaitReturnsTheEvidenceFromBeforeARefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.before = func(kind string, _ *http.Request) (*http.Response, error) {
			if kind == "certificate" && s.count(kind) > 1 {
				return refuse(401, 10000)(), nil
			}
			return nil, nil
		}
		e, err := newClient(t, s).WaitUnused(t.Context(), ref(5))
		wantSentinels(t, err, api.ErrUnauthorized)
		if e.Usage() != api.InUse || s.count("certificate") != 2 {
			t.Errorf("%+v, requests %v", e, s.requests)
		}
	})
}

func TestWaitOutlastsFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.gateway = ""
		start := time.Now()
		s.before = func(string, *http.Request) (*http.Response, error) {
			switch since := time.Since(start); {
			case since < 20*time.Second:
				return nil, errReset
			case since < 40*time.Second:
				return response(502, "<html>", "Content-Type", "text/html"), nil
			}
			return nil, nil
		}
		e, err := newClient(t, s, api.WithMaxAttempts(1)).WaitUnused(t.Context(), ref(5))
		if err != nil || e.Usage() != api.Unused {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		e, err := newClient(t, everySource()).WaitUnused(ctx, ref(5))
		wantTook(t, "the wait", start, 0, 10*time.Second)
		if e.Usage() != api.InUse || !errors.Is(err, api.ErrInUse) {
			t.Errorf("usage %v, error %v", e.Usage(), err)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		e, err = newClient(t, everySource()).WaitUnused(cancelled, ref(5))
		if e != nil || !errors.Is(err, api.ErrUsageUnknown) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v", e, err)
		}
	})
}

// A server error of an earlier check is not the error of the wait.
func TestWaitEndsWithoutTheErrorOfAnEarlierCheck(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]time.Duration{"the context ends first": 20 * time.Second, "the wait ends first": time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			s.before = func(string, *http.Request) (*http.Response, error) { return refuse(500, 1)(), nil }
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			client := newClient(t, s, api.WithMaxAttempts(1), api.WithRateLimit(1, 2*time.Hour))
			e, err := client.WaitUnused(ctx, ref(5), api.WithWaitTimeout(30*time.Second), api.WithWaitEvidence(api.WithSources(api.SourceAssociations)))
			wantSentinels(t, err, api.ErrUsageUnknown)
			if e != nil || ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
				t.Errorf("%s: %v, %v", name, e, err)
			}
		})
	}
}

func TestWaitSaysThatNoSourceApplies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := newClient(t, everySource()).WaitUnused(t.Context(), ref(7), api.WithWaitEvidence(api.WithSources(api.SourceWorkers)))
		if wantSentinels(t, err, api.ErrUsageUnknown); !strings.HasSuffix(err.Error(), "usage unknown: no source that was read applies") {
			t.Error(err)
		}
	})
}

// The limiter would admit 1,000 requests at once.
func TestWaitLeavesHalfOfTheQuotaToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		for n := range 100 { // 110 requests for each check
			s.workers[certificateID(n)] = certificateID(5)
		}
		start := time.Now()
		_, err := newClient(t, s).WaitUnused(t.Context(), ref(5))
		wantTook(t, "a wait with the default timeout", start, 4*time.Minute, 5*time.Minute)
		if n := s.total(); !errors.Is(err, api.ErrInUse) || n < 400 || n > 720 {
			t.Errorf("%d requests in %v: %v", n, time.Since(start), err)
		}
		s.requests, s.faults = nil, faults("/mtls_certificates/", refuse(500, 1)) // each check fails
		_, err = newClient(t, s, api.WithMaxAttempts(1)).WaitUnused(t.Context(), ref(5))
		if n := s.total(); !errors.Is(err, api.ErrUsageUnknown) || n < 300 || n > 720 {
			t.Errorf("%d requests in checks that fail: %v", n, err)
		}
	})
}

// Half a second for each request of a check would put the last check after the end.
func TestWaitChecksAgainNearItsEnd(t *testing.T) {
	t.Parallel()
	for workers, limit := range map[int]time.Duration{100: 5 * time.Minute, 480: 5 * time.Minute, 700: 340 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			for n := range workers {
				s.workers[fmt.Sprint("w", n)] = ""
			}
			endUseAfter(s, limit-20*time.Second)
			start, checks := time.Now(), 0
			e, err := newClient(t, s).WaitUnused(t.Context(), ref(5), api.WithWaitTimeout(limit), api.WithWaitProgress(func(*api.Evidence) { checks++ }))
			wantTook(t, fmt.Sprint(workers, " Workers"), start, limit-20*time.Second, limit)
			if err != nil || e.Usage() != api.Unused || checks < 2 || checks > 7 {
				t.Errorf("%d Workers: usage %v after %d checks: %v", workers, e.Usage(), checks, err)
			}
		})
	}
}

func TestWrongWaitOptionsSendNothing(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]api.WaitOption{
		"nil": {nil}, "no time": {api.WithWaitTimeout(0)}, "time in ns": {api.WithWaitTimeout(5)}, "no progress": {api.WithWaitProgress(nil)},
		"no sources": {api.WithWaitEvidence(api.WithSources())},
	} {
		s := everySource()
		_, err := newClient(t, s).WaitUnused(t.Context(), ref(5), opts...)
		if !errors.Is(err, api.ErrInvalidArgument) || len(s.requests) != 0 {
			t.Errorf("%s: %v, requests %v", name, err, s.requests)
		}
	}
	if _, err := newClient(t, everySource()).WaitUnused(t.Context(), api.CertificateRef{}); !errors.Is(err, api.ErrInvalidArgument) {
		t.Error(err)
	}
}
