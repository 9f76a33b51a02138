package api

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter is a parsed Retry-After header: the wait, and whether the form is valid by
// RFC 9110.
type retryAfter struct {
	wait     time.Duration
	readable bool
}

const maxDuration = time.Duration(math.MaxInt64)

// parseRetryAfter reads seconds and the three forms of a date. Of several headers, the
// longest wait applies. A number too large for a duration becomes the longest one. A
// date is relative to the Date header or, without a plausible one, to now. The RFC
// allows no fraction: a fraction counts as one second, and its header as unreadable.
func parseRetryAfter(h http.Header, now time.Time) retryAfter {
	var out retryAfter
	for _, value := range h["Retry-After"] {
		one := parseOneRetryAfter(strings.TrimSpace(value), h, now)
		out.wait = max(out.wait, one.wait)
		out.readable = out.readable || one.readable
	}
	return out
}

func parseOneRetryAfter(value string, h http.Header, now time.Time) retryAfter {
	if isDigits(value) {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(maxDuration/time.Second) {
			return retryAfter{maxDuration, true}
		}
		return retryAfter{time.Duration(seconds) * time.Second, true}
	}
	if date, err := http.ParseTime(value); err == nil {
		return retryAfter{max(0, timeUntil(date, h, now)), true}
	}
	whole, fraction, ok := strings.Cut(value, ".")
	if ok && isDigits(whole) && isDigits(fraction) {
		wait := parseOneRetryAfter(whole, h, now).wait
		return retryAfter{wait + min(time.Second, maxDuration-wait), false}
	}
	return retryAfter{}
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// timeUntil returns the time from the Date header to date. If the header is absent or
// more than a day away from date, it returns the time from now.
func timeUntil(date time.Time, h http.Header, now time.Time) time.Duration {
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil || date.Sub(sent).Abs() > 24*time.Hour {
		return date.Sub(now)
	}
	return date.Sub(sent)
}
