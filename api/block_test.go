package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func limited(wait time.Duration) outcome {
	return outcome{answered: true, limited: true, wait: wait}
}

func enterNow(t *testing.T, g *gate) ticket {
	t.Helper()
	tk, no := g.enter(t.Context(), entry{})
	if no != nil {
		t.Fatalf("refused: %+v", no)
	}
	return tk
}

func TestBlockHoldsEverybodyAndLetsOneProbeGoAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0, 0)
		g.leave(enterNow(t, g), limited(time.Minute))
		admitted := make(chan ticket, 10)
		for range 10 {
			go func() {
				tk, _ := g.enter(t.Context(), patience)
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
		g.leave(<-admitted, limited(time.Minute))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(admitted) != 1 {
			t.Fatalf("%d went when the second block ended", len(admitted))
		}
		g.leave(<-admitted, outcome{})
		synctest.Wait()
		if len(admitted) != 1 {
			t.Fatalf("%d went after a probe without an answer", len(admitted))
		}
		g.leave(<-admitted, outcome{answered: true})
		synctest.Wait()
		if len(admitted) != 7 {
			t.Fatalf("%d went after a good probe", len(admitted))
		}
	})
}

func TestAnswersFromBeforeTheBlockDoNotEndIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0, 0)
		early, refused := enterNow(t, g), enterNow(t, g)
		g.leave(refused, limited(time.Minute))
		g.leave(early, outcome{answered: true})
		if _, no := g.enter(t.Context(), entry{atMost: time.Second}); no == nil || no.wait != time.Minute {
			t.Errorf("got %+v", no)
		}
	})
}

func TestABlockSendsThoseAwayWhoCannotWaitThatLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, time.Second)
		first := enterNow(t, g)
		answers := make(chan *refusal, 2)
		for _, e := range []entry{{atMost: 10 * time.Second}, patience} {
			go func() {
				_, no := g.enter(t.Context(), e)
				answers <- no
			}()
		}
		synctest.Wait()
		start := time.Now()
		g.leave(first, limited(time.Minute))
		if no := <-answers; no == nil || no.wait != time.Minute || time.Since(start) != 0 {
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
			g := newGate(0, 0)
			start := time.Now()
			for {
				tk, no := g.enter(context.Background(), patience)
				if no != nil {
					break
				}
				g.leave(tk, limited(wait))
				if time.Since(start) > time.Hour {
					t.Fatal("never ends")
				}
			}
			if took := time.Since(start); took > maxBlock || took+wait <= maxBlock {
				t.Errorf("gave up on blocks of %v after %v", wait, took)
			}
			// When the block is over, the next call may find out.
			time.Sleep(24 * time.Hour)
			g.leave(enterNow(t, g), limited(time.Second))
			if _, no := g.enter(context.Background(), patience); no != nil {
				t.Errorf("an old block counts: %+v", no)
			}
		})
	}
}

func TestABlockCannotLastForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0, 0)
		g.leave(enterNow(t, g), limited(maxDuration))
		time.Sleep(longestBlock)
		enterNow(t, g)
	})
}
