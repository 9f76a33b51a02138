package api

import (
	"context"
	"sync"
	"time"
)

// deadlines bounds the attempts of an audit in time. A context with a timer for
// each attempt, as [context.WithTimeout] gives, takes 5 % more of an audit's
// processor time, in part because every timer wakes the scheduler. Here the
// attempts of one worker, which come one after the other, share a context until
// one runs out of time, and all workers share a timer.
type deadlines struct {
	ctx    context.Context
	length time.Duration

	mu      sync.Mutex
	workers []*workerContext
	// timer, if not nil, is set for the attempt that runs out first, or for an
	// earlier one that has ended.
	timer *time.Timer
}

// workerContext is for one attempt after another, by one goroutine.
type workerContext struct {
	deadlines *deadlines
	ctx       context.Context
	cancel    context.CancelCauseFunc
	// at is when the time of the attempt is over, or would have been: of one
	// that has ended it does no harm. Zero: there was none since the last time.
	at time.Time
}

// worker returns the contexts of one more worker.
func (d *deadlines) worker() *workerContext {
	w := &workerContext{deadlines: d}
	w.ctx, w.cancel = context.WithCancelCause(d.ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.workers = append(d.workers, w)
	return w
}

// start returns the context of an attempt. It ends with that of the audit, and
// after the length with the cause [context.DeadlineExceeded].
func (w *workerContext) start() context.Context {
	d := w.deadlines
	d.mu.Lock()
	defer d.mu.Unlock()
	if w.ctx.Err() != nil {
		w.ctx, w.cancel = context.WithCancelCause(d.ctx)
	}
	w.at = time.Now().Add(d.length)
	if d.timer == nil {
		d.timer = time.AfterFunc(d.length, d.expire)
	}
	return w.ctx
}

// expire ends what has run out, and sets the timer for what will be next.
func (d *deadlines) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	var next time.Time
	for _, w := range d.workers {
		switch {
		case w.at.IsZero():
		case !w.at.After(now):
			w.cancel(context.DeadlineExceeded)
			w.at = time.Time{}
		case next.IsZero() || w.at.Before(next):
			next = w.at
		}
	}
	d.timer = nil
	if !next.IsZero() {
		d.timer = time.AfterFunc(next.Sub(now), d.expire)
	}
}

// end releases the timer, once the workers have ended.
func (d *deadlines) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
}
