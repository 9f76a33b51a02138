package quota

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func rateLimited(wait time.Duration) Outcome {
	return Outcome{Answered: true, Limited: true, Wait: wait}
}

func mustAcquire(t *testing.T, l *Limiter, b Bounds) Permit {
	t.Helper()
	permit, refusal := l.Acquire(t.Context(), b)
	if refusal != nil {
		t.Fatalf("refused: %+v", refusal)
	}
	return permit
}

func TestABlockDelaysAllCallersAndAdmitsOneProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		l.Release(mustAcquire(t, l, Bounds{}), rateLimited(time.Minute))
		admitted := make(chan Permit, 10)
		for range 10 {
			go func() {
				permit, _ := l.Acquire(t.Context(), auditBounds())
				admitted <- permit
			}()
		}
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		if len(admitted) != 0 {
			t.Fatalf("%d admitted before the block ended", len(admitted))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(admitted) != 1 {
			t.Fatalf("%d admitted when the block ended", len(admitted))
		}
		l.Release(<-admitted, rateLimited(time.Minute))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(admitted) != 1 {
			t.Fatalf("%d admitted when the second block ended", len(admitted))
		}
		l.Release(<-admitted, Outcome{})
		synctest.Wait()
		if len(admitted) != 1 {
			t.Fatalf("%d admitted after a probe without a response", len(admitted))
		}
		for _, want := range []int{2, 3, 4} { // each response admits one more
			l.Release(<-admitted, Outcome{Answered: true})
			synctest.Wait()
			if len(admitted) != want {
				t.Fatalf("%d in flight, want %d", len(admitted), want)
			}
		}
	})
}

func TestResponsesFromBeforeTheBlockDoNotEndIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		early, refused := mustAcquire(t, l, Bounds{}), mustAcquire(t, l, Bounds{})
		l.Release(refused, rateLimited(time.Minute))
		l.Release(early, Outcome{Answered: true})
		if _, refusal := l.Acquire(t.Context(), Bounds{MaxWait: time.Second}); refusal == nil || refusal.Wait != time.Minute {
			t.Errorf("got %+v", refusal)
		}
	})
}

func TestABlockRefusesCallersThatCannotWaitThatLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, time.Second)
		first := mustAcquire(t, l, Bounds{})
		responses := make(chan *Refusal, 2)
		for _, e := range []Bounds{{MaxWait: 10 * time.Second}, auditBounds()} {
			go func() {
				_, refusal := l.Acquire(t.Context(), e)
				responses <- refusal
			}()
		}
		synctest.Wait()
		start := time.Now()
		l.Release(first, rateLimited(time.Minute))
		if refusal := <-responses; refusal == nil || refusal.Wait != time.Minute || time.Since(start) != 0 {
			t.Errorf("after %v: %+v", time.Since(start), refusal)
		}
		if refusal := <-responses; refusal != nil || time.Since(start) != time.Minute {
			t.Errorf("after %v: %+v", time.Since(start), refusal)
		}
	})
}

func TestAnAuditWaitsForFifteenMinutesOfBlocks(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{15*time.Minute + 1, 10 * time.Minute, 5 * time.Minute, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			l := NewLimiter(0, 0)
			start, bounds := time.Now(), auditBounds()
			for {
				permit, refusal := l.Acquire(context.Background(), bounds)
				if refusal != nil {
					break
				}
				l.Release(permit, rateLimited(wait))
				if time.Since(start) > time.Hour {
					t.Fatal("no refusal within an hour")
				}
			}
			if took := time.Since(start); took > MaxAuditWait || took+wait <= MaxAuditWait {
				t.Errorf("refused after blocks of %v for %v", wait, took)
			}
			// After the end of the block, the next call is the probe.
			time.Sleep(24 * time.Hour)
			l.Release(mustAcquire(t, l, Bounds{}), rateLimited(time.Second))
			if _, refusal := l.Acquire(context.Background(), auditBounds()); refusal != nil {
				t.Errorf("an old block counts: %+v", refusal)
			}
		})
	}
}

func TestConsecutiveRefusalsBlockLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		l.Release(mustAcquire(t, l, Bounds{}), rateLimited(0))
		for _, seconds := range []int{0, 1, 2, 4, 8, 16, 32, 60, 60} {
			probe, refusal := l.Acquire(t.Context(), Bounds{MaxWait: time.Hour})
			if refusal != nil || probe.Waited != time.Duration(seconds)*time.Second {
				t.Fatalf("waited %v, want %d s: %+v", probe.Waited, seconds, refusal)
			}
			l.Release(probe, rateLimited(0))
		}
		l.Release(l.admit(nil), rateLimited(2*time.Minute)) // longer than the minimum
		if probe, refusal := l.Acquire(t.Context(), Bounds{MaxWait: time.Hour}); refusal != nil || probe.Waited != 2*time.Minute {
			t.Errorf("waited %v: %+v", probe.Waited, refusal)
		}
	})
}

func TestTheLengthOfABlockIsLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		l.Release(mustAcquire(t, l, Bounds{}), rateLimited(never))
		time.Sleep(maxBlock)
		mustAcquire(t, l, Bounds{})
	})
}

// A limit of five requests a second and 32 callers: a successful probe must not admit
// all of them at once.
func TestAdmissionGrowsWithSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		var mu sync.Mutex
		var second time.Time
		answered, refused, used := 0, 0, 0
		request := func() Outcome {
			mu.Lock()
			defer mu.Unlock()
			if now := time.Now(); now.Sub(second) >= time.Second {
				second, used = now, 0
			}
			if used++; used > 5 {
				refused++
				return rateLimited(time.Second)
			}
			answered++
			return Outcome{Answered: true}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		var running sync.WaitGroup
		bounds := auditBounds()
		for range 32 {
			running.Go(func() {
				for {
					p, refusal := l.Acquire(ctx, bounds)
					if refusal != nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
					o := request()
					time.Sleep(10 * time.Millisecond)
					l.Release(p, o)
				}
			})
		}
		running.Wait()
		if answered < 400 || refused > answered {
			t.Errorf("%d refusals for %d responses", refused, answered)
		}
		t.Logf("%d refusals for %d responses", refused, answered)
	})
}

func TestAnOutageDelaysAuditsAndAdmitsOneProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		unanswered := Outcome{Unanswered: true}
		l.Release(mustAcquire(t, l, Bounds{}), unanswered) // before the first response: no outage
		l.Release(mustAcquire(t, l, Bounds{}), Outcome{Answered: true})
		bounds := auditBounds()
		var inFlight []Permit
		for range 32 {
			p, refusal := l.Acquire(t.Context(), bounds)
			if refusal != nil || p.Waited != 0 {
				t.Fatal(refusal)
			}
			inFlight = append(inFlight, p)
		}
		for _, p := range inFlight {
			l.Release(p, unanswered)
		}
		admitted := make(chan Permit, 64)
		for range 64 {
			go func() {
				p, _ := l.Acquire(t.Context(), bounds)
				admitted <- p
			}()
		}
		start, probes := time.Now(), 0
		for time.Since(start) < time.Minute {
			synctest.Wait()
			if len(admitted) > 1 {
				t.Fatalf("%d probes at a time", len(admitted))
			}
			if len(admitted) == 1 {
				probes++
				l.Release(<-admitted, unanswered)
			}
			time.Sleep(50 * time.Millisecond)
		}
		if probes < 20 || probes > 40 {
			t.Errorf("%d probes in a minute", probes)
		}
		for range 5 { // a single call is not delayed, and its failure admits no other probe
			l.Release(mustAcquire(t, l, Bounds{}), unanswered)
			time.Sleep(5 * time.Second)
		}
		for n := 1; n <= 5; n++ {
			synctest.Wait()
			if len(admitted) != n {
				t.Fatalf("%d in flight, want %d", len(admitted), n)
			}
			l.Release(<-admitted, Outcome{Answered: true})
		}
	})
}

// The 15 minutes of an audit begin when one of its requests is refused. If others in
// flight are refused later, the 15 minutes begin with the last refusal.
func TestEachAuditHasItsOwnWaitBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		first, second := auditBounds(), auditBounds()
		acquire := func(b Bounds) Permit { return mustAcquire(t, l, b) }
		early := []Permit{acquire(first), acquire(first), acquire(first)}
		for _, p := range early {
			l.Release(p, rateLimited(MaxAuditWait))
			time.Sleep(10 * time.Millisecond)
		}
		p := acquire(first) // 15 minutes later
		if p.Waited <= MaxAuditWait-time.Second {
			t.Errorf("waited %v", p.Waited)
		}
		waits := make(chan Permit, 1)
		go func() { waits <- acquire(second) }()
		synctest.Wait()
		l.Release(p, rateLimited(10*time.Minute))
		if _, refusal := l.Acquire(t.Context(), first); refusal == nil || refusal.Wait != 10*time.Minute {
			t.Errorf("the audit that has waited for 15 minutes waits longer: %+v", refusal)
		}
		if p := <-waits; p.Waited != 10*time.Minute {
			t.Errorf("the other audit waited %v", p.Waited)
		}
	})
}
