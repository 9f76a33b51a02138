package api

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxDuration = time.Duration(math.MaxInt64)

// parseRetryAfter reads seconds and the three forms of a date. readable means that a
// header is valid by RFC 9110. Of several headers, the longest wait applies. A number
// too large for a duration becomes the longest one. A date is relative to the Date
// header or, without a plausible one, to now. The RFC forbids fractions: a fraction
// counts as one second, and its header as unreadable.
func parseRetryAfter(h http.Header, now time.Time) (wait time.Duration, readable bool) {
	for _, value := range h["Retry-After"] {
		one, ok := parseOneRetryAfter(strings.TrimSpace(value), h, now)
		wait, readable = max(wait, one), readable || ok
	}
	return wait, readable
}

func parseOneRetryAfter(value string, h http.Header, now time.Time) (wait time.Duration, readable bool) {
	if isDigits(value) {
		seconds, _ := strconv.ParseInt(value, 10, 64) // the largest int64 if it overflows
		if seconds > int64(maxDuration/time.Second) {
			return maxDuration, true
		}
		return time.Duration(seconds) * time.Second, true
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, timeUntil(date, h, now)), true
	}
	if whole, fraction, _ := strings.Cut(value, "."); isDigits(whole) && isDigits(fraction) {
		wait, _ = parseOneRetryAfter(whole, h, now)
		return wait + min(time.Second, maxDuration-wait), false
	}
	return 0, false
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// timeUntil returns the time from the Date header to date. If the header is absent or
// more than a day away from date, it returns the time from now.
func timeUntil(date time.Time, h http.Header, now time.Time) time.Duration {
	sent, _ := http.ParseTime(h.Get("Date")) // the year 1 if it is absent or invalid
	if date.Sub(sent).Abs() > 24*time.Hour {
		return date.Sub(now)
	}
	return date.Sub(sent)
}
