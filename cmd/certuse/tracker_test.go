package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestTimeLeftIncludesWaitsForTheQuota(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	// feed reports a request every step until n are done.
	feed := func(tr *tracker, total, n int, step time.Duration) time.Time {
		now := start
		for i := 1; i <= n; i++ {
			now = now.Add(step)
			tr.update(api.InventoryProgress{Requests: i, Expected: total}, now)
		}
		return now
	}
	tests := map[string]struct {
		total, limit, done int
		want               time.Duration
	}{
		"nothing known yet":      {100, 1000, 0, -1},
		"done":                   {100, 1000, 100, -1},
		"below the quota":        {600, 1000, 100, 50 * time.Second},
		"no quota":               {3000, 0, 1000, 200 * time.Second},
		"one window to wait for": {2000, 1000, 1000, 300 * time.Second}, // the 1,000th was done just now
		"two windows":            {3000, 1000, 1000, 600 * time.Second},
		"part of a window":       {1500, 1000, 1000, 250 * time.Second},               // the 500th was done 50 s ago
		"limit not yet reached":  {3000, 1000, 500, 600*time.Second + 50*time.Second}, // 500 more, then two windows
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTracker(0, test.limit, start)
			now := feed(tr, test.total, test.done, 100*time.Millisecond)
			left, ok := tr.timeLeft(tr.last.Expected, now)
			if !ok {
				left = -1
			}
			if left != test.want {
				t.Errorf("left %v, want %v", left, test.want)
			}
		})
	}
}

// Only the delay by the rate limit is certain: the requests of the first minute may
// have waited for the end of an outage.
func TestLeastTimeOfFurtherRequestsIsThatOfTheRateLimit(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tr := newTracker(0, 1000, start)
	now := start.Add(time.Minute)
	tr.update(api.InventoryProgress{Requests: 600, Expected: 600}, now)
	for requests, want := range map[int]time.Duration{0: 0, 400: 0, 500: 5 * time.Minute, 1500: 10 * time.Minute} {
		if got := tr.leastTimeFor(requests, now); got != want {
			t.Errorf("%d requests take at least %v, want %v", requests, got, want)
		}
	}
	if left, ok := tr.timeLeft(tr.last.Expected, now); ok {
		t.Errorf("%v left", left)
	}
}

func TestTimeLeftExcludesPastWaits(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tr := newTracker(0, 1000, start)
	now := start.Add(10 * time.Second)
	tr.update(api.InventoryProgress{Requests: 100, Expected: 200, WaitingUntil: now.Add(5 * time.Minute)}, now)
	if left, _ := tr.timeLeft(tr.last.Expected, now); left != 5*time.Minute {
		t.Errorf("while blocked: %v left, want the five minutes of the wait", left)
	}
	if line := tr.line(now); !strings.Contains(line, "waiting 5m00s: rate limit or outage") || strings.Contains(line, "/s") {
		t.Errorf("while blocked the line is %q", line)
	}
	now = now.Add(5 * time.Minute)
	if left, _ := tr.timeLeft(tr.last.Expected, now); left != 10*time.Second {
		t.Errorf("at the end of the block: %v left for 100 requests at ten a second", left)
	}
	tr.update(api.InventoryProgress{Requests: 101, Expected: 200}, now)
	if left, _ := tr.timeLeft(tr.last.Expected, now); left < 9*time.Second || left > 11*time.Second {
		t.Errorf("after the block: %v left for 99 requests at ten a second", left)
	}
}

// The limit is the client's, not the tracker's: the client waits for a second after
// each five requests.
func TestTimeLeftIncludesShortWaits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tr := newTracker(0, 0, now)
	for done := 5; done <= 500; done += 5 {
		tr.update(api.InventoryProgress{Requests: done, Expected: 1000, WaitingUntil: now.Add(time.Second)}, now)
		now = now.Add(time.Second)
	}
	if left, _ := tr.timeLeft(tr.last.Expected, now); left < 90*time.Second || left > 110*time.Second {
		t.Errorf("%v left for 500 requests at five a second", left)
	}
}

