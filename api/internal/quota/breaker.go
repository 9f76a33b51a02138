package quota

import (
	"math"
	"time"
)

const (
	// DefaultBlock is the wait after a 429 without one. The vendor documents: "all API
	// calls for the next five minutes will be blocked".
	DefaultBlock = 5 * time.Minute
	// MaxAuditWait is the longest time without a response for which an audit waits.
	MaxAuditWait = 15 * time.Minute
	// maxBlock limits the wait that one response can cause.
	maxBlock = 24 * time.Hour
)

// breaker is a circuit breaker: it delays callers after a failure. When the delay is
// over, one request is sent as a probe. Successes then allow more requests in flight:
// twice as many after each round trip, and from half of the number that failed, one more
// after each round trip. An open breaker therefore costs as many failures as requests
// were in flight, and one for each probe.
type breaker struct {
	// firstDelay and maxDelay limit the least delay after a failed probe, which doubles
	// each time.
	firstDelay, maxDelay time.Duration

	// active is true from a failure until successes have admitted all callers; failing
	// until the first success. A run is the failures until then.
	active, failing bool
	run             uint64
	until           time.Duration
	delay           time.Duration
	// generation changes with each failure, to recognize older requests.
	generation uint64
	// limit is the number of requests that may be in flight. Up to threshold, each
	// success adds 1 to it; above, limit successes add 1. successes counts those.
	limit, inFlight      int
	threshold, successes int
}

// snapshot is the state of a breaker when it admitted a permit.
type snapshot struct {
	generation, run uint64
	counted         bool
}

// opens returns when the next request may be made. At the limit, only the end of a
// request opens the breaker.
func (b *breaker) opens(now time.Duration) opening {
	switch {
	case !b.active:
		return opening{now, now}
	case b.inFlight < b.limit:
		return opening{b.until, b.until}
	default:
		return opening{b.until, never}
	}
}

func (b *breaker) open(now time.Duration) bool { return b.opens(now).latest <= now }

func (b *breaker) admit() snapshot {
	if b.active {
		b.inFlight++
	}
	return snapshot{b.generation, b.run, b.active}
}

// release ends a request and reports whether it was sent after the last failure.
func (b *breaker) release(s snapshot) (fresh bool) {
	if s.generation == b.generation && s.counted && b.active {
		b.inFlight--
	}
	return s.generation == b.generation
}

// succeed raises the limit, and ends the delay of callers if none waits.
func (b *breaker) succeed(idle bool) {
	if !b.active {
		return
	}
	b.failing = false
	b.successes++
	if b.limit < b.threshold || b.successes >= b.limit {
		b.limit, b.successes = b.limit+1, 0
	}
	if idle {
		b.active = false
		b.generation++
	}
}

// fail begins or extends the delay of callers. The failure of an older request does not
// affect a probe in flight.
func (b *breaker) fail(fresh bool, now, wait time.Duration) {
	switch {
	// A run that ended long ago is ignored, even if no request was made since.
	case !b.active, now > b.until+DefaultBlock:
		b.threshold = math.MaxInt
		b.begin()
	case !b.failing:
		if fresh {
			b.threshold = max(1, b.limit/2)
		}
		b.begin()
	case fresh:
		b.delay = min(max(b.firstDelay, 2*b.delay), b.maxDelay)
		b.probe()
	}
	b.until = max(b.until, now+min(max(wait, b.delay), maxBlock))
}

// begin begins a run of failures.
func (b *breaker) begin() {
	b.active, b.failing, b.delay = true, true, 0
	b.run++
	b.probe()
}

// probe allows one request.
func (b *breaker) probe() {
	b.generation++
	b.limit, b.inFlight, b.successes = 1, 0, 0
}

// WaitBudget records since when failures have delayed the calls of one audit, which
// waits for at most [MaxAuditWait]. The zero value is ready for use.
type WaitBudget struct{ block, outage failureRun }

// failureRun is when a run of failures began for the calls of an audit.
type failureRun struct {
	run   uint64
	since time.Duration
}

// exhausts reports whether the run of failures, up to the end of the delay, is longer
// than an audit waits.
func (b *breaker) exhausts(r *failureRun, now time.Duration) bool {
	if !b.failing {
		return false
	}
	if r.run != b.run {
		*r = failureRun{b.run, now}
	}
	return now < b.until && b.until-r.since > MaxAuditWait
}

// observe starts the run for an audit anew with each failure of a request from before
// the run, because each may require the whole wait.
func (r *failureRun) observe(b *breaker, old snapshot, now time.Duration) {
	if old.run != b.run {
		*r = failureRun{b.run, now}
	}
}
