package quota

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// auditBounds returns the bounds of an audit.
func auditBounds() Bounds { return Bounds{Budget: new(WaitBudget)} }

// countingServer counts each request at a random time between its sending and its
// completion, as the vendor's server may.
type countingServer struct {
	mu      sync.Mutex
	counted []time.Time
}

func (s *countingServer) request(l *Limiter, random *rand.Rand) {
	s.mu.Lock()
	before, after := time.Duration(random.Int64N(int64(20*time.Millisecond))), time.Duration(random.Int64N(int64(20*time.Millisecond)))
	s.mu.Unlock()
	t, refusal := l.Acquire(context.Background(), auditBounds())
	if refusal != nil {
		panic(refusal)
	}
	time.Sleep(before)
	s.mu.Lock()
	s.counted = append(s.counted, time.Now())
	s.mu.Unlock()
	time.Sleep(after)
	l.Release(t, Outcome{Answered: true})
}

// maxInWindow returns the largest number of requests in any window that begins with a
// request.
func (s *countingServer) maxInWindow(window time.Duration) int {
	slices.SortFunc(s.counted, time.Time.Compare)
	most, first := 0, 0
	for i, at := range s.counted {
		for at.Sub(s.counted[first]) >= window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func TestNoWindowHoldsMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	const limit, window, requests = 100, 10 * time.Second, 1050
	for _, workers := range []int{1, 3, 16, 64, 200} {
		for _, idle := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				l, s := NewLimiter(limit, window), new(countingServer)
				random := rand.New(rand.NewPCG(1, uint64(workers)))
				work := make(chan int)
				var running sync.WaitGroup
				for range workers {
					running.Go(func() {
						for range work {
							s.request(l, random)
						}
					})
				}
				start := time.Now()
				for i := range requests {
					if idle && i%37 == 0 {
						time.Sleep(time.Duration(i%5) * window / 4)
					}
					work <- i
				}
				close(work)
				running.Wait()
				if got := s.maxInWindow(window); got > limit {
					t.Errorf("%d workers: %d requests in one window", workers, got)
				}
				// Ten full windows have to pass before the last 50 requests.
				best := 10 * window
				if took := time.Since(start); !idle && workers > 1 && took > best+best*2/100+latencyAllowance(workers) {
					t.Errorf("%d workers: took %v, the optimum is %v", workers, took, best)
				}
			})
		}
	}
}

// latencyAllowance returns the time that workers need for the latency of all requests.
func latencyAllowance(workers int) time.Duration {
	return 11 * 100 * 40 * time.Millisecond / time.Duration(workers)
}

func TestWithoutALimitNoCallerWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		for range 100_000 {
			if permit, refusal := l.Acquire(t.Context(), Bounds{}); refusal != nil || permit.Waited != 0 {
				t.Fatal(refusal)
			}
		}
		for range 100_000 {
			l.Release(Permit{}, Outcome{Answered: true})
		}
		if len(l.window.completed) != 0 || l.window.inFlight != 0 {
			t.Errorf("kept %d, %d in flight", len(l.window.completed), l.window.inFlight)
		}
	})
}

func TestRefusalHasTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, time.Minute)
		permit, _ := l.Acquire(t.Context(), Bounds{})
		if _, refusal := l.Acquire(t.Context(), Bounds{MaxWait: 30 * time.Second}); refusal == nil || refusal.Wait != time.Minute+windowMargin {
			t.Errorf("during the request: %+v", refusal)
		}
		time.Sleep(time.Second)
		l.Release(permit, Outcome{Answered: true})
		time.Sleep(20 * time.Second)
		if _, refusal := l.Acquire(t.Context(), Bounds{MaxWait: 30 * time.Second}); refusal == nil || refusal.Wait != 40*time.Second+windowMargin {
			t.Errorf("20 s after completion: %+v", refusal)
		}
		time.Sleep(20 * time.Second)
		if permit, refusal := l.Acquire(t.Context(), Bounds{MaxWait: 30 * time.Second}); refusal != nil || permit.Waited != 20*time.Second+windowMargin {
			t.Errorf("40 s after completion: %+v, %+v", permit, refusal)
		}
	})
}

func TestWaitersGoInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, time.Second)
		var order []int
		var mu sync.Mutex
		var waiting sync.WaitGroup
		for i := range 20 {
			waiting.Go(func() {
				permit, _ := l.Acquire(t.Context(), auditBounds())
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				l.Release(permit, Outcome{Answered: true})
			})
			synctest.Wait()
		}
		waiting.Wait()
		if len(order) != 20 || !slices.IsSorted(order) {
			t.Errorf("got %v", order)
		}
	})
}

func TestCancelledWaitersFreeTheirPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, time.Second)
		first, _ := l.Acquire(t.Context(), Bounds{})
		ctx, cancel := context.WithCancel(t.Context())
		refusals := make(chan *Refusal, 1000)
		for range 1000 {
			go func() {
				_, refusal := l.Acquire(ctx, auditBounds())
				refusals <- refusal
			}()
		}
		synctest.Wait()
		admitted := make(chan Permit)
		go func() {
			permit, _ := l.Acquire(t.Context(), auditBounds())
			admitted <- permit
		}()
		synctest.Wait()
		cancel()
		for range 1000 {
			if refusal := <-refusals; refusal == nil || !refusal.Ended {
				t.Fatalf("got %+v", refusal)
			}
		}
		l.Release(first, Outcome{Answered: true})
		if permit := <-admitted; permit.Waited != time.Second+windowMargin {
			t.Errorf("the remaining caller waited %v", permit.Waited)
		}
	})
}

func TestAPermitGrantedDuringACancelIsNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, time.Second)
		l.block.fail(true, l.now(), 0)
		late := &waiter{answer: make(chan answer, 1), budget: new(WaitBudget)}
		late.answer <- answer{permit: l.admit(late.budget)}
		next := make(chan Permit, 1)
		go func() {
			permit, _ := l.Acquire(t.Context(), auditBounds())
			next <- permit
		}()
		synctest.Wait()
		l.remove(late)
		synctest.Wait()
		if len(next) != 1 || !(<-next).block.counted || l.window.inFlight != 1 || len(l.window.completed) != 0 {
			t.Errorf("%d in flight, %d completed", l.window.inFlight, len(l.window.completed))
		}
	})
}

// Without the Wait of a refusal, the caller would not know when to try again.
func TestARefusalAtTheEndOfTheWaitIsNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, time.Second)
		for range 50 { // select chooses at random
			late := &waiter{answer: make(chan answer, 1), deadline: l.now()}
			late.answer <- answer{refusal: &Refusal{Wait: time.Hour}}
			time.Sleep(time.Second)
			if _, refusal := l.wait(t.Context(), late); refusal == nil || refusal.Wait != time.Hour {
				t.Fatalf("got %+v", refusal)
			}
		}
	})
}

// lateContext ends after its deadline, as after a change of the clock.
type lateContext struct {
	context.Context
	deadline time.Time
}

func (c lateContext) Deadline() (time.Time, bool) { return c.deadline, true }

func TestAWaitEndsIfTheContextDoesNotEndAtItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		l.Release(mustAcquire(t, l, Bounds{}), rateLimited(time.Second))
		probe := mustAcquire(t, l, Bounds{MaxWait: time.Minute}) // others wait for its end
		start := time.Now()
		_, refusal := l.Acquire(lateContext{t.Context(), start}, Bounds{MaxWait: time.Minute})
		if took := time.Since(start); refusal == nil || refusal.Ended || took > time.Minute+time.Second {
			t.Errorf("%+v after %v", refusal, took)
		}
		l.Release(probe, Outcome{Answered: true})
	})
}
