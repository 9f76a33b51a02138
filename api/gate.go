package api

import (
	"context"
	"slices"
	"sync"
	"time"
)

// gate decides when a request may be made. The limiter, the block after a 429
// and the vendor's own count are one decision under one mutex: a caller that
// took a place in the limit first and looked for a block second, or the other
// way round, could pass one of them while the other closes.
//
// Waiting callers stand in one queue and are let in from its head.
type gate struct {
	epoch time.Time

	mu     sync.Mutex
	window window
	block  block
	quotas quotas
	queue  []*waiter
	timer  *time.Timer
}

// ticket is the permission for one request.
type ticket struct {
	serial uint64
	block  uint64
	probe  bool
	// waited is how long it took to get the ticket.
	waited time.Duration
}

// outcome is what a request taught the gate.
type outcome struct {
	answered bool
	limited  bool
	wait     time.Duration
	quotas   []quota
}

// entry says how a caller wants to wait.
type entry struct {
	// atMost refuses as soon as the wait is known to be longer. Negative: no
	// bound but maxBlock.
	atMost time.Duration
	// waiting, if not nil, is called before the caller begins to wait.
	waiting func()
}

type waiter struct {
	admitted chan ticket
	refused  chan time.Duration
	patient  bool
	latest   time.Duration
}

// refusal is why a request may not be made.
type refusal struct {
	// wait is how long it would take, as far as it is known.
	wait time.Duration
	// ended tells that the context ended the wait, and not its length.
	ended bool
}

func newGate(requests int, length time.Duration) *gate {
	return &gate{epoch: time.Now(), window: newWindow(requests, length)}
}

func (g *gate) now() time.Duration { return time.Since(g.epoch) }

// enter waits for the permission to make a request. Every ticket must be
// handed back with leave.
func (g *gate) enter(ctx context.Context, e entry) (ticket, *refusal) {
	if ctx.Err() != nil {
		return ticket{}, &refusal{ended: true}
	}
	g.mu.Lock()
	now := g.now()
	g.window.expire(now)
	if len(g.queue) == 0 && g.open(now) {
		t := g.admit()
		g.mu.Unlock()
		return t, nil
	}
	w := &waiter{
		admitted: make(chan ticket, 1), refused: make(chan time.Duration, 1),
		patient: e.atMost < 0, latest: now + min(e.atMost, maxDuration-now),
	}
	if at := g.opens(len(g.queue), now).earliest; g.refuses(w, at, now) {
		g.mu.Unlock()
		return ticket{}, &refusal{wait: at - now}
	}
	g.queue = append(g.queue, w)
	g.arm(now)
	g.mu.Unlock()
	if e.waiting != nil {
		e.waiting()
	}
	t, no := g.wait(ctx, w)
	t.waited = g.now() - now
	return t, no
}

func (g *gate) wait(ctx context.Context, w *waiter) (ticket, *refusal) {
	var tooLong <-chan time.Time
	if !w.patient {
		timer := time.NewTimer(w.latest - g.now())
		defer timer.Stop()
		tooLong = timer.C
	}
	select {
	case t := <-w.admitted:
		return t, nil
	case wait := <-w.refused:
		return ticket{}, &refusal{wait: wait}
	case <-tooLong:
		// The queue's own timer may be for this very moment.
		g.tick()
		select {
		case t := <-w.admitted:
			return t, nil
		default:
			return ticket{}, &refusal{wait: g.abandon(w), ended: atDeadline(ctx)}
		}
	case <-ctx.Done():
		return ticket{}, &refusal{wait: g.abandon(w), ended: true}
	}
}

// atDeadline tells whether the deadline of ctx has come, and sees ctx end then:
// a wait that it bounds may notice first.
func atDeadline(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	if !ok || time.Now().Before(deadline) {
		return false
	}
	<-ctx.Done()
	return true
}

// abandon takes w out of the queue and tells how long it would still have had
// to wait. A ticket that came at the same moment is handed back unused.
func (g *gate) abandon(w *waiter) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	at := now
	if i := slices.Index(g.queue, w); i >= 0 {
		at = g.opens(i, now).earliest
		g.queue = slices.Delete(g.queue, i, i+1)
	}
	select {
	case t := <-w.admitted:
		g.window.cancel()
		g.block.release(t, outcome{})
	default:
	}
	g.dispatch(now)
	return at - now
}

// leave hands a ticket back when the request is over. Its place in the limit
// becomes free one window later.
func (g *gate) leave(t ticket, o outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.window.complete(now)
	g.quotas.observe(now, t.serial, o.quotas)
	g.block.release(t, o)
	if o.limited {
		g.block.extend(now, o.wait)
		g.review(now)
	}
	if len(g.queue) > 0 {
		g.dispatch(now)
	}
}

// opening is when a caller may go. It is the only condition: what is open now,
// when the timer of the queue fires and who waits too long follow from it.
type opening struct {
	// earliest is the time before which no end of a request opens the gate.
	earliest time.Duration
	// latest is when the gate opens by itself: never, if only the end of a
	// request opens it.
	latest time.Duration
}

const never = maxDuration

// opens is when the caller at the given place of the queue may go.
func (g *gate) opens(place int, now time.Duration) opening {
	w, b, q := g.window.opens(place, now), g.block.opens(now), g.quotas.opens(place, g.window.inFlight, now)
	return opening{
		earliest: max(now, w.earliest, b.earliest, q.earliest),
		latest:   max(now, w.latest, b.latest, q.latest),
	}
}

func (g *gate) open(now time.Duration) bool { return g.opens(0, now).latest <= now }

func (g *gate) admit() ticket {
	return g.block.stamp(ticket{serial: g.window.begin()})
}

func (g *gate) refuses(w *waiter, at, now time.Duration) bool {
	if w.patient {
		return g.block.tooLong(now)
	}
	return at > w.latest
}

// review sends those away who would now have to wait too long.
func (g *gate) review(now time.Duration) {
	place := 0
	g.queue = slices.DeleteFunc(g.queue, func(w *waiter) bool {
		at := g.opens(place, now).earliest
		if !g.refuses(w, at, now) {
			place++
			return false
		}
		w.refused <- at - now
		return true
	})
}

// dispatch lets in whoever may go.
func (g *gate) dispatch(now time.Duration) {
	g.window.expire(now)
	for len(g.queue) > 0 && g.open(now) {
		g.queue[0].admitted <- g.admit()
		g.queue[0] = nil
		g.queue = g.queue[1:]
	}
	g.arm(now)
}

// arm sets the timer for the head of the queue.
func (g *gate) arm(now time.Duration) {
	at := never
	if len(g.queue) > 0 {
		at = g.opens(0, now).latest
	}
	switch {
	case g.timer == nil && at < never:
		g.timer = time.AfterFunc(at-now, g.tick)
	case g.timer != nil && at < never:
		g.timer.Reset(at - now)
	case g.timer != nil:
		g.timer.Stop()
	}
}

func (g *gate) tick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dispatch(g.now())
}

// waitingUntil is when the head of the queue may go, and false when nobody
// waits.
func (g *gate) waitingUntil() (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		return time.Time{}, false
	}
	return g.epoch.Add(g.opens(0, g.now()).earliest), true
}
