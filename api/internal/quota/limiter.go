// Package quota decides when a client may send its next request. It knows three
// reasons to wait: a limit of the client's own, a block after the server has
// refused a request for the rate, and the count that the server publishes.
package quota

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// Limiter admits requests. The limit, the block and the server's count are one
// decision under one mutex: a caller that passed one of them and then waited for
// another could meet the first one closed.
//
// Waiting callers stand in one queue and are admitted from its head.
type Limiter struct {
	epoch time.Time

	mu     sync.Mutex
	window window
	block  block
	counts counts
	queue  []*waiter
	timer  *time.Timer
}

// Permit is the permission for one request.
type Permit struct {
	// Waited is how long it took to get the permit.
	Waited time.Duration

	serial uint64
	block  uint64
	probe  bool
}

// Outcome is what a response says about further requests; zero without one.
type Outcome struct {
	Answered bool
	// Limited reports that the request was refused for the rate, for as long as
	// Wait.
	Limited  bool
	Wait     time.Duration
	Policies []Policy
}

// Bounds limit a wait.
type Bounds struct {
	// Most is the longest wait. If it is negative, only blocks of more than
	// MaxBlock are too long.
	Most time.Duration
	// Waiting, if not nil, is called before the caller begins to wait.
	Waiting func()
}

// Refusal is why a request may not be made.
type Refusal struct {
	// Wait is how long the caller would have to wait, as far as it is known.
	Wait time.Duration
	// Ended reports that the context ended the wait, and not its length.
	Ended bool
}

type waiter struct {
	admitted chan Permit
	refused  chan time.Duration
	patient  bool
	latest   time.Duration
}

const never = time.Duration(math.MaxInt64)

// opening is when a caller may go. It is the only condition: what is open now,
// when the timer of the queue fires and who waits too long follow from it.
type opening struct {
	// earliest is the time before which no end of a request opens the limiter.
	earliest time.Duration
	// latest is when the limiter opens by itself: never, if only the end of a
	// request opens it.
	latest time.Duration
}

// NewLimiter returns a limiter for that many requests in any window of that
// length; for 0 requests there is no limit.
func NewLimiter(requests int, length time.Duration) *Limiter {
	return &Limiter{epoch: time.Now(), window: newWindow(requests, length)}
}

func (l *Limiter) now() time.Duration { return time.Since(l.epoch) }

// Acquire waits for a permit, which must be given back with Release. It refuses
// as soon as the wait is known to be longer than the bounds allow.
func (l *Limiter) Acquire(ctx context.Context, b Bounds) (Permit, *Refusal) {
	if ctx.Err() != nil {
		return Permit{}, &Refusal{Ended: true}
	}
	l.mu.Lock()
	now := l.now()
	l.window.expire(now)
	if len(l.queue) == 0 && l.open(now) {
		p := l.admit()
		l.mu.Unlock()
		return p, nil
	}
	w := &waiter{
		admitted: make(chan Permit, 1), refused: make(chan time.Duration, 1),
		patient: b.Most < 0, latest: now + min(b.Most, never-now),
	}
	if at := l.opens(len(l.queue), now).earliest; l.refuses(w, at, now) {
		l.mu.Unlock()
		return Permit{}, &Refusal{Wait: at - now}
	}
	l.queue = append(l.queue, w)
	l.arm(now)
	l.mu.Unlock()
	if b.Waiting != nil {
		b.Waiting()
	}
	p, refusal := l.wait(ctx, w)
	p.Waited = l.now() - now
	return p, refusal
}