func TestRateCoversTheLastSeconds(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, limit := range []int{0, 10, 1000} {
		tr := newTracker(0, limit, start)
		now, done := start, 0
		for range 20 { // 400 a second, then slower
			now = now.Add(time.Second)
			done += 400
			tr.update(api.InventoryProgress{Requests: done, Expected: 100_000}, now)
		}
		for range 20 {
			now = now.Add(time.Second)
			done += 5
			tr.update(api.InventoryProgress{Requests: done, Expected: 100_000}, now)
		}
		if line := tr.line(now); !strings.Contains(line, ", 5.0/s") {
			t.Errorf("limit %d: %q", limit, line)
		}
	}
}

func TestPlainProgressPrintsALineAtIntervals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out safeBuffer
		p := newPlain(&out, newTracker(1500, 1000, time.Now()))
		time.Sleep(500 * time.Millisecond) // so that no update coincides with a line
		for i := range 90 {
			time.Sleep(time.Second)
			done := (i + 1) * 10 // requests, two for each certificate
			p.update(api.InventoryProgress{Requests: done, Expected: 3000, InUse: i, Unused: done/2 - i - 2, Unknown: 2})
		}
		synctest.Wait()
		if n := strings.Count(out.String(), "\n"); n != 3 {
			t.Errorf("%d lines in 90 s:\n%s", n, out.String())
		}
		if !strings.Contains(out.String(), "certuse: 145/1,500, 28 in use, 2 unknown, 10.0/s, 11m") {
			t.Errorf("no facts:\n%s", out.String())
		}
		lines := strings.Count(out.String(), "\n")
		for range 3 { // the same wait, reported repeatedly
			p.update(api.InventoryProgress{Requests: 900, Expected: 3000, WaitingUntil: time.Now().Add(4 * time.Minute)})
		}
		if n := strings.Count(out.String(), "\n") - lines; n != 1 || !strings.Contains(out.String(), "waiting 4m00s: rate limit or outage") {
			t.Errorf("%d lines about a wait:\n%s", n, out.String())
		}
		p.stop()
		p.stop()
	})
}

// In an outage the client waits for two seconds before each request.
func TestPlainProgressAnnouncesRepeatedWaitsOncePerInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out safeBuffer
		p := newPlain(&out, newTracker(0, 1000, time.Now()))
		for began := time.Now(); time.Since(began) < 88*time.Second; time.Sleep(2 * time.Second) {
			p.update(api.InventoryProgress{WaitingUntil: time.Now().Add(2 * time.Second)})
		}
		p.stop()
		time.Sleep(plainInterval)
		p.update(api.InventoryProgress{WaitingUntil: time.Now().Add(time.Minute)}) // not printed
		// The waits at 0, 30 and 60 s, and a line at 30 and 60 s.
		if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 5 || lines[0] != "certuse: no certificate listed yet, waiting 2s: rate limit or outage" {
			t.Errorf("%d lines in 88 s:\n%s", len(lines), out.String())
		}
	})
}

