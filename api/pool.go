package api

import (
	"context"
	"iter"
	"sync"
)

// pool processes items, several at a time, and yields the results on the caller's
// goroutine in the order of completion.
type pool[T, R any] struct {
	workers int
	// work processes an item on the goroutine of a worker.
	work func(T) R
	// cancel ends the work in progress when the caller leaves the loop.
	cancel context.CancelFunc
	// notify, if not nil, makes the loop call report between results.
	notify <-chan struct{}
	report func()

	items   chan T
	results chan outcome[R]
	done    chan struct{} // closed when the caller leaves the loop
	running sync.WaitGroup
}

// outcome is a result, or a panic of the sequence of items or of the caller's
// transport, which continues on the goroutine of the loop, where the caller can recover
// it.
type outcome[R any] struct {
	result   R
	panicked any
}

// run reads items on one other goroutine and starts workers as needed. Before it
// returns, it waits for all goroutines; if the caller has left the loop, it cancels the
// work in progress.
func (p *pool[T, R]) run(items iter.Seq[T], yield func(R) bool) {
	p.items, p.done = make(chan T), make(chan struct{})
	// A buffer saves a goroutine switch for each result.
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
		case <-p.notify:
			p.report()
		}
	}
}

// start calls do on a new goroutine. A panic or Goexit of do becomes an outcome.
func (p *pool[T, R]) start(do func()) {
	p.running.Go(func() {
		guard(do, func(panicked any) {
			if panicked != nil {
				p.results <- outcome[R]{panicked: panicked} // end receives it if the loop does not
			}
		})
	})
}

// end cancels the work in progress unless it is complete, waits for it and continues
// the first panic.
func (p *pool[T, R]) end(complete bool, panicked any) {
	close(p.done)
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

// feed sends the items to workers, which it starts as needed.
func (p *pool[T, R]) feed(items iter.Seq[T]) {
	started := 0
	for item := range items {
		select {
		case <-p.done:
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
		case <-p.done:
			return
		case p.items <- item:
		}
	}
}

// loop is one worker, whose first item is item.
func (p *pool[T, R]) loop(item T) {
	for ok := true; ok; item, ok = <-p.items {
		select {
		case p.results <- outcome[R]{result: p.work(item)}:
		case <-p.done:
			return
		}
	}
}
