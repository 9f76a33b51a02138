package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// All callers that wait for the limiter return as soon as their context ends. On a
// loaded machine even goroutines that only wait for a context take long to return, so
// the test compares the callers with such goroutines. The best round counts.
func TestAThousandWaitersAreReleasedAtOnce(t *testing.T) {
	const (
		instant = 50 * time.Millisecond
		factor  = 10
		rounds  = 8
	)
	server := fs.Start(t, fs.Always(fs.OK()), nil)
	client, err := api.New(api.APIToken("token"), api.WithBaseURL(server.URL()),
		api.WithRateLimit(1, time.Hour), api.WithMaxRetryWait(2*time.Hour*waiters))
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	if _, err := client.Associations(t.Context(), ref(0)); err != nil {
		t.Fatal(err)
	}
	best := math.Inf(1)
	for range rounds {
		got := release(t, func(ctx context.Context, i int) error {
			_, err := client.Associations(ctx, ref(i))
			return err
		})
		if got <= instant {
			best = 0
			break
		}
		floor := release(t, func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return fmt.Errorf("%w: %w", api.ErrNotAsked, ctx.Err())
		})
		t.Logf("99 %% were released within %v, the floor is %v", got, floor)
		best = min(best, float64(got)/float64(floor))
	}
	if best > factor {
		t.Errorf("the release took %.1f times that of goroutines which only wait, want at most %d times", best, factor)
	}
	if n := server.Requests(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

const waiters = 1000

// release lets callers wait, ends their context, and returns the time in which 99 %
// of them returned.
func release(t *testing.T, wait func(context.Context, int) error) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make([]time.Time, waiters)
	var ready, group sync.WaitGroup
	ready.Add(waiters)
	for i := range waiters {
		group.Go(func() {
			ready.Done()
			err := wait(ctx, i)
			ended[i] = time.Now()
			if !errors.Is(err, context.Canceled) || !errors.Is(err, api.ErrNotAsked) {
				t.Errorf("got %v", err)
			}
		})
	}
	ready.Wait()
	time.Sleep(200 * time.Millisecond) // until all of them are in the queue
	started := time.Now()
	cancel()
	group.Wait()
	var delays []time.Duration
	for _, at := range ended {
		delays = append(delays, at.Sub(started))
	}
	slices.Sort(delays)
	if delays[0] < 0 {
		t.Errorf("a caller did not wait: it ended %v before the cancel", -delays[0])
	}
	return delays[waiters*99/100]
}
