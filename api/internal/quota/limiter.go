// Package quota decides when a client may send its next request. There are four reasons
// to wait: the client's own limit, a block after the server has asked callers to wait,
// the remaining quota that the server publishes, and, only for callers with a
// WaitBudget, an outage without responses.
package quota

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// Limiter admits requests. It checks the limit, the block and the server's quota under
// one mutex, because a caller that waits for one of them may be delayed by another.
//
// Callers wait in one queue and are admitted in order. During an outage, those with a
// WaitBudget wait in a second queue.
type Limiter struct {
	epoch time.Time

	mu        sync.Mutex
	window    window
	block     breaker
	outage    breaker
	policies  policyStates
	responses uint64 // complete ones: the first, and those that did not ask for a wait
	queue     []*waiter
	suspended []*waiter
	timer     *time.Timer
}

// Permit is the permission for one request.
type Permit struct {
	// Waited is how long the caller waited for the permit, or for its refusal.
	Waited time.Duration

	serial        uint64
	responses     uint64 // of the limiter when the request began
	block, outage snapshot
	budget        *WaitBudget
}

// Outcome is the part of a request's result that affects other requests. The zero
// value, for example after a cancel, shows nothing about the server.
type Outcome struct {
	// Answered reports that a response arrived.
	Answered bool
	// Unanswered reports that no complete response arrived while the caller waited for
	// it. If a part of it arrived, Answered is true too.
	Unanswered bool
	// Local reports that no request was sent, because this process has too many open
	// files.
	Local bool
	// Limited reports that the server asks all callers to wait for Wait.
	Limited  bool
	Wait     time.Duration
	Policies []Policy
}

// Bounds limit a wait.
type Bounds struct {
	// MaxWait is the longest wait.
	MaxWait time.Duration
	// Budget, if not nil, replaces MaxWait. The calls with one budget, such as those of
	// an audit, wait at most MaxAuditWait for the end of a block or outage. Their other
	// waits have no limit.
	Budget *WaitBudget
	// OnWait, if not nil, is called before the caller begins to wait.
	OnWait func()
}

// Refusal is the reason why a request may not be made.
type Refusal struct {
	// Wait is the least time that the caller would have to wait.
	Wait time.Duration
	// Ended reports that the context ended the wait.
	Ended bool
	// Outage reports that the wait is for the end of an outage.
	Outage bool
}

type waiter struct {
	answer   chan answer // has room for the one answer
	budget   *WaitBudget
	deadline time.Duration
}

// answer is a permit or, if refusal is not nil, a refusal.
type answer struct {
	permit  Permit
	refusal *Refusal
}

const never = time.Duration(math.MaxInt64)

// opening is when a caller may be admitted. It depends on the requests in flight.
type opening struct {
	// earliest applies if all requests in flight end now.
	earliest time.Duration
	// latest applies if no request in flight ends; it may be never.
	latest time.Duration
}

// NewLimiter returns a limiter that admits at most that number of requests in any
// window of that length; 0 requests means no limit.
func NewLimiter(requests int, length time.Duration) *Limiter {
	return &Limiter{
		epoch: time.Now(), window: window{limit: requests, length: min(length, never/4) + windowMargin},
		// The block's maxDelay exceeds the longest delay between attempts of a call, 8 s. So
		// an audit requests permits during a block, and is refused if the block is too long.
		block:  breaker{firstDelay: time.Second, maxDelay: time.Minute},
		outage: breaker{firstDelay: 100 * time.Millisecond, maxDelay: 2 * time.Second},
	}
}

func (l *Limiter) now() time.Duration { return time.Since(l.epoch) }

