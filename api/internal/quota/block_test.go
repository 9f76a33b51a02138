package quota

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func limited(wait time.Duration) Outcome {
	return Outcome{Answered: true, Limited: true, Wait: wait}
}

func enterNow(t *testing.T, l *Limiter) Permit {
	t.Helper()
	tk, no := l.Acquire(t.Context(), Bounds{})
	if no != nil {
		t.Fatalf("refused: %+v", no)
	}
	return tk
}

func TestBlockHoldsEverybodyAndLetsOneProbeGoAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		l.Release(enterNow(t, l), limited(time.Minute))
		admitted := make(chan Permit, 10)
		for range 10 {
			go func() {
				tk, _ := l.Acquire(t.Context(), patience)
				admitted <- tk
			}()
		}
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		if len(admitted) != 0 {
			t.Fatalf("%d went before the block ended", len(admitted))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(admitted) != 1 {
			t.Fatalf("%d went when the block ended", len(admitted))
		}
		l.Release(<-admitted, limited(time.Minute))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(admitted) != 1 {
			t.Fatalf("%d went when the second block ended", len(admitted))
		}
		l.Release(<-admitted, Outcome{})
		synctest.Wait()
		if len(admitted) != 1 {
			t.Fatalf("%d went after a probe without an answer", len(admitted))
		}
		l.Release(<-admitted, Outcome{Answered: true})
		synctest.Wait()
		if len(admitted) != 7 {
			t.Fatalf("%d went after a good probe", len(admitted))
		}
	})
}

func TestAnswersFromBeforeTheBlockDoNotEndIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		early, refused := enterNow(t, l), enterNow(t, l)
		l.Release(refused, limited(time.Minute))
		l.Release(early, Outcome{Answered: true})
		if _, no := l.Acquire(t.Context(), Bounds{Most: time.Second}); no == nil || no.Wait != time.Minute {
			t.Errorf("got %+v", no)
		}
	})
}

func TestABlockSendsThoseAwayWhoCannotWaitThatLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, time.Second)
		first := enterNow(t, l)
		answers := make(chan *Refusal, 2)
		for _, e := range []Bounds{{Most: 10 * time.Second}, patience} {
			go func() {
				_, no := l.Acquire(t.Context(), e)
				answers <- no
			}()
		}
		synctest.Wait()
		start := time.Now()
		l.Release(first, limited(time.Minute))
		if no := <-answers; no == nil || no.Wait != time.Minute || time.Since(start) != 0 {
			t.Errorf("after %v: %+v", time.Since(start), no)
		}
		if no := <-answers; no != nil || time.Since(start) != time.Minute {
			t.Errorf("after %v: %+v", time.Since(start), no)
		}
	})
}

func TestPatienceEndsAfterFifteenMinutesOfBlocks(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{15*time.Minute + 1, 10 * time.Minute, 5 * time.Minute, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			l := NewLimiter(0, 0)
			start := time.Now()
			for {
				tk, no := l.Acquire(context.Background(), patience)
				if no != nil {
					break
				}
				l.Release(tk, limited(wait))
				if time.Since(start) > time.Hour {
					t.Fatal("never ends")
				}
			}
			if took := time.Since(start); took > MaxBlock || took+wait <= MaxBlock {
				t.Errorf("gave up on blocks of %v after %v", wait, took)
			}
			// When the block is over, the next call may find out.
			time.Sleep(24 * time.Hour)
			l.Release(enterNow(t, l), limited(time.Second))
			if _, no := l.Acquire(context.Background(), patience); no != nil {
				t.Errorf("an old block counts: %+v", no)
			}
		})
	}
}

func TestABlockCannotLastForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		l.Release(enterNow(t, l), limited(never))
		time.Sleep(longestBlock)
		enterNow(t, l)
	})
}
