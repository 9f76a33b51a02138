package api

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

// series is what the calls of one audit or inventory share. These calls are
// patient: they wait for the limiter, for the end of blocks and for the end of
// outages without a bound of their own.
type series struct {
	ctx context.Context // of the requests
	// admission is the context of the waits. It ends earlier, when further requests
	// are pointless.
	admission context.Context
	stop      context.CancelCauseFunc
	cancel    context.CancelFunc
	patience  quota.Patience
	// longest is for how long a call is repeated while the server answers nothing but
	// that all callers wait.
	longest time.Duration
	// asked counts the calls of which a request was made. news has an element when
	// a call has begun to wait for the limiter.
	asked atomic.Int64
	news  chan struct{}

	mu sync.Mutex
	// refusals counts the 403s of the associations of an account since its last
	// success.
	refusals map[string]int
}

func newSeries(ctx context.Context, longest time.Duration) *series {
	s := &series{longest: longest, news: make(chan struct{}, 1), refusals: map[string]int{}}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.admission, s.stop = context.WithCancelCause(s.ctx)
	return s
}

// patient is the policy of a single call that waits as those of a series do. The
// context must end.
func patient(ctx context.Context) callPolicy {
	return newSeries(ctx, quota.AssumedBlock).policy()
}

// waiting notes that a call begins to wait for the limiter.
func (s *series) waiting() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *series) policy() callPolicy { return callPolicy{admission: s.admission, series: s} }
