package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// A caller that waits for the count of a request in flight must not wait for the
// end of that request when the count starts anew before.
func TestAResetOfTheCountEndsTheWaitForARequestInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0, 0)
		g.leave(enterNow(t, g), seen(quota{"default", 1, time.Second}))
		slow := enterNow(t, g)
		if tk, no := g.enter(t.Context(), patience); no != nil || tk.waited != time.Second+resetMargin {
			t.Errorf("waited %v, %+v", tk.waited, no)
		}
		g.leave(slow, outcome{answered: true})
	})
}

// queueRun is one random use of a gate, with all that can open and close it.
type queueRun struct {
	*rand.Rand
	gate     *gate
	inFlight []ticket
	entered  chan ticket
	late     chan string
}

// upTo is a random time in steps that make times meet.
func (r *queueRun) upTo(most time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(most/(250*time.Millisecond))+1)) * 250 * time.Millisecond
}

func (r *queueRun) enter(ctx context.Context) {
	e, cancel := entry{atMost: -1}, context.CancelFunc(func() {})
	limit := maxDuration
	switch r.IntN(4) {
	case 0:
		e.atMost = r.upTo(30 * time.Second)
		limit = e.atMost
	case 1:
		limit = r.upTo(30 * time.Second)
		ctx, cancel = context.WithTimeout(ctx, limit)
	case 2:
		limit = r.upTo(30 * time.Second)
		ctx, cancel = context.WithCancel(ctx)
		time.AfterFunc(limit, cancel)
	}
	go func() {
		defer cancel()
		start := time.Now()
		tk, no := r.gate.enter(ctx, e)
		if took := time.Since(start); took > limit {
			r.late <- fmt.Sprintf("a caller waited %v, its limit was %v", took, limit)
		}
		if no == nil {
			r.entered <- tk
		}
	}()
}

func (r *queueRun) leave() {
	if len(r.inFlight) == 0 {
		return
	}
	i := r.IntN(len(r.inFlight))
	o := outcome{answered: r.IntN(5) > 0}
	if o.answered && r.IntN(2) == 0 {
		o.quotas = []quota{{[]string{"a", "b"}[r.IntN(2)], r.Int64N(4), r.upTo(20 * time.Second).Truncate(time.Second)}}
	}
	if o.answered && r.IntN(8) == 0 {
		o.limited, o.wait = true, r.upTo(20*time.Second)
	}
	r.gate.leave(r.inFlight[i], o)
	r.inFlight = append(r.inFlight[:i], r.inFlight[i+1:]...)
}

// check compares the gate with the conditions that are documented for its parts.
func (r *queueRun) check() error {
	synctest.Wait()
	for len(r.entered) > 0 {
		r.inFlight = append(r.inFlight, <-r.entered)
	}
	if len(r.late) > 0 {
		return errors.New(<-r.late)
	}
	g, now := r.gate, r.gate.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	places := len(r.inFlight)
	for _, at := range g.window.completed {
		if at+g.window.length > now {
			places++
		}
	}
	open := !g.block.active || now >= g.block.until && !g.block.probing
	open = open && (g.window.limit == 0 || places < g.window.limit)
	for _, s := range g.quotas.entries {
		open = open && (now >= s.until || s.remaining > int64(len(r.inFlight)))
	}
	switch {
	case g.window.limit > 0 && places > g.window.limit:
		return fmt.Errorf("%d of %d places are taken", places, g.window.limit)
	case len(r.inFlight) != g.window.inFlight:
		return fmt.Errorf("%d requests in flight, %d counted", len(r.inFlight), g.window.inFlight)
	case open && len(g.queue) > 0:
		return fmt.Errorf("%d callers wait while the next may go", len(g.queue))
	}
	return nil
}

func (r *queueRun) run(ctx context.Context) error {
	for step := range 150 {
		switch r.IntN(6) {
		case 0, 1:
			r.enter(ctx)
		case 2, 3:
			r.leave()
		default:
			time.Sleep(r.upTo(4 * time.Second))
		}
		if err := r.check(); err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
	}
	for start := time.Now(); len(r.gate.queue) > 0 || len(r.inFlight) > 0; {
		for len(r.inFlight) > 0 {
			r.gate.leave(r.inFlight[0], outcome{answered: true})
			r.inFlight = r.inFlight[1:]
		}
		time.Sleep(time.Second)
		if err := r.check(); err != nil {
			return fmt.Errorf("at the end: %w", err)
		}
		if time.Since(start) > time.Hour {
			return fmt.Errorf("%d callers wait for ever", len(r.gate.queue))
		}
	}
	return nil
}

func TestNoCallerWaitsWhileTheGateIsOpen(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			r := &queueRun{
				Rand:    random,
				gate:    newGate(random.IntN(5), time.Duration(1+random.IntN(20))*time.Second),
				entered: make(chan ticket, 1000), late: make(chan string, 1000),
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if err := r.run(ctx); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		})
	}
}
