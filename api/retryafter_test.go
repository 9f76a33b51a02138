package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestRetryAfterIsParsedInAllForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values []string
		want   time.Duration
		valid  bool
	}{
		"none":                  {nil, 0, false},
		"empty":                 {[]string{""}, 0, false},
		"seconds":               {[]string{"1"}, time.Second, true},
		"zero":                  {[]string{"0"}, 0, true},
		"negative":              {[]string{"-5"}, 0, false},
		"a day":                 {[]string{"86400"}, 24 * time.Hour, true},
		"overflow":              {[]string{"9223372037"}, maxDuration, true},
		"large overflow":        {[]string{"100000000000000000000"}, maxDuration, true},
		"fraction":              {[]string{"1.5"}, 2 * time.Second, false},
		"no whole part":         {[]string{".5"}, 0, false},
		"no fraction":           {[]string{"5."}, 0, false},
		"fraction of letters":   {[]string{"5.x"}, 0, false},
		"large fraction":        {[]string{"9223372037.5"}, maxDuration, false},
		"spaces":                {[]string{" 3 "}, 3 * time.Second, true},
		"plus sign":             {[]string{"+3"}, 0, false},
		"hexadecimal":           {[]string{"0x10"}, 0, false},
		"IMF-fixdate":           {[]string{"Sun, 22 Nov 2026 12:00:09 GMT"}, 9 * time.Second, true},
		"RFC 850 date":          {[]string{"Sunday, 22-Nov-26 12:00:09 GMT"}, 9 * time.Second, true},
		"asctime date":          {[]string{"Sun Nov 22 12:00:09 2026"}, 9 * time.Second, true},
		"past date":             {[]string{"Sun, 22 Nov 2026 11:00:00 GMT"}, 0, true},
		"far date":              {[]string{"Fri, 31 Dec 9999 23:59:59 GMT"}, maxDuration, true},
		"ISO date":              {[]string{"2026-11-22T12:00:09Z"}, 0, false},
		"two headers":           {[]string{"3", "7"}, 7 * time.Second, true},
		"only the second valid": {[]string{"soon", "7"}, 7 * time.Second, true},
		"only the first valid":  {[]string{"7", "soon"}, 7 * time.Second, true},
		"a list":                {[]string{"3, 7"}, 0, false},
		"text":                  {[]string{"soon"}, 0, false},
		"digits of India":       {[]string{"३"}, 0, false},
	} {
		if got, valid := parseRetryAfter(http.Header{"Retry-After": c.values}, noon); got != c.want || valid != c.valid {
			t.Errorf("%s: got %v, %v, want %v, %v", name, got, valid, c.want, c.valid)
		}
	}
}

func TestRetryAfterDateIsMeasuredByTheServersClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		date string
		want time.Duration
	}{
		"our clock is ten minutes fast":    {"Sun, 22 Nov 2026 11:50:00 GMT", 9*time.Second + 10*time.Minute},
		"our clock is five seconds slow":   {"Sun, 22 Nov 2026 12:00:05 GMT", 4 * time.Second},
		"the server's date is implausible": {"Thu, 01 Jan 1970 00:00:00 GMT", 9 * time.Second},
		"our clock is twenty hours fast":   {"Sat, 21 Nov 2026 16:00:09 GMT", 20 * time.Hour},
		"no date":                          {"", 9 * time.Second},
	} {
		h := http.Header{"Retry-After": {"Sun, 22 Nov 2026 12:00:09 GMT"}, "Date": {c.date}}
		if got, valid := parseRetryAfter(h, noon); got != c.want || !valid {
			t.Errorf("%s: got %v, %v, want %v", name, got, valid, c.want)
		}
	}
}

func TestAWrongLocalClockDoesNotChangeTheWait(t *testing.T) {
	t.Parallel()
	h := http.Header{"Retry-After": {"Sun, 22 Nov 2026 12:00:40 GMT"}, "Date": {"Sun, 22 Nov 2026 12:00:00 GMT"}}
	for _, wrong := range []time.Duration{0, time.Hour, 25 * time.Hour, 10 * 365 * 24 * time.Hour} {
		for _, now := range []time.Time{noon.Add(wrong), noon.Add(-wrong)} {
			if got, valid := parseRetryAfter(h, now); got != 40*time.Second || !valid {
				t.Errorf("at %v: %v, %v", now, got, valid)
			}
		}
	}
}

// The monotonic clock stops during a suspension, and the wall clock can be set back.
func TestTheAgeOfEvidenceIsTheLongerOneOfBothClocks(t *testing.T) {
	t.Parallel()
	// begun returns a time that was these durations ago by the two clocks.
	begun := func(monotonic, wall time.Duration) time.Time {
		at := time.Now().Add(-monotonic)
		*(*uint64)(unsafe.Pointer(&at)) -= uint64((wall-monotonic)/time.Second) << 30 // the seconds of the wall clock
		if byMonotonic, byWall := time.Since(at), time.Now().Round(0).Sub(at); byMonotonic.Round(time.Minute) != monotonic || byWall.Round(time.Minute) != wall {
			t.Fatalf("the time is %v and %v ago, want %v and %v", byMonotonic, byWall, monotonic, wall)
		}
		return at
	}
	for _, tt := range []struct {
		monotonic, wall time.Duration
		old             bool
	}{
		{time.Minute, time.Minute, false}, {time.Minute, 8 * time.Hour, true}, {time.Hour, time.Minute, true}, {time.Minute, -time.Hour, false},
	} {
		if e := (&Evidence{StartedAt: begun(tt.monotonic, tt.wall)}); e.isOld() != tt.old {
			t.Errorf("evidence begun %v ago, and %v by the wall clock: old %t", tt.monotonic, tt.wall, e.isOld())
		}
	}
}

