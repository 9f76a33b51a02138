//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestKilledDeletionKeepsItsRecord(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	scriptDeletion(t, server, "free-2", apitest.Hang())
	file := filepath.Join(t.TempDir(), "deleted.jsonl")
	p := start(t, command(t, environment(server), "delete", "--yes", "-o", "jsonl", "--output-file", file, "free-1", "free-2"))
	eventually(t, "the second deletion", func() bool { return requests(server, deleteCertificate) == 2 })
	requireNoError(t, p.cmd.Process.Kill())
	p.end(t)
	text := textOf(t, file)
	if record := decodeLines(t, text); len(record) != 1 || record["free-1"].State != "deleted" {
		t.Errorf("%s", text)
	}
}

func TestInterruptOfADeletionStopsBetweenTwoCertificates(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	scriptDeletion(t, server, "free-2", apitest.ServerError(502).After(2*time.Second)) // then sent again
	file := filepath.Join(t.TempDir(), "deleted.jsonl")
	p := start(t, command(t, environment(server), "delete", "--yes", "-o", "jsonl", "--output-file", file, "free-1", "free-2", "free-3"))
	eventually(t, "the second deletion", func() bool { return requests(server, deleteCertificate) == 2 })
	p.signal(t, os.Interrupt)
	got := p.end(t)
	got.expect(t, exitUnknown, "stopping after this certificate, free-2; after half a second", "certuse: deleted: name of free-1 (free-1)\n", "certuse: deleted: name of free-2 (free-2)\n", "2 deleted, 1 kept")
	text := textOf(t, file)
	record := decodeLines(t, text)
	if record["free-1"].State != "deleted" || record["free-2"].State != "deleted" || record["free-3"].Reason != "not looked up: interrupted" {
		t.Errorf("%s", text)
	}
	if left := storedIDs(t, server); slices.Contains(left, "free-2") || !slices.Contains(left, "free-3") {
		t.Errorf("left: %v", left)
	}
}

func TestNoDeletionBeginsAfterAnInterruptOrTheTimeout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args   []string
		signal bool
		says   string
	}{
		"interrupt": {[]string{"delete", "--yes", "free-1", "free-2"}, true, "interrupted"},
		"timeout":   {[]string{"delete", "--yes", "--timeout", "1s", "free-1", "free-2"}, false, "the --timeout of 1s is over"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newDeletionServer(t)
			script(t, server, "listWorkers", apitest.Hang().Always())
			start, before := start(t, command(t, environment(server), tt.args...)), time.Now()
			eventually(t, "the request that hangs", func() bool { return requests(server, "listWorkers") == 1 })
			if tt.signal {
				start.signal(t, os.Interrupt)
			}
			start.end(t).expect(t, exitUnknown, tt.says, "0 deleted, 2 kept")
			if took := time.Since(before); took > 20*time.Second { // an attempt times out after 30 s
				t.Errorf("ended after %v", took)
			}
			if n := requests(server, deleteCertificate); n != 0 {
				t.Errorf("%d requests to delete", n)
			}
		})
	}
}

func TestPlanThatEndsEarlyExitsWith3EvenIfOneIsInUse(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse, "slow": apitest.Hang()})
	got := execute(t, command(t, environment(server), "delete", "--timeout", "2s", "-o", "jsonl", "used", "slow"))
	got.expect(t, exitUnknown, "1 in use, 0 unused, 1 unknown", "0 would be deleted, 2 kept")
	if reason := decodeLines(t, got.stdout)["slow"].Reason; reason != "not looked up: the --timeout is over" {
		t.Errorf("reason %q", reason)
	}
}

func TestInterruptEndsTheWaitBeforeAnotherCallToDelete(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	script(t, server, deleteCertificate, apitest.RateLimited(10*time.Minute).Always())
	p := start(t, command(t, environment(server), "delete", "--yes", "free-1", "free-2"))
	eventually(t, "the deletion that is refused", func() bool { return requests(server, deleteCertificate) > 0 })
	p.signal(t, os.Interrupt)
	p.end(t).expect(t, exitUnknown, "certuse: kept: name of free-1 (free-1): interrupted\n", "0 deleted, 2 kept")
}

func TestNoDeletionBeginsAfterOneWasForbidden(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"named":    {"free-1", "free-2", "free-3"},
		"--unused": {"--unused", "--max", "3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newDeletionServer(t)
			script(t, server, deleteCertificate, apitest.Forbidden().Always())
			got := execute(t, command(t, environment(server), append([]string{"delete", "--yes", "-o", "jsonl"}, args...)...))
			got.expect(t, exitFailure, "0 deleted, ", `needs the permission "Account: SSL and Certificates Write"`)
			if n := requests(server, deleteCertificate); n != 1 {
				t.Errorf("%d requests to delete", n)
			}
			kept := 0
			for _, r := range decodeLines(t, got.stdout) {
				if r.State == "kept" && strings.HasSuffix(r.Reason, "the credentials may not delete in this account") {
					kept++
				}
			}
			if kept != 2 {
				t.Errorf("%d kept: %s", kept, got.stdout)
			}
		})
	}
}