type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// The API limits the rate for longer than the --timeout.
func TestNoProgressLineFollowsTheTimeout(t *testing.T) {
	t.Parallel()
	var items []string
	for i := range 40 {
		items = append(items, fmt.Sprintf(`{"id":"x%d","ca":false}`, i))
	}
	transport := roundTrip(func(r *http.Request) *http.Response {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/associations") {
			w.Header().Set("Retry-After", "300")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		_, _ = w.WriteString(`{"success":true,"errors":[],"messages":[],"result":[` + strings.Join(items, ",") + `]}`)
		return w.Result()
	})
	for range 30 { // the timeout comes before, between or after the results
		synctest.Test(t, func(t *testing.T) {
			client, err := api.New(api.APIToken(testToken), api.WithHTTPClient(&http.Client{Transport: transport}))
			requireNoError(t, err)
			var stdout, stderr safeBuffer
			q := &query{sys: system{stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}, kind: reportAudit, timeout: durationFlag{45 * time.Second, "45s", true}}
			q.format = "table"
			ctx, cancel := q.withTimeout(t.Context())
			defer cancel()
			err = q.lookUp(ctx, []target{{account: testAccount, access: access{client, []api.Source{api.SourceAssociations}}}}, 0, &destination{Writer: &stdout})
			before, after, _ := strings.Cut(stderr.String(), "the --timeout of 45s is over: printing what is known\n")
			if _, ok := errors.AsType[*exitError](err); !ok || !strings.Contains(before, "waiting ") || strings.Contains(after, "waiting ") {
				t.Errorf("%v:\n%s", err, stderr.String())
			}
		})
	}
}

func TestProgressOfDeletionsReplacesThatOfTheLookups(t *testing.T) {
	t.Parallel()
	client, err := newDeletionServer(t).Client()
	if err != nil {
		t.Fatal(err)
	}
	q := &query{kind: reportDelete, deletion: deletion{yes: true, unused: true, maxUnused: 10}}
	p := newPlain(&safeBuffer{}, newTracker(0, 1000, time.Now()))
	defer p.stop()
	var lines []string
	requireNoError(t, q.deleteAll(t.Context(), target{account: testAccount, access: access{client: client}}, p, func(r record) bool {
		if r.state() == "deleted" {
			lines = append(lines, p.line(time.Now()))
		}
		return true
	}))
	if got := strings.Join(lines, "; "); got != "0/3 deletions done; 1/3 deletions done; 2/3 deletions done" {
		t.Errorf("the lines are %q", got)
	}
}

func TestDeletePrintsTheLeastTimeOfAllDeletions(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	execute(t, command(t, environment(server), "delete", "--unused")).expect(t, exitUnknown)
	plan := count(len(server.Requests()) + 2)
	for args, says := range map[string]string{
		"--rate-limit 15 free-1 free-2":             "; if each does, all take at least 5m00s\n",
		"--unused --max 3 --rate-limit " + plan:     " requests, which take at least ",
		"--unused --max 3 --demo --rate-limit 1000": "certuse: 2 deletions: about ",
	} {
		p := start(t, command(t, environment(newDeletionServer(t)), strings.Fields("delete --yes "+args)...))
		eventually(t, says, func() bool { return strings.Contains(p.stderr.String(), says) })
		p.signal(t, os.Kill) // with the lower limits, the command would wait for minutes
		if got := p.end(t); strings.Contains(got.stderr, "at least 0s") {
			t.Errorf("%s:\n%s", args, got.stderr)
		}
	}
}

func TestProgressContinuesAcrossAccounts(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tr := newTracker(0, 1000, start)
	tr.update(api.InventoryProgress{Requests: 30, Expected: 40, InUse: 10, Unknown: 2, Certificates: 12}, start)
	tr.nextAccount()
	tr.update(api.InventoryProgress{Requests: 5, Expected: 20, InUse: 1, Unused: 1, Certificates: 8}, start.Add(time.Second))
	if line := tr.line(start.Add(time.Second)); !strings.HasPrefix(line, "14/20, 11 in use, 2 unknown, ") {
		t.Error(line)
	}
	if done, total := tr.requests(); done != 35 || total != 50 {
		t.Errorf("%d of %d requests", done, total)
	}
}

func TestDurationsHaveAtMostTwoUnits(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 1499 * time.Millisecond: "1s", 59600 * time.Millisecond: "1m00s",
		252 * time.Second: "4m12s", 3725 * time.Second: "1h02m", 85 * time.Hour: "85h00m",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("formatDuration(%v) = %q, want %q", d, got, want)
		}
	}
}
