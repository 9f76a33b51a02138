package quota

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// When the quota is reset, a caller that waits because of a request in flight is
// admitted before that request ends.
func TestAResetOfTheQuotaEndsTheWaitForARequestInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		l.Release(mustAcquire(t, l, Bounds{}), withPolicies(Policy{"default", 1, time.Second}))
		slow := mustAcquire(t, l, Bounds{})
		if permit, refusal := l.Acquire(t.Context(), auditBounds()); refusal != nil || permit.Waited != time.Second+resetMargin {
			t.Errorf("waited %v, %+v", permit.Waited, refusal)
		}
		l.Release(slow, Outcome{Answered: true})
	})
}

// queueRun is one random use of a limiter. It includes every kind of event that opens
// or closes the limiter.
type queueRun struct {
	*rand.Rand
	limiter  *Limiter
	inFlight []Permit
	admitted chan Permit
	overruns chan string
}

// randomDuration returns a random time in coarse steps, so that times coincide.
func (r *queueRun) randomDuration(most time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(most/(250*time.Millisecond))+1)) * 250 * time.Millisecond
}

func (r *queueRun) acquire(ctx context.Context) {
	e, cancel := auditBounds(), context.CancelFunc(func() {})
	limit := never
	switch r.IntN(4) {
	case 0:
		e = Bounds{MaxWait: r.randomDuration(30 * time.Second)}
		limit = e.MaxWait
	case 1:
		limit = r.randomDuration(30 * time.Second)
		ctx, cancel = context.WithTimeout(ctx, limit)
	case 2:
		limit = r.randomDuration(30 * time.Second)
		ctx, cancel = context.WithCancel(ctx)
		time.AfterFunc(limit, cancel)
	}
	go func() {
		defer cancel()
		start := time.Now()
		permit, refusal := r.limiter.Acquire(ctx, e)
		if took := time.Since(start); took > limit {
			r.overruns <- fmt.Sprintf("a caller waited %v, its limit was %v", took, limit)
		}
		if refusal == nil {
			r.admitted <- permit
		}
	}()
}

func (r *queueRun) release() {
	if len(r.inFlight) == 0 {
		return
	}
	i := r.IntN(len(r.inFlight))
	o := Outcome{Answered: r.IntN(5) > 0}
	if o.Answered && r.IntN(2) == 0 {
		o.Policies = []Policy{{[]string{"a", "b"}[r.IntN(2)], r.Int64N(4), r.randomDuration(20 * time.Second).Truncate(time.Second)}}
	}
	if o.Answered && r.IntN(8) == 0 {
		o.Limited, o.Wait = true, r.randomDuration(20*time.Second)
	}
	o.Unanswered = r.IntN(8) == 0
	o.Local = o.Unanswered && !o.Answered && r.IntN(4) == 0
	r.limiter.Release(r.inFlight[i], o)
	r.inFlight = append(r.inFlight[:i], r.inFlight[i+1:]...)
}

// check compares the limiter with the documented conditions of its parts.
func (r *queueRun) check() error {
	synctest.Wait()
	for len(r.admitted) > 0 {
		r.inFlight = append(r.inFlight, <-r.admitted)
	}
	if len(r.overruns) > 0 {
		return errors.New(<-r.overruns)
	}
	l, now := r.limiter, r.limiter.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	counted := len(r.inFlight)
	for _, at := range l.window.completed {
		if at+l.window.length > now {
			counted++
		}
	}
	open := l.block.open(now)
	open = open && (l.window.limit == 0 || counted < l.window.limit)
	for _, s := range l.policies {
		open = open && (now >= s.until || s.remaining > int64(len(r.inFlight)))
	}
	switch {
	case l.window.limit > 0 && counted > l.window.limit:
		return fmt.Errorf("%d requests for a limit of %d", counted, l.window.limit)
	case len(r.inFlight) != l.window.inFlight:
		return fmt.Errorf("%d requests in flight, %d counted", len(r.inFlight), l.window.inFlight)
	case open && (len(l.queue) > 0 || len(l.suspended) > 0 && l.outage.open(now)):
		return fmt.Errorf("%d callers and %d suspended ones wait although the limiter is open", len(l.queue), len(l.suspended))
	}
	return nil
}

func (r *queueRun) run(ctx context.Context) error {
	for step := range 150 {
		switch r.IntN(6) {
		case 0, 1:
			r.acquire(ctx)
		case 2, 3:
			r.release()
		default:
			time.Sleep(r.randomDuration(4 * time.Second))
		}
		if err := r.check(); err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
	}
	for start := time.Now(); ; {
		if _, waiting := r.limiter.WaitingUntil(); !waiting && len(r.inFlight) == 0 {
			return nil
		}
		for len(r.inFlight) > 0 {
			r.limiter.Release(r.inFlight[0], Outcome{Answered: true})
			r.inFlight = r.inFlight[1:]
		}
		time.Sleep(time.Second)
		if err := r.check(); err != nil {
			return fmt.Errorf("at the end: %w", err)
		}
		if time.Since(start) > time.Hour {
			return errors.New("callers still wait after an hour")
		}
	}
}

func TestNoCallerWaitsWhileTheLimiterIsOpen(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			r := &queueRun{
				Rand:     random,
				limiter:  NewLimiter(random.IntN(5), time.Duration(1+random.IntN(20))*time.Second),
				admitted: make(chan Permit, 1000), overruns: make(chan string, 1000),
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if err := r.run(ctx); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		})
	}
}
