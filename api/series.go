package api

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

// series is the state that the calls of one audit or inventory share. These calls wait
// for the limiter without a limit, and for the end of blocks and outages as long as
// waitBudget allows.
type series struct {
	ctx context.Context // of the requests
	// admission is the context of the waits. It ends before ctx if no further requests
	// can succeed.
	admission  context.Context
	stop       context.CancelCauseFunc
	cancel     context.CancelFunc
	waitBudget quota.WaitBudget
	// maxWait limits how long a call is repeated after a 503 with Retry-After, or any
	// other response that delays all callers. After ErrRateLimited, waitBudget does.
	maxWait time.Duration
	// sent counts the calls that sent a request. notify has an element after a call has
	// begun to wait for the limiter.
	sent   atomic.Int64
	notify chan struct{}

	mu sync.Mutex
	// refusals counts, by account, the 403s for associations since the last success.
	refusals map[string]int
}

func newSeries(ctx context.Context, maxWait time.Duration) *series {
	s := &series{maxWait: maxWait, notify: make(chan struct{}, 1), refusals: map[string]int{}}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.admission, s.stop = context.WithCancelCause(s.ctx)
	return s
}

// seriesPolicy returns the policy of a single call that waits like the calls of a
// series. The caller must cancel ctx.
func seriesPolicy(ctx context.Context) callPolicy {
	return newSeries(ctx, quota.DefaultBlock).policy()
}

// waiting reports that a call begins to wait for the limiter.
func (s *series) waiting() {
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

func (s *series) policy() callPolicy { return callPolicy{admission: s.admission, series: s} }
