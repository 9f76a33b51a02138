package quota

import (
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/quotaserver"
)

const (
	// limit and window are the defaults of the client. The model of the server has the
	// same limit, not the vendor's larger one.
	limit  = 1000
	window = 5 * time.Minute
	// travel is the longest latency in each direction.
	travel = 20 * time.Millisecond
)

func strict(seed uint64, fixed bool) quotaserver.Rules {
	return quotaserver.Rules{
		Limit: limit, Window: window, Block: 5 * time.Minute, Fixed: fixed, Headers: fixed,
		MaxLatency: travel, Seed: seed,
	}
}

// refs yields n certificates, with a pause before some.
func refs(n int, pauses map[int]time.Duration) iter.Seq[api.CertificateRef] {
	return func(yield func(api.CertificateRef) bool) {
		for i := range n {
			if pauses[i] > 0 {
				time.Sleep(pauses[i])
			}
			if !yield(ref(i)) {
				return
			}
		}
	}
}

func TestTheLimitIsKeptAndUsed(t *testing.T) {
	t.Parallel()
	const n = 3100
	s := seed(t)
	for name, pauses := range map[string]map[int]time.Duration{
		"steady":    nil,
		"idle gaps": {500: 100 * time.Second, 999: 290 * time.Second, 1000: time.Second, 1700: 20 * time.Minute, 2400: 299 * time.Second},
	} {
		for _, fixed := range []bool{false, true} {
			for _, workers := range []int{1, 8, 64} {
				t.Run(fmt.Sprintf("%s, fixed windows %v, %d workers", name, fixed, workers), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						server := quotaserver.New(strict(s, fixed))
						client := newClient(t, server)
						started := time.Now()
						answered := 0
						for r := range client.Audit(t.Context(), refs(n, pauses), api.WithConcurrency(workers)) {
							if r.Err != nil {
								t.Errorf("%s: %v", r.Certificate.ID, r.Err)
							}
							answered++
						}
						took := time.Since(started)
						seen := server.Report()
						if answered != n || seen.Counted != n || seen.Refusals() != 0 || !fixed && seen.MaxInWindow > limit || seen.Peak > workers {
							t.Errorf("%d results; the server saw %+v", answered, seen)
						}
						if pauses == nil {
							checkOptimum(t, n, took)
						}
					})
				})
			}
		}
	}
}

// A block costs at most the requests in flight and one probe.
func TestBlocksByOthersCostFewRequests(t *testing.T) {
	t.Parallel()
	s := seed(t)
	for _, workers := range []int{1, 8, 32, 64} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := quotaserver.New(strict(s, false))
				for _, n := range []int{100, 101, 700, 1300} {
					server.BlockAt(n, 5*time.Minute)
				}
				client := newClient(t, server)
				for r := range client.Audit(t.Context(), refs(1500, nil), api.WithConcurrency(workers)) {
					if r.Err != nil {
						t.Errorf("%s: %v", r.Certificate.ID, r.Err)
					}
				}
				seen := server.Report()
				if len(seen.Refused) != 4 {
					t.Errorf("%d blocks, want 4", len(seen.Refused))
				}
				for i, refused := range seen.Refused {
					if refused > workers+1 {
						t.Errorf("block %d: %d requests refused with %d workers", i, refused, workers)
					}
				}
			})
		})
	}
}

// When a server refuses for longer than announced, the client sends one request after
// each announced wait.
func TestABlockLongerThanAnnouncedCostsOneRequestAfterEachWait(t *testing.T) {
	t.Parallel()
	s := seed(t)
	synctest.Test(t, func(t *testing.T) {
		const workers, announced = 32, 30 * time.Second
		rules := strict(s, false)
		rules.MaxRetryAfter = announced
		server := quotaserver.New(rules)
		server.BlockAt(100, block)
		client := newClient(t, server)
		for r := range client.Audit(t.Context(), refs(500, nil), api.WithConcurrency(workers)) {
			if r.Err != nil {
				t.Errorf("%s: %v", r.Certificate.ID, r.Err)
			}
		}
		if seen := server.Report(); seen.Counted != 500 || seen.Refusals() > workers+int(block/announced) {
			t.Errorf("the server saw %+v", seen)
		}
	})
}

func checkOptimum(t *testing.T, n int, took time.Duration) {
	t.Helper()
	best := quotaserver.MinDuration(n, limit, window)
	over := 100 * (float64(took)/float64(best) - 1)
	t.Logf("%v, %.2f %% over the optimum", took, over)
	if over > 2 {
		t.Errorf("took %v, more than 2 %% over the optimum of %v", took, best)
	}
}
