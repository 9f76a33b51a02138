package main

import (
	"bytes"
	"maps"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

// runInBubble runs a command in synthetic time and returns the time that it took. A
// proxy closes each connection after its response, because a read from an idle
// connection would stop the synthetic clock.
func runInBubble(t *testing.T, server *apitest.Server, args ...string) (got outcome, took time.Duration) {
	t.Helper()
	target, err := url.Parse(server.URL())
	requireNoError(t, err)
	front := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host}))
	front.Config.SetKeepAlivesEnabled(false)
	front.Start()
	defer front.Close()
	environment := map[string]string{"CLOUDFLARE_API_TOKEN": testToken, "CLOUDFLARE_ACCOUNT_ID": testAccount, "CLOUDFLARE_BASE_URL": front.URL + target.Path}
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		start := time.Now()
		got.code = run(t.Context(), args, system{
			stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr,
			getenv: func(name string) string { return environment[name] },
		})
		got.stdout, got.stderr, took = stdout.String(), stderr.String(), time.Since(start)
	})
	return checkOutput(t, got), took
}

// Two of the deletions fail without an effect, and the API still shows the
// certificates. The command checks each for nearly two minutes.
func TestUnknownOutcomeOfADeletionIsReported(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	scriptDeletion(t, server, "free-1", apitest.ServerError(502).Always())
	scriptDeletion(t, server, "free-3", apitest.NotFound().Always()) // although it is there
	file := filepath.Join(t.TempDir(), "deleted.jsonl")
	got, took := runInBubble(t, server, "delete", "--yes", "-o", "jsonl", "--output-file", file, "free-1", "free-2", "free-3")
	if took < 3*time.Minute || took > 5*time.Minute {
		t.Errorf("the outcomes were checked for %v", took)
	}
	got.expect(t, exitUnknown, "certuse: unknown: name of free-1 (free-1): ", "HTTP 502 Bad Gateway", "the outcome is unknown: the API still shows the certificate",
		"certuse: deleted: name of free-2 (free-2)\n", "1 deleted, 0 kept, 0 not found, 2 of unknown outcome.")
	text := textOf(t, file)
	record := decodeLines(t, text)
	for _, id := range []string{"free-1", "free-3"} {
		if d := record[id]; d.State != "unknown" || !d.DeletedAt.IsZero() || !strings.Contains(d.Reason, "the outcome is unknown") || record["free-2"].State != "deleted" {
			t.Errorf("%s: %s", id, text)
		}
	}
}

func TestDeleteCallsAgainAfterRetryAfter(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	// The responses to all attempts of the first call.
	busy := apitest.RateLimited(time.Second)
	script(t, server, deleteCertificate, busy, busy, busy, busy)
	got := execute(t, command(t, environment(server), "delete", "--yes", "free-1", "free-2"))
	got.expect(t, exitOK, "certuse: waiting 1s for the rate limit before free-1\n", "2 deleted, 0 kept")
	if left := storedIDs(t, server); slices.Contains(left, "free-1") || slices.Contains(left, "free-2") {
		t.Errorf("left: %v", left)
	}
	deletions := slices.DeleteFunc(server.Requests(), func(r apitest.Request) bool { return r.Operation != deleteCertificate })
	if wait := deletions[4].Time.Sub(deletions[3].Time); wait < time.Second {
		t.Errorf("called again after %v", wait)
	}
}

