package faults

import (
	"context"
	"time"

	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// situation is the circumstances of a fault: its setup and the expected result.
type situation struct {
	name   string
	set    func(c *cell)
	expect func(f fault) expectation
	// endsFirst: the caller's context ends before the first attempt can time out.
	endsFirst bool
}

// attempt returns the time limit of an attempt.
func (s situation) attempt(f fault) time.Duration {
	if f.reaction == timedOut && !s.endsFirst {
		return attemptTimeout
	}
	return time.Minute
}

// expectation is the required result of a cell.
type expectation struct {
	// ok: the call succeeds.
	ok bool
	// fault: the error describes the fault.
	fault bool
	// ended: the error describes the end of the caller's context.
	ended error
	// attempts that were made.
	attempts int
	// atLeast and atMost limit the time, on a machine without load.
	atLeast, atMost time.Duration
}

const (
	// firstBackoff is the longest wait before the second attempt, allBackoffs the sum of
	// the longest waits before the second, third and fourth.
	firstBackoff = 100 * time.Millisecond
	allBackoffs  = 700 * time.Millisecond
	// deadline is long after the longest first wait, so that a second attempt is under
	// way when the deadline passes, also on a loaded machine.
	deadline = 5 * time.Second
	// shortDeadline is before the end of the server's Retry-After.
	shortDeadline = retryAfter - time.Second
	// late delays a response until after the deadline.
	late = deadline + 250*time.Millisecond
)

var situations = []situation{
	{"once then ok", failOnce, expectOnce, false},
	{"always", failAlways, expectAlways, false},
	{"deadline first", failPastDeadline, expectDeadline, true},
	{"cancel first", failWithCancel, expectCancel, true},
}

func first(n int) bool { return n == 1 }
func always(int) bool  { return true }
func never(int) bool   { return false }
func nothing()         {}
func longAfterwards()  { time.Sleep(late) }
func pauseAfter(f func()) func() {
	return func() {
		f()
		time.Sleep(300 * time.Millisecond)
	}
}

func failOnce(c *cell)   { c.fail(first, nothing, c.operation.ok) }
func failAlways(c *cell) { c.fail(always, nothing, c.operation.ok) }

func expectOnce(f fault) expectation {
	switch f.reaction {
	case retried:
		return expectation{ok: true, attempts: 2, atMost: firstBackoff}
	case timedOut:
		return expectation{ok: true, attempts: 2, atLeast: attemptTimeout, atMost: attemptTimeout + firstBackoff}
	case waited:
		return expectation{ok: true, attempts: 2, atLeast: retryAfter, atMost: retryAfter + firstBackoff}
	default:
		return expectation{fault: true, attempts: 1}
	}
}

func expectAlways(f fault) expectation {
	switch f.reaction {
	case retried:
		return expectation{fault: true, attempts: 4, atMost: allBackoffs}
	case timedOut:
		return expectation{fault: true, attempts: 4, atLeast: 4 * attemptTimeout, atMost: 4*attemptTimeout + allBackoffs}
	case waited:
		return expectation{fault: true, attempts: 4, atLeast: 3 * retryAfter, atMost: 3*retryAfter + allBackoffs}
	default:
		return expectation{fault: true, attempts: 1}
	}
}

// failPastDeadline: a retried fault is followed by silence in the second attempt; a
// final response comes too late.
func failPastDeadline(c *cell) {
	limit := deadline
	switch c.fault.reaction {
	case final:
		c.fail(always, longAfterwards, c.operation.ok)
	case waited:
		limit = shortDeadline
		c.fail(first, nothing, fs.NoResponse(nil))
	default:
		c.fail(first, nothing, fs.NoResponse(nil))
	}
	c.ctx, c.cancel = context.WithTimeout(c.ctx, limit)
}

func expectDeadline(f fault) expectation {
	switch f.reaction {
	case retried:
		return expectation{ended: context.DeadlineExceeded, attempts: 2, atLeast: deadline, atMost: deadline}
	case waited, blocked:
		// A wait that would pass the deadline does not start.
		return expectation{fault: true, attempts: 1}
	default:
		return expectation{ended: context.DeadlineExceeded, attempts: 1, atLeast: deadline, atMost: deadline}
	}
}

// failWithCancel: the caller cancels during the wait for the next attempt if the
// reaction is retried or waited, and during the first attempt otherwise.
func failWithCancel(c *cell) {
	switch c.fault.reaction {
	case retried, waited:
		c.log.hook = c.cancel
		c.fail(always, nothing, c.operation.ok)
	default:
		c.fail(always, pauseAfter(c.cancel), c.operation.ok)
	}
}

func expectCancel(f fault) expectation {
	switch f.reaction {
	case retried, waited:
		return expectation{fault: true, ended: context.Canceled, attempts: 1}
	default:
		return expectation{ended: context.Canceled, attempts: 1}
	}
}