// Acquire waits for a permit, which the caller must return with Release. It returns a
// refusal when ctx ends, and as soon as the wait is known to exceed the bounds.
func (l *Limiter) Acquire(ctx context.Context, b Bounds) (Permit, *Refusal) {
	if ctx.Err() != nil {
		return Permit{}, &Refusal{Ended: true}
	}
	l.mu.Lock()
	now := l.now()
	l.window.expire(now)
	suspended := b.Budget != nil && (len(l.suspended) > 0 || !l.outage.open(now))
	if len(l.queue) == 0 && !suspended && l.open(now) {
		p := l.admit(b.Budget)
		l.mu.Unlock()
		return p, nil
	}
	w := &waiter{answer: make(chan answer, 1), budget: b.Budget, deadline: now + min(b.MaxWait, never-now)}
	if refusal := l.refusal(w, len(l.queue), now); refusal != nil {
		l.mu.Unlock()
		return Permit{}, refusal
	}
	if suspended {
		l.suspended = append(l.suspended, w)
	} else {
		l.queue = append(l.queue, w)
	}
	l.setTimer(now)
	l.mu.Unlock()
	if b.OnWait != nil {
		b.OnWait()
	}
	p, refusal := l.wait(ctx, w)
	p.Waited = l.now() - now
	return p, refusal
}

func (l *Limiter) wait(ctx context.Context, w *waiter) (Permit, *Refusal) {
	var tooLong <-chan time.Time
	if w.budget == nil {
		tooLong = time.After(w.deadline - l.now())
	}
	select {
	case a := <-w.answer:
		return a.permit, a.refusal
	case <-tooLong:
		// The timer of the queue may be due at this moment too.
		l.onTimer()
		select {
		case a := <-w.answer:
			return a.permit, a.refusal
		default:
			return Permit{}, &Refusal{Wait: l.remove(w), Ended: atDeadline(ctx)}
		}
	case <-ctx.Done():
		return Permit{}, &Refusal{Wait: l.remove(w), Ended: true}
	}
}

// atDeadline reports whether ctx has ended. After the deadline, it waits up to a second
// for ctx, because another timer for the same time may fire first. ctx ends later if
// the deadline has no monotonic reading and the wall clock was set.
func atDeadline(ctx context.Context) bool {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return ctx.Err() != nil
}

// remove removes w from its queue and returns the least time that it would still have
// to wait, or 0 if it was suspended. It cancels a permit that was granted at the same
// moment.
func (l *Limiter) remove(w *waiter) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	at := now
	if i := slices.Index(l.queue, w); i >= 0 {
		at = l.opens(i, now).earliest
		l.queue = slices.Delete(l.queue, i, i+1)
	} else if i = slices.Index(l.suspended, w); i >= 0 {
		l.suspended = slices.Delete(l.suspended, i, i+1)
	}
	select {
	case a := <-w.answer:
		if a.refusal == nil {
			l.window.cancel()
			l.block.release(a.permit.block)
			l.outage.release(a.permit.outage)
		}
	default:
	}
	l.dispatch(now)
	return at - now
}

// Release ends the request of a permit. The outcome may delay or admit the waiting
// callers. A request that was sent counts for one more window. Release returns the
// number of complete responses so far: the first, and those that did not ask for a wait.
func (l *Limiter) Release(p Permit, o Outcome) (responses uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if o.Local {
		l.window.cancel()
	} else {
		l.window.complete(now)
	}
	l.policies.observe(now, p.serial, o.Policies)
	l.updateBlock(p, o, now)
	l.updateOutage(p, o, now)
	if o.Limited || o.Unanswered {
		l.refuseOverdue(now)
	}
	if o.Answered && !o.Unanswered && (!o.Limited || l.responses == 0) {
		l.responses++
	}
	if !l.idle() {
		l.dispatch(now)
	}
	return l.responses
}

// updateBlock begins or extends the block if the server asks callers to wait. Other
// responses let more requests through if their requests were sent after the block began
// or was last extended.
func (l *Limiter) updateBlock(p Permit, o Outcome, now time.Duration) {
	current := l.block.release(p.block)
	switch {
	case o.Limited:
		l.block.fail(current, now, o.Wait)
		if p.budget != nil {
			p.budget.block.observe(&l.block, p.block, now)
		}
	case o.Answered && current:
		l.block.succeed(l.idle())
	}
}

// updateOutage begins or extends the outage if a request got no response and no other
// request got one in the meantime. Before the first response, there is no outage,
// because the address may be wrong. A lack of file descriptors counts as an outage.
func (l *Limiter) updateOutage(p Permit, o Outcome, now time.Duration) {
	current := l.outage.release(p.outage)
	noResponses := l.responses > 0 && p.responses == l.responses
	switch {
	case o.Unanswered && (o.Local || noResponses):
		l.outage.fail(current, now, 0)
	case o.Answered && !o.Unanswered:
		l.outage.succeed(l.idle())
	}
}