// suspension is a log handler that calls suspend before the wait for each attempt.
type suspension struct {
	slog.Handler
	suspend func()
}

func (h suspension) Enabled(context.Context, slog.Level) bool {
	h.suspend()
	return false
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestDeletionsAreNotSentAfterASuspension(t *testing.T) {
	t.Parallel()
	// The evidence becomes old before this attempt. A call makes four attempts, so 5
	// means never.
	for attempt, want := range map[int]error{1: ErrUsageUnknown, 2: ErrUnreachable, 5: ErrUnreachable} {
		synctest.Test(t, func(t *testing.T) {
			evidence, waits, sent := &Evidence{StartedAt: time.Now()}, 0, 0
			logger := slog.New(suspension{slog.DiscardHandler, func() {
				if waits++; waits == attempt {
					evidence.StartedAt = time.Now().Add(-8 * time.Hour)
				}
			}})
			transport := transportFunc(func(*http.Request) (*http.Response, error) {
				sent++
				return nil, io.ErrUnexpectedEOF
			})
			client, err := New(APIToken("t0ken"), WithHTTPClient(&http.Client{Transport: transport}), WithLogger(logger), WithRateLimit(attempt, time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			_, fail := client.requestDeletion(t.Context(), t.Context(), CertificateRef{"a", "b"}, evidence)
			if !fail.Is(want) || fail.Is(ErrNotAsked) != (sent == 0) || sent != attempt-1 {
				t.Errorf("suspended before attempt %d: %d requests, %v", attempt, sent, fail)
			}
			if _, refusal := client.limiter.Acquire(t.Context(), quota.Bounds{MaxWait: 2 * time.Minute}); refusal != nil {
				t.Errorf("suspended before attempt %d: the limiter still has a request in flight: %+v", attempt, refusal)
			}
		})
	}
}

// The limiter delays the deletion for a minute. The evidence becomes old after ten
// seconds of that wait. A call that may not wait for a minute is refused at once.
func TestTheAgeOfEvidenceIsNoDeadlineOfTheCaller(t *testing.T) {
	t.Parallel()
	for maxWait, want := range map[time.Duration]error{30 * time.Second: ErrRateLimited, time.Hour: ErrUsageUnknown} {
		synctest.Test(t, func(t *testing.T) {
			client, err := New(APIToken("t0ken"), WithRateLimit(1, time.Minute), WithMaxRetryWait(maxWait))
			if err != nil {
				t.Fatal(err)
			}
			permit, _ := client.limiter.Acquire(t.Context(), quota.Bounds{})
			client.limiter.Release(permit, quota.Outcome{Answered: true})
			start := time.Now()
			_, fail := client.requestDeletion(t.Context(), t.Context(), CertificateRef{"a", "b"}, &Evidence{StartedAt: start.Add(10*time.Second - maxEvidenceAge)})
			if !fail.Is(want) || !fail.Is(ErrNotAsked) || errors.Is(fail, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
				t.Errorf("%v after %v, a deadline: %t", fail, time.Since(start), errors.Is(fail, context.DeadlineExceeded))
			}
		})
	}
}

func TestTheWaitFollowsTheResponse(t *testing.T) {
	t.Parallel()
	refused, broken := &Error{StatusCode: 429}, &Error{StatusCode: 503}
	code := &Error{StatusCode: 400, Details: []ErrorDetail{{Code: codeRateLimited}}}
	used := []quota.Policy{{Name: "burst", Remaining: 3, Reset: 200 * time.Second}, {Name: "default", Reset: 40 * time.Second}}
	for name, c := range map[string]struct {
		retryAfter string
		fail       *Error
		seen       []quota.Policy
		want       time.Duration
	}{
		"429 with a time":              {"7", refused, used, 7 * time.Second},
		"429 with zero":                {"0", refused, nil, 0},
		"429 with zero and a quota":    {"0", refused, used, 40 * time.Second},
		"429 with a past date":         {"Thu, 01 Jan 1970 00:00:00 GMT", refused, nil, 0},
		"429 with nothing":             {"", refused, nil, quota.DefaultBlock},
		"429 with an unreadable time":  {"-5", refused, nil, quota.DefaultBlock},
		"429 with a fraction":          {"1.5", refused, nil, quota.DefaultBlock},
		"429 with a large fraction":    {"400.5", refused, nil, 401 * time.Second},
		"429 with a used-up quota":     {"", refused, used, 40 * time.Second},
		"429 with quotas not used up":  {"", refused, used[:1], 200 * time.Second},
		"code 971 with nothing":        {"", code, nil, quota.DefaultBlock},
		"code 971 with a quota":        {"", code, used, 40 * time.Second},
		"503 with nothing":             {"", broken, used, 0},
		"503 with an unreadable time":  {"-5", broken, nil, 0},
		"503 with a fraction, rounded": {"1.5", broken, nil, 2 * time.Second},
	} {
		h := http.Header{"Retry-After": {c.retryAfter}}
		if got := waitAfter(h, c.fail, c.seen); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "1", "-5", "9223372037", "1.5", "Sun, 22 Nov 2026 12:00:09 GMT", "Sun Nov 22 12:00:09 2026"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		got, valid := parseRetryAfter(h, noon)
		if got < 0 {
			t.Errorf("%q: %v", value, got)
		}
		if wait := waitAfter(h, &Error{StatusCode: 429}, nil); !valid && wait < quota.DefaultBlock {
			t.Errorf("unreadable %q: a refused client continues after %v", value, wait)
		}
	})
}
