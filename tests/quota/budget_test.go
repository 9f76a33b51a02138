package quota

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/certuse/cloudflare-mtls/api"
)

// failing responds with 503 while down is positive. Each request decrements down.
type failing struct {
	down, requests atomic.Int64
}

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	f.requests.Add(1)
	status, body := 200, inUseBody
	if f.down.Add(-1) >= 0 {
		status, body = 503, failureBody
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// failNext makes exactly the next n requests fail.
func (f *failing) failNext(n int64) { f.down.Store(n) }

func TestManyCallersDoNotMultiplyTheLoadOnAServerThatFails(t *testing.T) {
	t.Parallel()
	const callers = 1000
	synctest.Test(t, func(t *testing.T) {
		server := new(failing)
		server.failNext(1 << 40)
		client := newClient(t, server, api.WithRateLimit(0, 0))
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				if _, err := client.Associations(t.Context(), ref(1)); !errors.Is(err, api.ErrServer) {
					t.Errorf("got %v, want ErrServer", err)
				}
			})
		}
		group.Wait()
		if n := server.requests.Load(); n < callers+1 || n > callers*11/10 {
			t.Errorf("%d requests for %d calls; want some retries and at most 1.1 requests a call", n, callers)
		}

		server.failNext(1)
		if _, err := client.Associations(t.Context(), ref(1)); !errors.Is(err, api.ErrServer) {
			t.Errorf("retried with the budget used up: %v", err)
		}
		for range 100 {
			if _, err := client.Associations(t.Context(), ref(1)); err != nil {
				t.Fatal(err)
			}
		}
		for range 10 {
			server.failNext(1)
			if _, err := client.Associations(t.Context(), ref(1)); err != nil {
				t.Errorf("not retried after 100 good calls: %v", err)
			}
		}
	})
}
