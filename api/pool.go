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
	results chan R
	left    chan struct{} // closed when the caller leaves the loop
	running sync.WaitGroup
	panics  firstPanic
}

// firstPanic carries a panic of the sequence of items, or of the caller's
// transport, to the goroutine of the loop, where the caller can expect and
// recover it. A Goexit becomes a panic there, because the result of its goroutine
// is lost.
type firstPanic struct {
	once  sync.Once
	value any
	// kept is closed when there is a value.
	kept chan struct{}
}

// guard calls do, which runs on a goroutine of its own.
func (p *firstPanic) guard(do func()) {
	guard(do, func(panicked any) {
		if panicked != nil {
			p.once.Do(func() {
				p.value = panicked
				close(p.kept)
			})
		}
	})
}

func (p *firstPanic) rethrow() {
	select {
	case <-p.kept:
		panic(p.value)
	default:
	}
}

// run reads items on one other goroutine and starts workers as they are needed.
// Before it returns it cancels what is under way, if the caller has left the
// loop, and waits for the end of all goroutines.
func (p *pool[T, R]) run(items iter.Seq[T], yield func(R) bool) {
	p.items, p.left = make(chan T), make(chan struct{})
	// Some room spares the workers a switch for each result.
	p.results = make(chan R, min(p.workers, defaultConcurrency))
	p.panics.kept = make(chan struct{})
	defer p.panics.rethrow()
	defer p.end()
	p.running.Go(func() {
		defer close(p.items)
		p.panics.guard(func() { p.feed(items) })
	})
	go func() {
		p.running.Wait()
		close(p.results)
	}()
	for {
		select {
		case r, ok := <-p.results:
			if !ok || !yield(r) {
				return
			}
		case <-p.news:
			p.report()
		case <-p.panics.kept:
			return
		}
	}
}

// end stops everything and waits for it.
func (p *pool[T, R]) end() {
	close(p.left)
	p.cancel()
	for range p.results {
		continue
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
			p.running.Go(func() { p.panics.guard(func() { p.loop(item) }) })
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
		case p.results <- p.work(item):
		case <-p.left:
			return
		}
	}
}
