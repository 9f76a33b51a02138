package quota

import (
	"math"
	"time"
)

const (
	// AssumedBlock is how long a 429 lasts that does not say: "all API calls for
	// the next five minutes will be blocked" is the vendor's documentation.
	AssumedBlock = 5 * time.Minute
	// MaxBlock is the longest time without an answer that an audit sits out.
	MaxBlock = 15 * time.Minute
	// longestBlock bounds what one response can do to a client.
	longestBlock = 24 * time.Hour
)

// hold keeps callers back after a failure. When its time has run out, one request
// goes ahead as a probe. As many requests may then be in flight as the successes
// since allow: twice as many after each round trip, and from half of those that
// were too many, one more after each round trip. A hold therefore costs as many
// failures as requests were in flight, and one for each probe.
type hold struct {
	// firstFloor and lastFloor bound how long the hold lasts at least after a
	// probe that failed, whatever the server says: twice as long each time.
	firstFloor, lastFloor time.Duration

	// active from a failure until the successes allow all callers there are;
	// failing until the first success. A run is the failures until then.
	active, failing bool
	run             uint64
	since, until    time.Duration
	floor           time.Duration
	// serial changes with each failure, so that older requests can be distinguished.
	serial         uint64
	room, inFlight int
	// steep is the room up to which each success gives room for one more; beyond,
	// it takes as many successes as there is room. credit counts those.
	steep, credit int
}

// stamp is what a permit knows of the hold that it has passed.
type stamp struct {
	serial, run uint64
	counted     bool
}

// opens is when the next request may be made: without room, only the end of a
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

// succeed makes room. The hold is over when no caller waits.
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

// fail begins a hold or makes it longer. A failure of an older request says nothing of
// a probe that is under way.
func (h *hold) fail(fresh bool, now, wait time.Duration) {
	switch {
	// Long after its end, a hold does not count even without a request since.
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

// probe lets one request go next.
func (h *hold) probe() {
	h.serial++
	h.room, h.inFlight, h.credit = 1, 0, 0
}

// Patience is how long the calls of one audit have been kept back. The zero value
// is ready for use.
type Patience struct{ block, outage span }

// span is when a run of failures began for the calls of an audit.
type span struct {
	run   uint64
	since time.Duration
}

// exhausts reports whether the run of failures, with what is still to come, is
// longer than an audit waits.
func (h *hold) exhausts(s *span, now time.Duration) bool {
	if !h.failing {
		return false
	}
	if s.run != h.run {
		*s = span{h.run, now}
	}
	return now < h.until && h.until-s.since > MaxBlock
}

// observe lets the run begin for an audit when the last of the requests that it had
// in flight then has failed: each of them may ask for the whole time.
func (s *span) observe(h *hold, old stamp, now time.Duration) {
	if old.run != h.run {
		*s = span{h.run, now}
	}
}
