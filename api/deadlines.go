package api

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// deadlines bounds the attempts of an audit in time. All have the same length,
// so they run out in the order in which they began, and one timer will do. A
// timer for each, as [context.WithTimeout] has, takes 3 % more processor time of
// an audit, in part because it wakes the scheduler.
type deadlines struct {
	length time.Duration

	mu      sync.Mutex
	running list.List // of deadline, the oldest first
	// timer is set for the oldest, or for one that has ended since; it is nil
	// when none is set.
	timer *time.Timer
}

type deadline struct {
	at     time.Time
	cancel context.CancelCauseFunc
}

// start returns a context that ends with ctx, when it is stopped, and after the
// length with the cause [context.DeadlineExceeded].
func (d *deadlines) start(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	entry := d.running.PushBack(deadline{time.Now().Add(d.length), cancel})
	if d.timer == nil {
		d.timer = time.AfterFunc(d.length, d.expire)
	}
	return ctx, func() {
		d.mu.Lock()
		d.running.Remove(entry)
		d.mu.Unlock()
		cancel(nil)
	}
}

// expire ends what has run out, and sets the timer for the next.
func (d *deadlines) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer = nil
	for entry := d.running.Front(); entry != nil; entry = d.running.Front() {
		oldest := entry.Value.(deadline)
		if left := time.Until(oldest.at); left > 0 {
			d.timer = time.AfterFunc(left, d.expire)
			return
		}
		d.running.Remove(entry)
		oldest.cancel(context.DeadlineExceeded)
	}
}

// end releases the timer. Every attempt must have been stopped.
func (d *deadlines) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
}