func (l *Limiter) wait(ctx context.Context, w *waiter) (Permit, *Refusal) {
	var tooLong <-chan time.Time
	if !w.patient {
		timer := time.NewTimer(w.latest - l.now())
		defer timer.Stop()
		tooLong = timer.C
	}
	select {
	case p := <-w.admitted:
		return p, nil
	case wait := <-w.refused:
		return Permit{}, &Refusal{Wait: wait}
	case <-tooLong:
		// The queue's own timer may be for this very moment.
		l.tick()
		select {
		case p := <-w.admitted:
			return p, nil
		default:
			return Permit{}, &Refusal{Wait: l.abandon(w), Ended: atDeadline(ctx)}
		}
	case <-ctx.Done():
		return Permit{}, &Refusal{Wait: l.abandon(w), Ended: true}
	}
}

// atDeadline reports whether the deadline of ctx has come, and waits for ctx to
// end then: the timer of a wait until that time may fire first.
func atDeadline(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	if !ok || time.Now().Before(deadline) {
		return false
	}
	<-ctx.Done()
	return true
}

// abandon takes w out of the queue and returns how long it would still have had
// to wait. A permit that came at the same moment is given back unused.
func (l *Limiter) abandon(w *waiter) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	at := now
	if i := slices.Index(l.queue, w); i >= 0 {
		at = l.opens(i, now).earliest
		l.queue = slices.Delete(l.queue, i, i+1)
	}
	select {
	case p := <-w.admitted:
		l.window.cancel()
		l.block.release(p, Outcome{})
	default:
	}
	l.dispatch(now)
	return at - now
}

// Release gives a permit back when the request is over. Its place in the limit
// becomes free one window later.
func (l *Limiter) Release(p Permit, o Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.window.complete(now)
	l.counts.observe(now, p.serial, o.Policies)
	l.block.release(p, o)
	if o.Limited {
		l.block.extend(now, o.Wait)
		l.review(now)
	}
	if len(l.queue) > 0 {
		l.dispatch(now)
	}
}

// opens is when the caller at the given place of the queue may go.
func (l *Limiter) opens(place int, now time.Duration) opening {
	w, b, c := l.window.opens(place, now), l.block.opens(now), l.counts.opens(place, l.window.inFlight, now)
	return opening{
		earliest: max(now, w.earliest, b.earliest, c.earliest),
		latest:   max(now, w.latest, b.latest, c.latest),
	}
}

func (l *Limiter) open(now time.Duration) bool { return l.opens(0, now).latest <= now }

func (l *Limiter) admit() Permit { return l.block.stamp(Permit{serial: l.window.begin()}) }

func (l *Limiter) refuses(w *waiter, at, now time.Duration) bool {
	if w.patient {
		return l.block.tooLong(now)
	}
	return at > w.latest
}

// review refuses the callers that would now have to wait too long.
func (l *Limiter) review(now time.Duration) {
	place := 0
	l.queue = slices.DeleteFunc(l.queue, func(w *waiter) bool {
		at := l.opens(place, now).earliest
		if !l.refuses(w, at, now) {
			place++
			return false
		}
		w.refused <- at - now
		return true
	})
}

// dispatch admits the callers that may go.
func (l *Limiter) dispatch(now time.Duration) {
	l.window.expire(now)
	for len(l.queue) > 0 && l.open(now) {
		l.queue[0].admitted <- l.admit()
		l.queue[0] = nil
		l.queue = l.queue[1:]
	}
	l.arm(now)
}

// arm sets the timer for the head of the queue.
func (l *Limiter) arm(now time.Duration) {
	at := never
	if len(l.queue) > 0 {
		at = l.opens(0, now).latest
	}
	if l.timer == nil {
		l.timer = time.AfterFunc(never, l.tick)
	}
	l.timer.Stop()
	if at < never {
		l.timer.Reset(at - now)
	}
}

func (l *Limiter) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dispatch(l.now())
}

// Wait returns the least time that a caller that comes now would have to wait.
func (l *Limiter) Wait() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.window.expire(now)
	return l.opens(len(l.queue), now).earliest - now
}

// WaitingUntil returns when the head of the queue may go at the earliest, if any.
func (l *Limiter) WaitingUntil() (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return time.Time{}, false
	}
	return l.epoch.Add(l.opens(0, l.now()).earliest), true
}
