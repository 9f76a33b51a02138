package api

import (
	"context"
	"iter"
	"sync"
)

// pool works on items, several at a time, and yields the results on the caller's
// goroutine in the order in which they are complete.
type pool[T, R any] struct {
	workers int
	// work handles an item on a goroutine of its own.
	work func(T) R
	// cancel ends the work that is under way when the caller leaves the loop.
	cancel context.CancelFunc
	// news, if not nil, makes the loop call report between results.
	news   <-chan struct{}
	report func()

	items   chan T
	results chan outcome[R]
	left    chan struct{} // closed when the caller leaves the loop
	running sync.WaitGroup
}

// outcome is a result, or a panic of the sequence of items or of the caller's
// transport. The goroutine of the loop continues the panic: there the caller can
// expect and recover it.
type outcome[R any] struct {
	result   R
	panicked any
}

// run reads items on one other goroutine and starts workers as they are needed.
// Before it returns it waits for the end of all goroutines, and cancels what is
// under way if the caller has left the loop.
func (p *pool[T, R]) run(items iter.Seq[T], yield func(R) bool) {
	p.items, p.left = make(chan T), make(chan struct{})
	// Some room spares the workers a switch for each result.
	p.results = make(chan outcome[R], min(p.workers, defaultConcurrency))
	p.start(func() {
		defer close(p.items)
		p.feed(items)
	})
	go func() {
		p.running.Wait()
		close(p.results)
	}()
	complete, panicked := false, any(nil)
	defer func() { p.end(complete, panicked) }()
	for {
		select {
		case o, ok := <-p.results:
			if complete, panicked = !ok, o.panicked; complete || panicked != nil || !yield(o.result) {
				return
			}
		case <-p.news:
			p.report()
		}
	}
}

// start calls do on a goroutine of its own, whose panic becomes an outcome. A
// Goexit becomes a panic, because the result of the goroutine is lost.
func (p *pool[T, R]) start(do func()) {
	p.running.Go(func() {
		guard(do, func(panicked any) {
			if panicked != nil {
				p.results <- outcome[R]{panicked: panicked} // which end receives if the loop does not
			}
		})
	})
}

// end stops what is under way and waits for it. It continues the first panic.
func (p *pool[T, R]) end(complete bool, panicked any) {
	close(p.left)
	if !complete {
		p.cancel()
	}
	for o := range p.results {
		if panicked == nil {
			panicked = o.panicked
		}
	}
	if panicked != nil {
		panic(panicked)
	}
}

// feed hands the items to workers, which it starts as they are needed.
func (p *pool[T, R]) feed(items iter.Seq[T]) {
	started := 0
	for item := range items {
		select {
		case <-p.left:
			return
		case p.items <- item:
			continue
		default:
		}
		if started < p.workers {
			started++
			p.start(func() { p.loop(item) })
			continue
		}
		select {
		case <-p.left:
			return
		case p.items <- item:
		}
	}
}

// loop is one worker, which begins with item.
func (p *pool[T, R]) loop(item T) {
	for ok := true; ok; item, ok = <-p.items {
		select {
		case p.results <- outcome[R]{result: p.work(item)}:
		case <-p.left:
			return
		}
	}
}
