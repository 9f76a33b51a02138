package quota

import "time"

const (
	// AssumedBlock is how long a 429 lasts that does not say: "all API calls for
	// the next five minutes will be blocked" is the vendor's documentation.
	AssumedBlock = 5 * time.Minute
	// MaxBlock is the longest block that an audit sits out.
	MaxBlock = 15 * time.Minute
	// firstFloor and lastFloor bound how long a block lasts at least that follows
	// another, whatever the server says: twice as long each time. The last is
	// longer than any delay between attempts, so that a patient caller comes
	// back while a block lasts and learns that it is too long.
	firstFloor = time.Second
	lastFloor  = time.Minute
	// longestBlock bounds what one response can do to a client.
	longestBlock = 24 * time.Hour
)

// block holds every caller of a client back after a 429. When it has run out,
// one request goes ahead as a probe, and the others follow when it was not
// refused: a block costs as many 429s as requests were in flight, and one for
// each probe.
type block struct {
	// active from a 429 until a request made after it was not refused.
	active  bool
	probing bool
	since   time.Duration
	until   time.Duration
	floor   time.Duration
	serial  uint64
}

// opens is when the next request may be made: the end of a probe decides about
// the others.
func (b *block) opens(now time.Duration) opening {
	switch {
	case !b.active:
		return opening{now, now}
	case b.probing:
		return opening{b.until, never}
	default:
		return opening{b.until, b.until}
	}
}

func (b *block) stamp(p Permit) Permit {
	p.block, p.probe = b.serial, b.active
	b.probing = b.probing || p.probe
	return p
}

func (b *block) release(p Permit, o Outcome) {
	if p.probe {
		b.probing = false
	}
	if o.Answered && !o.Limited && p.block == b.serial {
		b.active = false
	}
}

func (b *block) extend(now, wait time.Duration) {
	// Long after its end, a block does not count even without a request since.
	switch {
	case !b.active || now > b.until+AssumedBlock:
		b.since, b.floor = now, 0
	case now >= b.until:
		b.floor = min(max(firstFloor, 2*b.floor), lastFloor)
	}
	wait = max(wait, b.floor)
	b.active = true
	b.serial++
	b.until = max(b.until, now+min(wait, longestBlock))
}

// tooLong tells whether the block, with all its repetitions, is longer than an
// audit waits.
func (b *block) tooLong(now time.Duration) bool {
	return b.active && now < b.until && b.until-b.since > MaxBlock
}
