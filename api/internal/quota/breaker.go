package quota

import (
	"math"
	"time"
)

const (
	// DefaultBlock is the wait after a 429 that does not say how long to wait. The
	// vendor documents: "all API calls for the next five minutes will be blocked".
	DefaultBlock = 5 * time.Minute
	// MaxAuditWait is how long an audit waits for the end of a block or an outage.
	MaxAuditWait = 15 * time.Minute
	// maxBlock limits the wait that one response can cause.
	maxBlock = 24 * time.Hour
)

// breaker is a circuit breaker: it delays callers after a failure. When the delay is
// over, one request is sent as a probe. Successes then allow more requests in flight:
// twice as many after each round trip, up to half of the number at which the last
// failure occurred, and from there on one more after each round trip. So an outage or a
// block fails the requests in flight, and then only the probes.
type breaker struct {
	// After a failed probe, the delay is at least firstDelay. This minimum doubles with
	// each further failed probe, up to maxDelay.
	firstDelay, maxDelay time.Duration

	// active is true from a failure until successes have admitted all callers.
	active bool
	// failing is true from a failure until the next success. The failures in between are
	// a run; run is its number.
	failing bool
	run     uint64
	until   time.Duration // the end of the delay of callers
	delay   time.Duration // the current minimum
	// generation changes when a probe is allowed and when active becomes false. A request
	// of another generation is older.
	generation uint64
	// limit is the number of requests that may be in flight. Below threshold, each success
	// raises limit by 1; from threshold on, as many successes as limit raise it by 1.
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

func (b *breaker) admit(counted bool) snapshot {
	s := snapshot{b.generation, b.run, counted && b.active}
	if s.counted {
		b.inFlight++
	}
	return s
}

// release ends a request and reports whether it was counted in the current generation.
func (b *breaker) release(s snapshot) (current bool) {
	if current = s.counted && s.generation == b.generation; current {
		b.inFlight--
	}
	return current
}

// succeed raises the limit. If no caller waits, it makes the breaker inactive.
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
func (b *breaker) fail(current bool, now, wait time.Duration) {
	switch {
	case !b.active, !b.failing && now > b.until+DefaultBlock: // the last delay ended long ago
		b.threshold = math.MaxInt
		b.begin()
	case !b.failing:
		if current {
			b.threshold = max(1, b.limit/2)
		}
		b.begin()
	case current:
		b.delay = min(max(b.firstDelay, 2*b.delay), b.maxDelay)
		b.probe()
	}
	b.until = max(b.until, now+min(max(wait, b.delay), maxBlock))
}

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

// WaitBudget records since when failures have delayed the calls of one audit. The audit
// waits for at most [MaxAuditWait]. The zero value is ready for use.
type WaitBudget struct{ block, outage failureRun }

// failureRun is a run of failures and when it began for the calls of one audit.
type failureRun struct {
	run   uint64
	since time.Duration
}

// exhausts reports whether an audit would have to wait longer than MaxAuditWait, from
// the beginning of the run to the end of the delay.
func (b *breaker) exhausts(r *failureRun, now time.Duration) bool {
	if !b.failing {
		return false
	}
	if r.run != b.run {
		*r = failureRun{b.run, now}
	}
	return now < b.until && b.until-r.since > MaxAuditWait
}

// observe sets the beginning of the run to now, for an audit whose failed request was
// sent before the run began. So the response to that request may ask for a wait as long
// as MaxAuditWait.
func (r *failureRun) observe(b *breaker, old snapshot, now time.Duration) {
	if old.run != b.run {
		*r = failureRun{b.run, now}
	}
}
