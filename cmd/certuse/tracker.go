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
	// rateSpan is the period over which the rate is measured.
	rateSpan = 10 * time.Second
	// longWait is the shortest wait that the average time of a request excludes.
	longWait = 30 * time.Second
)

// tracker formats the progress of inventories: how much is done, how fast, and the
// time left. It is safe for concurrent use.
type tracker struct {
	certificates int // 0 means those of the accounts
	limit        int // requests in a rateLimitWindow; 0 means no limit

	mu      sync.Mutex
	before  api.InventoryProgress // of earlier accounts
	last    api.InventoryProgress // of all accounts
	updated time.Time             // when last was set
	started time.Time
	waited  time.Duration // spent in long waits for the rate limit or an outage
	recent  []time.Time   // ring buffer of the times of the latest requests

	deleted, deletions int // of "delete --unused", once the deletions have begun
}

func newTracker(certificates, limit int, now time.Time) *tracker {
	return &tracker{certificates: certificates, limit: limit, started: now, updated: now}
}

// ringSize returns the capacity of recent: at least the requests of one window, and
// enough to measure the rate.
func (t *tracker) ringSize() int { return max(t.limit, 4096) }

// nextAccount begins another account, whose progress starts at 0.
func (t *tracker) nextAccount() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before = t.last
	t.before.Expected = t.last.Requests
}

func (t *tracker) update(p api.InventoryProgress, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waited = t.waitedUntil(now)
	p.Requests += t.before.Requests
	p.Expected += t.before.Expected
	p.InUse += t.before.InUse
	p.Unused += t.before.Unused
	p.Unknown += t.before.Unknown
	p.Certificates += t.before.Certificates
	for n := t.last.Requests; n < p.Requests; n++ {
		if len(t.recent) < t.ringSize() {
			t.recent = append(t.recent, now)
		} else {
			t.recent[n%t.ringSize()] = now
		}
	}
	t.last, t.updated = p, now
}

// requests returns how many requests were made, and how many are expected.
func (t *tracker) requests() (done, total int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last.Requests, max(t.last.Requests, t.last.Expected)
}

// leastTimeFor returns the least time that further requests take. It counts only waits
// for the rate limit, because the average time of earlier requests may include outages.
func (t *tracker) leastTimeFor(requests int, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	least, _ := t.timeAt(0, t.last.Requests+requests, now)
	return least
}

// deleting sets how many of all deletions are done.
func (t *tracker) deleting(done, all int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deleted, t.deletions = done, all
}

// facts returns the parts of a progress line. The requests of deletions are not
// reported, so a line about deletions has no rate and no time.
func (t *tracker) facts(now time.Time) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.deletions > 0 {
		return []string{count(t.deleted) + "/" + plural(t.deletions, "deletion") + " done"}
	}
	n := t.last.InUse + t.last.Unused + t.last.Unknown
	facts := []string{"no certificate listed yet"} // "0 certificates" would look like a result
	if total := max(t.certificates, t.last.Certificates); total > 0 {
		facts = []string{count(n) + "/" + count(total), count(t.last.InUse) + " in use", count(t.last.Unknown) + " unknown"}
	}
	wait := t.last.WaitingUntil.Sub(now)
	waiting := wait >= time.Second/2
	if !waiting {
		facts = append(facts, fmt.Sprintf("%.1f/s", t.rate(now)))
	}
	if left, ok := t.timeLeft(t.last.Expected, now); ok {
		facts = append(facts, formatDuration(left)+" left")
	}
	if waiting { // the longest part comes last, where a narrow terminal cuts the line
		facts = append(facts, "waiting "+formatDuration(wait)+": rate limit or outage")
	}
	return facts
}

func (t *tracker) line(now time.Time) string { return strings.Join(t.facts(now), ", ") }

// rate returns requests per second within rateSpan.
func (t *tracker) rate(now time.Time) float64 {
	done, n := t.last.Requests, 0
	for ; n < len(t.recent); n++ {
		if now.Sub(t.recent[(done-1-n)%t.ringSize()]) >= rateSpan {
			break
		}
	}
	span := min(rateSpan, now.Sub(t.started))
	return float64(n) / max(span.Seconds(), 0.1)
}

// timeLeft estimates the time until total requests are made; it returns false if there
// is nothing to estimate.
func (t *tracker) timeLeft(total int, now time.Time) (time.Duration, bool) {
	perRequest := max(now.Sub(t.started)-t.waitedUntil(now), 0) / time.Duration(max(t.last.Requests, 1))
	return t.timeAt(perRequest, total, now)
}

// timeAt returns the time until total requests are made if each takes perRequest. The
// rate limit delays request n until one window after request n-limit completed. So
// timeAt goes back from the last request in steps of limit, and counts one window for
// each step, until it reaches a request that has completed or that waits for no window.
func (t *tracker) timeAt(perRequest time.Duration, total int, now time.Time) (time.Duration, bool) {
	done := t.last.Requests
	if done == 0 || done >= total {
		return 0, false
	}
	left := perRequest * time.Duration(total-done)
	if t.limit > 0 {
		n, wait := total, time.Duration(0)
		for n > done && n > t.limit {
			n -= t.limit
			wait += rateLimitWindow
		}
		quota := wait + perRequest*time.Duration(max(n-done, 0))
		if n <= done {
			quota = t.recent[(n-1)%t.ringSize()].Add(wait).Sub(now)
		}
		left = max(left, quota)
	}
	return max(left, t.last.WaitingUntil.Sub(now)), true
}

// waitedUntil returns waited plus the elapsed part of the current wait.
func (t *tracker) waitedUntil(now time.Time) time.Duration {
	if t.last.WaitingUntil.Sub(t.updated) < longWait {
		return t.waited
	}
	until := now
	if t.last.WaitingUntil.Before(now) {
		until = t.last.WaitingUntil
	}
	return t.waited + max(until.Sub(t.updated), 0)
}

// formatDuration formats a duration in at most two units.
func formatDuration(d time.Duration) string {
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
