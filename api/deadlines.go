package api

import (
	"context"
	"errors"
	"sync"
	"time"
)

// deadlines bounds the attempts of an audit in time, as [context.WithTimeout]
// would, but with one timer for all workers: a timer for each attempt mostly has
// to wake the scheduler. And attempts are children of a context of their worker,
// so that not all workers take the lock of the audit's for each. Together that
// is about 5 % of an audit's processor time.
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
	release   context.CancelFunc // of ctx
	stop      context.CancelFunc // the method stopped

	// Of the attempt: how to end it, nil when there is none, and when.
	cancel context.CancelCauseFunc
	at     time.Time
}

// attemptContext says of itself what a context with a timer would.
type attemptContext struct {
	context.Context
	at time.Time
}

func (c *attemptContext) Deadline() (time.Time, bool) {
	if at, ok := c.Context.Deadline(); ok && at.Before(c.at) {
		return at, true
	}
	return c.at, true
}

func (c *attemptContext) Err() error {
	err := c.Context.Err()
	if err != nil && errors.Is(context.Cause(c.Context), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

// worker returns the contexts of one more worker.
func (d *deadlines) worker() *workerContext {
	w := &workerContext{deadlines: d}
	w.ctx, w.release = context.WithCancel(d.ctx)
	w.stop = w.stopped
	d.mu.Lock()
	defer d.mu.Unlock()
	d.workers = append(d.workers, w)
	return w
}

// start returns the context of an attempt. It ends with that of the audit, when
// it is stopped, and after the length with [context.DeadlineExceeded].
func (w *workerContext) start() (_ context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(w.ctx)
	d := w.deadlines
	d.mu.Lock()
	defer d.mu.Unlock()
	w.cancel, w.at = cancel, time.Now().Add(d.length)
	if d.timer == nil {
		d.timer = time.AfterFunc(d.length, d.expire)
	}
	return &attemptContext{ctx, w.at}, w.stop
}

func (w *workerContext) stopped() {
	w.deadlines.mu.Lock()
	cancel := w.cancel
	w.cancel = nil
	w.deadlines.mu.Unlock()
	if cancel != nil {
		cancel(nil)
	}
}

// expire ends what has run out, and sets the timer for what will be next.
func (d *deadlines) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	var next time.Time
	for _, w := range d.workers {
		switch {
		case w.cancel == nil:
		case !w.at.After(now):
			w.cancel(context.DeadlineExceeded)
			w.cancel = nil
		case next.IsZero() || w.at.Before(next):
			next = w.at
		}
	}
	d.timer = nil
	if !next.IsZero() {
		d.timer = time.AfterFunc(next.Sub(now), d.expire)
	}
}

// end releases everything, once the workers have ended.
func (d *deadlines) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.workers {
		w.release()
	}
	d.workers = nil // expire may be waiting for the lock
	if d.timer != nil {
		d.timer.Stop()
	}
}
