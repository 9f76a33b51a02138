package quota

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

const (
	inUseBody   = `{"success":true,"errors":[],"messages":[],"result":[{"service":"gateway","status":"active"}]}`
	failureBody = `{"success":false,"errors":[{"code":1000,"message":"no"}],"messages":[],"result":null}`

	// block is the wait after a 429 without a valid Retry-After.
	block = 5 * time.Minute
	// maxRetryWait is the default of WithMaxRetryWait.
	maxRetryWait = 30 * time.Second
	// firstBackoff is the longest random delay before a second attempt.
	firstBackoff = 100 * time.Millisecond
	unlimited    = time.Duration(math.MaxInt64)
)

// retryAfterTable maps each header to the required wait after a 429 and after a 503.
// If the wait is above maxRetryWait, the call returns an error at once.
var retryAfterTable = []struct {
	name     string
	header   func(now time.Time) http.Header
	after429 time.Duration
	after503 time.Duration
}{
	{"1", values("1"), time.Second, time.Second},
	{"0", values("0"), 0, 0},
	{"-5", values("-5"), block, 0},
	{"30", values("30"), maxRetryWait, maxRetryWait},
	{"31", values("31"), 31 * time.Second, 31 * time.Second},
	{"86400", values("86400"), 24 * time.Hour, 24 * time.Hour},
	{"9223372037", values("9223372037"), unlimited, unlimited},
	{"10^20", values("100000000000000000000"), unlimited, unlimited},
	{"1.5", values("1.5"), block, 2 * time.Second},
	{"spaces", values(" 3 "), 3 * time.Second, 3 * time.Second},
	{"text", values("soon"), block, 0},
	{"date", dates(5*time.Second, http.TimeFormat), 5 * time.Second, 5 * time.Second},
	{"date of RFC 850", dates(5*time.Second, "Monday, 02-Jan-06 15:04:05 GMT"), 5 * time.Second, 5 * time.Second},
	{"date of asctime", dates(5*time.Second, time.ANSIC), 5 * time.Second, 5 * time.Second},
	{"date in an hour", dates(time.Hour, http.TimeFormat), time.Hour, time.Hour},
	{"past date", dates(-time.Hour, http.TimeFormat), 0, 0},
	{"date by a clock that is 10 minutes ahead", skewed, 5 * time.Second, 5 * time.Second},
	{"two headers", values("2", "5"), 5 * time.Second, 5 * time.Second},
	{"none", values(), block, 0},
}

func values(v ...string) func(time.Time) http.Header {
	return func(time.Time) http.Header { return http.Header{"Retry-After": v} }
}

func dates(in time.Duration, layout string) func(time.Time) http.Header {
	return func(now time.Time) http.Header {
		return http.Header{"Retry-After": {now.Add(in).UTC().Format(layout)}}
	}
}

func skewed(now time.Time) http.Header {
	clock := now.Add(10 * time.Minute).UTC()
	return http.Header{"Date": {clock.Format(http.TimeFormat)}, "Retry-After": {clock.Add(5 * time.Second).Format(http.TimeFormat)}}
}

func TestRetryAfterIsObeyedWithinTheLimit(t *testing.T) {
	t.Parallel()
	const repetitions = 54 // × 19 headers × 2 statuses = 2,052 runs
	for _, row := range retryAfterTable {
		for status, wait := range map[int]time.Duration{429: row.after429, 503: row.after503} {
			t.Run(fmt.Sprintf("%d %s", status, row.name), func(t *testing.T) {
				t.Parallel()
				for range repetitions {
					synctest.Test(t, func(t *testing.T) { checkRetryAfter(t, status, row.header, wait) })
				}
			})
		}
	}
}

func checkRetryAfter(t *testing.T, status int, header func(time.Time) http.Header, wait time.Duration) {
	var sent []time.Time
	client := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, time.Now())
		response := &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(inUseBody)), Request: r}
		if len(sent) == 1 {
			response.StatusCode, response.Header, response.Body = status, header(time.Now()), io.NopCloser(strings.NewReader(failureBody))
		}
		response.Header.Set("Content-Type", "application/json")
		return response, nil
	}))
	started := time.Now()
	_, err := client.Associations(t.Context(), ref(1))
	elapsed := time.Since(started)
	if wait > maxRetryWait {
		var failure *api.Error
		if !errors.As(err, &failure) || failure.StatusCode != status || len(sent) != 1 || elapsed != 0 {
			t.Fatalf("%d requests in %v, error %v; want the response at once", len(sent), elapsed, err)
		}
		if failure.RetryAfter != wait {
			t.Errorf("RetryAfter is %v, want %v", failure.RetryAfter, wait)
		}
		return
	}
	if err != nil || len(sent) != 2 {
		t.Fatalf("%d requests, error %v; want a response after 2", len(sent), err)
	}
	if got := sent[1].Sub(sent[0]); got < wait || got > wait+firstBackoff {
		t.Errorf("retried after %v, want %v and at most %v more", got, wait, firstBackoff)
	}
}