// idle reports whether no caller waits.
func (l *Limiter) idle() bool { return len(l.queue)+len(l.suspended) == 0 }

// opens returns when the caller at a position of the queue may be admitted.
func (l *Limiter) opens(position int, now time.Duration) opening {
	window, block, policies := l.window.opens(position, now), l.block.opens(now), l.policies.opens(position, l.window.inFlight, now)
	return opening{
		earliest: max(now, window.earliest, block.earliest, policies.earliest),
		latest:   max(now, window.latest, block.latest, policies.latest),
	}
}

func (l *Limiter) open(now time.Duration) bool { return l.opens(0, now).latest <= now }

func (l *Limiter) admit(budget *WaitBudget) Permit {
	return Permit{
		serial: l.window.begin(), responses: l.responses, budget: budget,
		block: l.block.admit(true), outage: l.outage.admit(budget != nil),
	}
}

// refusal returns the refusal of the caller at a position of the queue, or nil.
func (l *Limiter) refusal(w *waiter, position int, now time.Duration) *Refusal {
	switch at := l.opens(position, now).earliest; {
	case w.budget == nil && at > w.deadline, w.budget != nil && l.block.exhausts(&w.budget.block, now):
		return &Refusal{Wait: at - now}
	case w.budget != nil && l.outage.exhausts(&w.budget.outage, now):
		return &Refusal{Wait: max(at, l.outage.until) - now, Outage: true}
	default:
		return nil
	}
}

// refuseOverdue refuses the callers that would have to wait too long.
func (l *Limiter) refuseOverdue(now time.Duration) {
	position := 0
	refuse := func(w *waiter) bool {
		refusal := l.refusal(w, position, now)
		if refusal == nil {
			position++
			return false
		}
		w.answer <- answer{refusal: refusal}
		return true
	}
	l.queue = slices.DeleteFunc(l.queue, refuse)
	l.suspended = slices.DeleteFunc(l.suspended, refuse)
}

// dispatch admits the callers whose wait is over. During an outage, it moves those with
// a WaitBudget to the suspended ones, which come first when the outage is over.
func (l *Limiter) dispatch(now time.Duration) {
	l.window.expire(now)
	for l.open(now) {
		outage := !l.outage.open(now)
		queue := &l.queue
		if !outage && len(l.suspended) > 0 {
			queue = &l.suspended
		}
		if len(*queue) == 0 {
			break
		}
		w := (*queue)[0]
		(*queue)[0] = nil
		*queue = (*queue)[1:]
		if outage && w.budget != nil {
			l.suspended = append(l.suspended, w)
			continue
		}
		w.answer <- answer{permit: l.admit(w.budget)}
	}
	l.setTimer(now)
}

// next returns when the next caller may be admitted: the first of the queue, or else of
// the suspended ones. It returns false if no caller waits.
func (l *Limiter) next(now time.Duration) (o opening, waiting bool) {
	o = l.opens(0, now)
	if len(l.queue) == 0 && len(l.suspended) > 0 {
		outage := l.outage.opens(now)
		o = opening{max(o.earliest, outage.earliest), max(o.latest, outage.latest)}
	}
	return o, !l.idle()
}

func (l *Limiter) setTimer(now time.Duration) {
	at := never
	if next, waiting := l.next(now); waiting {
		at = next.latest
	}
	if l.timer == nil {
		l.timer = time.AfterFunc(never, l.onTimer)
	}
	l.timer.Stop()
	if at < never {
		l.timer.Reset(at - now)
	}
}

func (l *Limiter) onTimer() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dispatch(l.now())
}

// Wait returns the least time that a new caller would have to wait.
func (l *Limiter) Wait() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.window.expire(now)
	return l.opens(len(l.queue), now).earliest - now
}

// WaitingUntil returns the earliest time at which a waiting caller may be admitted, and
// false if none waits.
func (l *Limiter) WaitingUntil() (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next, waiting := l.next(l.now())
	if !waiting {
		return time.Time{}, false
	}
	return l.epoch.Add(next.earliest), true
}
