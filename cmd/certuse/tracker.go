package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

const (
	defaultRateLimit = 1000
	rateLimitWindow  = 5 * time.Minute
	// rateSpan is how far back the rate that is shown looks.
	rateSpan = 10 * time.Second
	// longWait is a wait that says nothing of the pace between waits. Shorter ones,
	// after each of which some certificates are done, are that pace.
	longWait = 30 * time.Second
)

// tracker turns the progress of an audit into words: how much is done, how
// fast, and how long it will take. It is safe for concurrent use.
type tracker struct {
	total int
	limit int // requests in a rateLimitWindow, 0: no limit

	mu      sync.Mutex
	last    api.AuditProgress
	seen    time.Time // when last was reported
	started time.Time
	waited  time.Duration // spent in long waits for the rate limit
	recent  []time.Time   // ring: when each of the latest certificates was done
}

func newTracker(total, limit int, now time.Time) *tracker {
	return &tracker{total: total, limit: limit, started: now, seen: now}
}

func finished(p api.AuditProgress) int { return p.Answered + p.Failed + p.NotAsked }

// ringSize is enough to look one window back, and to show a rate without one.
func (t *tracker) ringSize() int { return max(t.limit, 4096) }

func (t *tracker) update(p api.AuditProgress, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waited = t.waitedUntil(now)
	for n := finished(t.last); n < finished(p); n++ {
		if len(t.recent) < t.ringSize() {
			t.recent = append(t.recent, now)
		} else {
			t.recent[n%t.ringSize()] = now
		}
	}
	t.last, t.seen = p, now
}

// facts are the parts of a progress line.
func (t *tracker) facts(now time.Time) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	done := finished(t.last)
	facts := []string{
		count(done) + "/" + count(t.total),
		count(t.last.InUse) + " in use",
		count(done-t.last.InUse-t.last.Unused) + " unknown", // as the summary counts
	}
	wait := t.last.WaitingUntil.Sub(now)
	waiting := wait >= time.Second/2
	if !waiting {
		facts = append(facts, fmt.Sprintf("%.1f/s", t.rate(now)))
	}
	if left, ok := t.left(now); ok {
		facts = append(facts, human(left)+" left")
	}
	if waiting { // the longest comes last, where a narrow terminal cuts
		facts = append(facts, "waiting "+human(wait)+" for the rate limit")
	}
	return facts
}

func (t *tracker) line(now time.Time) string { return strings.Join(t.facts(now), ", ") }

// rate is certificates per second, lately.
func (t *tracker) rate(now time.Time) float64 {
	done, n := finished(t.last), 0
	for ; n < len(t.recent); n++ {
		if now.Sub(t.recent[(done-1-n)%t.ringSize()]) >= rateSpan {
			break
		}
	}
	span := min(rateSpan, now.Sub(t.started))
	return float64(n) / max(span.Seconds(), 0.1)
}

// left is the time that the rest will take. The rate limit lets the nth request
// go one window after the one limit places before it was complete; so the last
// one is followed back, window by window, to one whose time is known.
func (t *tracker) left(now time.Time) (time.Duration, bool) {
	done := finished(t.last)
	if done == 0 || done >= t.total {
		return 0, false
	}
	each := max(now.Sub(t.started)-t.waitedUntil(now), 0) / time.Duration(done)
	left := each * time.Duration(t.total-done)
	if t.limit > 0 {
		n, wait := t.total, time.Duration(0)
		for n > done && n > t.limit {
			n -= t.limit
			wait += rateLimitWindow
		}
		quota := wait + each*time.Duration(max(n-done, 0))
		if n <= done {
			quota = t.recent[(n-1)%t.ringSize()].Add(wait).Sub(now)
		}
		left = max(left, quota)
	}
	return max(left, t.last.WaitingUntil.Sub(now)), true
}

// waitedUntil is waited with the part of the wait that is going on.
func (t *tracker) waitedUntil(now time.Time) time.Duration {
	if t.last.WaitingUntil.Sub(t.seen) < longWait {
		return t.waited
	}
	until := now
	if t.last.WaitingUntil.Before(now) {
		until = t.last.WaitingUntil
	}
	return t.waited + max(until.Sub(t.seen), 0)
}

// human writes a duration in at most two units.
func human(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
}
