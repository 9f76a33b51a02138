package quota

import (
	"math"
	"time"
)

const (
	// AssumedBlock is the wait after a 429 without one. The vendor documents: "all API
	// calls for the next five minutes will be blocked".
	AssumedBlock = 5 * time.Minute
	// MaxBlock is the longest time without a response for which an audit waits.
	MaxBlock = 15 * time.Minute
	// longestBlock limits the wait that one response can cause.
	longestBlock = 24 * time.Hour
)

// hold delays callers after a failure. When its time is over, one request is sent as a
// probe. Successes then allow more requests in flight: twice as many after each round
// trip, and from half of the number that failed, one more after each round trip. A hold
// therefore costs as many failures as requests were in flight, and one for each probe.
type hold struct {
	// firstFloor and lastFloor limit the least time of the hold after a failed probe,
	// which doubles each time.
	firstFloor, lastFloor time.Duration

	// active is true from a failure until successes have admitted all callers; failing
	// until the first success. A run is the failures until then.
	active, failing bool
	run             uint64
	since, until    time.Duration
	floor           time.Duration
	// serial changes with each failure, to recognize older requests.
	serial         uint64
	room, inFlight int
	// steep is the room up to which each success adds 1; above, room successes add 1.
	// credit counts those.
	steep, credit int
}

// stamp is the state of a hold when it admitted a permit.
type stamp struct {
	serial, run uint64
	counted     bool
}

// opens returns when the next request may be made. Without room, only the end of a
// request opens the hold.
func (h *hold) opens(now time.Duration) opening {
	switch {
	case !h.active:
		return opening{now, now}
	case h.inFlight < h.room:
		return opening{h.until, h.until}
	default:
		return opening{h.until, never}
	}
}

func (h *hold) open(now time.Duration) bool { return h.opens(now).latest <= now }

func (h *hold) admit() stamp {
	if h.active {
		h.inFlight++
	}
	return stamp{h.serial, h.run, h.active}
}

// release ends a request and reports whether it was sent after the last failure.
func (h *hold) release(s stamp) (fresh bool) {
	if s.serial == h.serial && s.counted && h.active {
		h.inFlight--
	}
	return s.serial == h.serial
}

// succeed adds room, and ends the hold if no caller waits.
func (h *hold) succeed(idle bool) {
	if !h.active {
		return
	}
	h.failing = false
	h.credit++
	if h.room < h.steep || h.credit >= h.room {
		h.room, h.credit = h.room+1, 0
	}
	if idle {
		h.active = false
		h.serial++
	}
}

// fail begins or extends a hold. The failure of an older request does not affect a
// probe in flight.
func (h *hold) fail(fresh bool, now, wait time.Duration) {
	switch {
	// A hold that ended long ago is ignored, also without a request since.
	case !h.active, now > h.until+AssumedBlock:
		h.steep = math.MaxInt
		h.begin(now)
	case !h.failing:
		if fresh {
			h.steep = max(1, h.room/2)
		}
		h.begin(now)
	case fresh:
		h.floor = min(max(h.firstFloor, 2*h.floor), h.lastFloor)
		h.probe()
	}
	h.until = max(h.until, now+min(max(wait, h.floor), longestBlock))
}

func (h *hold) begin(now time.Duration) {
	h.active, h.failing, h.since, h.floor = true, true, now, 0
	h.run++
	h.probe()
}

// probe allows one request.
func (h *hold) probe() {
	h.serial++
	h.room, h.inFlight, h.credit = 1, 0, 0
}

// Patience records since when holds delay the calls of one audit. The zero value is
// ready for use.
type Patience struct{ block, outage span }

// span is when a run of failures began for the calls of an audit.
type span struct {
	run   uint64
	since time.Duration
}

// exhausts reports whether the run of failures, up to the end of the hold, is longer
// than an audit waits.
func (h *hold) exhausts(s *span, now time.Duration) bool {
	if !h.failing {
		return false
	}
	if s.run != h.run {
		*s = span{h.run, now}
	}
	return now < h.until && h.until-s.since > MaxBlock
}

// observe starts the run for an audit anew with each failure of a request from before
// the run, because each may ask for the whole wait.
func (s *span) observe(h *hold, old stamp, now time.Duration) {
	if old.run != h.run {
		*s = span{h.run, now}
	}
}
