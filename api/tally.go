package api

import (
	"errors"
	"sync/atomic"
)

// tally counts what an audit has done. The workers count what they ask for,
// the goroutine of the loop everything else.
type tally struct {
	asked    atomic.Int64
	progress AuditProgress
	// news holds one element when a worker has begun to wait.
	news chan struct{}
}

func (t *tally) ask() { t.asked.Add(1) }

func (t *tally) wake() {
	select {
	case t.news <- struct{}{}:
	default:
	}
}

func (t *tally) add(r AuditResult) {
	p := &t.progress
	switch {
	case errors.Is(r.Err, ErrNotAsked):
		p.NotAsked++
	case r.Err != nil:
		p.Failed++
	default:
		p.Answered++
	}
	switch r.Usage() {
	case InUse:
		p.InUse++
	case Unused:
		p.Unused++
	}
}

func (t *tally) snapshot() AuditProgress {
	p := t.progress
	p.Asked = int(t.asked.Load())
	return p
}
