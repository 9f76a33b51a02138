package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// Overlapping attempts have separate timeouts.
func TestAuditBoundsEachAttemptInTime(t *testing.T) {
	t.Parallel()
	const timeout, soon, step, certs = 1100 * time.Millisecond, 900 * time.Millisecond, 200 * time.Millisecond, 40
	ends := map[string]func(context.Context) error{
		"error of the context": context.Context.Err,
		"cause of the context": context.Cause,
		"error in a chain":     func(ctx context.Context) error { return fmt.Errorf("reading: %w", context.Cause(ctx)) },
	}
	for name, end := range ends {
		synctest.Test(t, func(t *testing.T) {
			var began sync.Map // of time.Time, by id
			staggered := func(yield func(api.CertificateRef) bool) {
				for c := range numberedRefs(certs) {
					began.Store(c.ID, time.Now())
					if !yield(c) {
						return
					}
					time.Sleep(step)
				}
				time.Sleep(time.Minute) // no attempt runs for some time
				began.Store("last", time.Now())
				yield(api.CertificateRef{AccountID: "a", ID: "last"})
			}
			rt := roundTrip(func(r *http.Request) (*http.Response, error) {
				if n, err := strconv.Atoi(certificateIDOf(r)); err == nil && n%2 == 0 {
					time.Sleep(soon)
					return response(200, emptyBody), nil
				}
				<-r.Context().Done()
				return nil, end(r.Context())
			})
			client := newClient(t, rt, api.WithAttemptTimeout(timeout), api.WithMaxAttempts(1), api.WithRateLimit(0, 0))
			results := 0
			for r := range client.Audit(t.Context(), staggered, api.WithConcurrency(20)) {
				results++
				start, _ := began.Load(r.Certificate.ID)
				took, want := time.Since(start.(time.Time)), soon
				if r.Err != nil {
					want = timeout
					var expired interface{ Timeout() bool }
					if errors.Is(r.Err, context.Canceled) || errors.Is(r.Err, context.DeadlineExceeded) || !errors.As(r.Err, &expired) || !expired.Timeout() {
						t.Errorf("%s: %v", name, r.Err)
					}
					if !strings.Contains(r.Err.Error(), "1.1s") {
						t.Errorf("%s: %v", name, r.Err)
					}
				}
				if n, err := strconv.Atoi(r.Certificate.ID); took != want || (r.Err == nil) != (err == nil && n%2 == 0) {
					t.Errorf("%s: certificate %s after %v: %v", name, r.Certificate.ID, took, r.Err)
				}
			}
			if results != certs+1 {
				t.Errorf("%d results", results)
			}
		})
	}
}

// The end of the caller's context is not reported as the timeout of an attempt.
func TestAuditReportsTheDeadlineOfItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		results := 0
		for r := range newClient(t, scripted(hang)).Audit(ctx, numberedRefs(1)) {
			results++
			if !errors.Is(r.Err, context.DeadlineExceeded) || len(asError(t, r.Err).Unwrap()) != 1 {
				t.Error(r.Err)
			}
		}
		if results != 1 {
			t.Errorf("%d results", results)
		}
	})
}

// The context of an attempt ends with the attempt. Its deadline is the end of the
// attempt timeout, or the caller's deadline if that is earlier.
func TestAttemptsOfAnAuditHaveAContextOfTheirOwn(t *testing.T) {
	t.Parallel()
	const timeout = time.Second
	synctest.Test(t, func(t *testing.T) {
		var contexts []context.Context
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			ctx := r.Context()
			if n := len(contexts); n > 0 && contexts[n-1].Err() == nil {
				t.Errorf("attempt %d has ended, its context has not", n-1)
			}
			contexts = append(contexts, ctx)
			if at, ok := ctx.Deadline(); !ok || time.Until(at) != timeout || ctx.Err() != nil {
				t.Errorf("deadline %v, %v, error %v", at, ok, ctx.Err())
			}
			if certificateIDOf(r) == "1" {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return response(200, emptyBody), nil
		})
		want := []error{context.Canceled, context.DeadlineExceeded, context.Canceled}
		results := 0
		for range newClient(t, rt, api.WithAttemptTimeout(timeout), api.WithMaxAttempts(1)).Audit(t.Context(), numberedRefs(3), api.WithConcurrency(1)) {
			results++
		}
		if results != len(want) || len(contexts) != len(want) {
			t.Fatalf("%d results, %d attempts", results, len(contexts))
		}
		for i, ctx := range contexts {
			if !errors.Is(ctx.Err(), want[i]) {
				t.Errorf("attempt %d: %v, want %v", i, ctx.Err(), want[i])
			}
		}

		deadline := time.Now().Add(timeout / 2)
		ctx, cancel := context.WithDeadline(t.Context(), deadline)
		defer cancel()
		early := roundTrip(func(r *http.Request) (*http.Response, error) {
			if at, ok := r.Context().Deadline(); !ok || !at.Equal(deadline) {
				t.Errorf("deadline %v, %v, the caller's is %v", at, ok, deadline)
			}
			return response(200, emptyBody), nil
		})
		for r := range newClient(t, early, api.WithAttemptTimeout(timeout)).Audit(ctx, numberedRefs(1)) {
			if r.Err != nil {
				t.Error(r.Err)
			}
		}
	})
}
