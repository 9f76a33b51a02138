package load

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// Callers that wait for the limiter are released when their context ends. The
// best of some rounds counts: the worst ones tell about the load of the machine.
func TestAThousandWaitersAreReleasedAtOnce(t *testing.T) {
	const bound, rounds = 50 * time.Millisecond, 8
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
	best := time.Duration(1 << 62)
	for range rounds {
		p99 := release(t, client)
		t.Logf("99 %% were released within %v", p99)
		if best = min(best, p99); best < bound/2 {
			break
		}
	}
	if best > bound {
		t.Errorf("99 %% were released within %v, want %v", best, bound)
	}
	if n := server.Requests(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

const waiters = 1000

// release lets callers wait, ends their context, and tells how long 99 % of
// them took to return.
func release(t *testing.T, client *api.Client) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make([]time.Time, waiters)
	var ready, group sync.WaitGroup
	ready.Add(waiters)
	for i := range waiters {
		group.Go(func() {
			ready.Done()
			_, err := client.Associations(ctx, ref(i))
			ended[i] = time.Now()
			if !errors.Is(err, context.Canceled) || !errors.Is(err, api.ErrNotAsked) {
				t.Errorf("got %v", err)
			}
		})
	}
	ready.Wait()
	time.Sleep(200 * time.Millisecond) // until all of them stand in the queue
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
