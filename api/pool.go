package api

import (
	"context"
	"iter"
	"sync"
)

// pool runs tasks, several at a time, and yields them on the caller's goroutine in the
// order of completion.
type pool struct {
	workers int
	// cancel ends the work in progress.
	cancel context.CancelFunc
	// notify, if not nil, makes the loop call report between results.
	notify <-chan struct{}
	report func()

	tasks   chan task
	results chan outcome
	done    chan struct{} // closed when the loop ends
	running sync.WaitGroup
}

// task is a unit of work that keeps its result.
type task interface{ do() }

// outcome is a task that has ended, or a panic of a task or of the sequence of tasks.
// The panic continues on the goroutine of the loop, where the caller can recover it.
type outcome struct {
	task     task
	panicked any
}

// job is the task of processing an item.
type job[T, R any] struct {
	work   func(T) R
	item   T
	result R
}

func (j *job[T, R]) do() { j.result = j.work(j.item) }

// process calls work for each item on the goroutines of a pool, and yields the results.
func process[T, R any](p *pool, items iter.Seq[T], work func(T) R, yield func(R) bool) {
	p.run(func(next func(task) bool) {
		for item := range items {
			if !next(&job[T, R]{work: work, item: item}) {
				return
			}
		}
	}, func(t task) bool { return yield(t.(*job[T, R]).result) })
}

// run reads tasks on one other goroutine and starts workers as needed. Before it
// returns, it waits for all goroutines. If the caller has left the loop or a task has
// panicked, it first cancels the work in progress.
func (p *pool) run(tasks iter.Seq[task], yield func(task) bool) {
	p.tasks, p.done = make(chan task), make(chan struct{})
	// A buffer saves a goroutine switch for each result.
	p.results = make(chan outcome, min(p.workers, defaultConcurrency))
	p.start(func() {
		defer close(p.tasks)
		p.feed(tasks)
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
			if complete, panicked = !ok, o.panicked; complete || panicked != nil || !yield(o.task) {
				return
			}
		case <-p.notify:
			p.report()
		}
	}
}

// start calls do on a new goroutine. A panic or Goexit of do becomes an outcome.
func (p *pool) start(do func()) {
	p.running.Go(func() {
		guard(do, func(panicked any) {
			if panicked != nil {
				p.results <- outcome{panicked: panicked} // end receives it if the loop does not
			}
		})
	})
}

// end cancels the work in progress unless it is complete, waits for it and continues
// the first panic.
func (p *pool) end(complete bool, panicked any) {
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

// feed sends the tasks to workers, which it starts as needed.
func (p *pool) feed(tasks iter.Seq[task]) {
	started := 0
	for t := range tasks {
		select {
		case <-p.done:
			return
		case p.tasks <- t:
			continue
		default:
		}
		if started < p.workers {
			started++
			p.start(func() { p.work(t) })
			continue
		}
		select {
		case <-p.done:
			return
		case p.tasks <- t:
		}
	}
}

// work runs one worker, whose first task is t.
func (p *pool) work(t task) {
	for ok := true; ok; t, ok = <-p.tasks {
		t.do()
		select {
		case p.results <- outcome{task: t}:
		case <-p.done:
			return
		}
	}
}
