package quota

import "time"

// windowMargin separates two requests that would otherwise be at both ends of one
// window.
const windowMargin = time.Millisecond

// window counts requests against a limit. A request counts while it is in flight and
// for one window after its completion. The server counts it before its completion, so
// no window of the server, sliding or fixed, has more than the limit. Counting from the
// time of sending would not ensure this, because latencies differ.
type window struct {
	limit    int           // 0: unlimited
	length   time.Duration // with windowMargin
	inFlight int
	started  uint64
	// completed are the times of completion within the window, oldest first.
	completed []time.Duration
}

func (w *window) begin() (serial uint64) {
	w.inFlight++
	w.started++
	return w.started
}

// cancel undoes a begin whose request was not sent.
func (w *window) cancel() { w.inFlight-- }

func (w *window) complete(now time.Duration) {
	w.inFlight--
	if w.limit > 0 {
		w.completed = append(w.completed, now)
	}
}

func (w *window) expire(now time.Duration) {
	n := 0
	for n < len(w.completed) && w.completed[n]+w.length <= now {
		n++
	}
	w.completed = w.completed[n:]
}

// opens returns when the limit has room for a caller with that many others before it.
func (w *window) opens(before int, now time.Duration) opening {
	if w.limit == 0 {
		return opening{now, now}
	}
	free := w.limit - w.inFlight - len(w.completed)
	switch last := before - free; { // the index of the last completed request that must expire
	case last < 0:
		return opening{now, now}
	case last < len(w.completed):
		at := w.completed[last] + w.length
		return opening{at, at}
	default: // a request in flight must end and expire
		return opening{now + w.length, never}
	}
}