func TestARateLimitedDeletionIsCalledFiveTimesAtMost(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]struct {
		calls       int
		least, most time.Duration
	}{
		10 * time.Minute: {5, 40 * time.Minute, 41 * time.Minute},
		15 * time.Minute: {5, 60 * time.Minute, 61 * time.Minute},
		16 * time.Minute: {1, 0, time.Minute},
	} {
		t.Run(wait.String(), func(t *testing.T) {
			t.Parallel()
			server := newDeletionServer(t)
			script(t, server, deleteCertificate, apitest.RateLimited(wait).Always())
			got, took := runInBubble(t, server, "delete", "--yes", "-o", "jsonl", "free-1")
			got.expect(t, exitFailure, "0 deleted, 1 kept")
			if n := strings.Count(got.stderr, "for the rate limit before free-1"); n != want.calls-1 || took < want.least || took > want.most {
				t.Errorf("%d further calls in %v, want %d in %v:\n%s", n, took, want.calls-1, want.least, got.stderr)
			}
			if d := decodeLines(t, got.stdout)["free-1"]; d.State != "kept" || d.Usage != "unused" {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestTheTimeoutEndsTheWaitForTheRateLimitOfADeletion(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	script(t, server, deleteCertificate, apitest.RateLimited(10*time.Minute).Always())
	got, took := runInBubble(t, server, "delete", "--yes", "--timeout", "2m", "-o", "jsonl", "free-1", "free-2")
	got.expect(t, exitUnknown, "certuse: kept: name of free-1 (free-1): the --timeout is over\n", "0 deleted, 2 kept")
	if d := decodeLines(t, got.stdout)["free-1"]; took > 3*time.Minute || d.State != "kept" || d.Usage != "unused" {
		t.Errorf("after %v: %+v", took, d)
	}
}

// The first attempt may have deleted the certificate, and the others were refused.
func TestADeletionOfUnknownOutcomeIsNotCalledAgain(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	busy := apitest.RateLimited(time.Second)
	script(t, server, deleteCertificate, apitest.ServerError(502), busy, busy, busy)
	got, _ := runInBubble(t, server, "delete", "--yes", "free-1")
	got.expect(t, exitUnknown, "certuse: unknown: name of free-1 (free-1): ", "1 of unknown outcome")
	if n := requests(server, deleteCertificate); n != 4 {
		t.Errorf("%d requests to delete, want 4", n)
	}
}

func TestDeletePrintsTheLeastTimeThatTheRateLimitAllows(t *testing.T) {
	t.Parallel()
	const note = "; if each does, all take at least "
	each := func(t *testing.T) int { // requests
		server := newDeletionServer(t)
		execute(t, command(t, environment(server), "delete", "--yes", "free-1")).expect(t, exitOK, "1 deleted")
		return len(server.Requests())
	}(t)
	for name, tt := range map[string]struct {
		limit int
		want  string
	}{
		"both fit": {2 * each, ""}, "the second waits": {2*each - 1, "5m00s"}, "each waits": {each, "5m00s"}, "no limit": {0, ""},
	} {
		got, _ := runInBubble(t, newDeletionServer(t), "delete", "--yes", "--rate-limit", count(tt.limit), "free-1", "free-2")
		if _, least, _ := strings.Cut(got.stderr, note); !strings.HasPrefix(least, tt.want) || (least == "") != (tt.want == "") {
			t.Errorf("%s: want %q:\n%s", name, tt.want, got.stderr)
		}
	}
}

// Without --no-zones, the hostnames of a CA are unknown if the token sees no zone.
func TestACAWithoutZonesIsUnusedOnlyWithNoZones(t *testing.T) {
	t.Parallel()
	const id = "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"
	for _, args := range []string{"delete --yes", "wait --timeout 1m"} {
		server := newFake(t, nil)
		requireNoError(t, server.AddCertificate(ref(id), apitest.Certificate{CA: true}))
		without, _ := runInBubble(t, server, append(strings.Fields(args), "-o", "jsonl", id)...)
		without.expect(t, exitUnknown)
		if d := decodeLines(t, without.stdout)[id]; d.Usage != "unknown" || len(storedIDs(t, server)) != 1 {
			t.Errorf("%s: %+v", args, d)
		}
		with, _ := runInBubble(t, server, append(strings.Fields(args), "-o", "jsonl", "--no-zones", id)...)
		with.expect(t, exitOK)
		if d := decodeLines(t, with.stdout)[id]; d.Usage != "unused" || (len(storedIDs(t, server)) == 0) != (d.State == "deleted") {
			t.Errorf("%s --no-zones: %+v", args, d)
		}
	}
}

// The first page has an unused certificate, and the second page fails.
func TestNothingIsDeletedIfTheListIsNotReadInFull(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	page := apitest.JSON(200, `{"success":true,"errors":[],"messages":[],"result":[{"id":"free-1","type":"custom","ca":false}],
		"result_info":{"page":1,"per_page":1,"count":1,"total_count":2,"total_pages":2}}`)
	script(t, server, listCertificates, page, apitest.NotFound().After(time.Second).Times(1))
	got := execute(t, command(t, environment(server), "delete", "--unused", "--yes", "--max", "9", "-o", "jsonl"))
	got.expect(t, exitFailure, "0 deleted, 1 kept", "Not all certificates were read.")
	if d := decodeLines(t, got.stdout)["free-1"]; d.State != "kept" || d.Usage != "unused" || !strings.Contains(d.Reason, "not all certificates were read") {
		t.Errorf("%s", got.stdout)
	}
	if n := requests(server, deleteCertificate); n != 0 {
		t.Errorf("%d requests to delete", n)
	}
}

func TestNoDeletionIsAnnouncedIfNothingIsUnused(t *testing.T) {
	t.Parallel()
	got := execute(t, command(t, environment(newFake(t, map[string]apitest.Response{"used": inUse})), "delete", "--unused", "--yes", "--max", "1"))
	if got.expect(t, exitOK, "0 deleted, 1 kept"); strings.Contains(got.stderr, "about") {
		t.Errorf("%s", got.stderr)
	}
}

// Only the API's own 404 for the certificate itself shows that it does not exist.
func TestOther404sAreNoMissingCertificate(t *testing.T) {
	t.Parallel()
	for name, associations := range map[string]apitest.Response{"associations": apitest.NotFound(), "proxy": unused} {
		server := newFake(t, map[string]apitest.Response{"free-1": associations})
		if name == "proxy" {
			script(t, server, "getMTLSCertificate", apitest.EdgePage(404).Always())
		}
		for _, args := range [][]string{{"delete"}, {"delete", "--yes"}} {
			got := execute(t, command(t, environment(server), append(args, "-o", "jsonl", "free-1")...))
			if got.expect(t, exitUnknown, "1 kept, 0 not found"); decodeLines(t, got.stdout)["free-1"].State != "kept" {
				t.Errorf("%s, %s: %s", name, args, got.stdout)
			}
		}
	}
}

func TestThePlanRefusesWhatDeleteUnusedRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind  string
		usage api.Usage
		want  error
		says  string
	}{
		"unused":           {"custom", api.Unused, nil, ""},
		"in use":           {"custom", api.InUse, api.ErrInUse, ""},
		"unknown":          {"custom", api.UsageUnknown, api.ErrUsageUnknown, ""},
		"managed":          {"gateway_managed", api.Unused, api.ErrManaged, "managed by the vendor: gateway_managed"},
		"without a type":   {"", api.Unused, api.ErrManaged, "the API does not report its type"},
		"no type, in use":  {"", api.InUse, api.ErrInUse, ""},
		"no type, unknown": {"", api.UsageUnknown, api.ErrUsageUnknown, ""},
	} {
		r := &record{usage: tt.usage}
		r.Certificate.Type, r.Evidence.Sources = tt.kind, make([]api.SourceResult, len(api.AllSources()))
		got := refusal(r)
		r.markKept(got)
		if got != tt.want || tt.says != "" && r.reason() != tt.says {
			t.Errorf("%s: %v, %q; want %v, %q", name, got, r.reason(), tt.want, tt.says)
		}
	}
}

func TestAnEmptyFileIsNoRecord(t *testing.T) {
	t.Parallel()
	server, file := newDeletionServer(t), fileWith(t, "")
	execute(t, command(t, environment(server), "delete", "--yes", "-o", "jsonl", "--output-file", file, "free-1")).expect(t, exitOK, "1 deleted")
	states := map[string]string{}
	for id, d := range decodeLines(t, textOf(t, file)) {
		states[id] = d.State
	}
	if !maps.Equal(states, map[string]string{"free-1": "deleted"}) {
		t.Errorf("%v", states)
	}
	one := fileWith(t, "x")
	execute(t, command(t, environment(server), "delete", "--yes", "-o", "jsonl", "--output-file", one, "free-2")).expect(t, exitUsage, "may be the record")
}
