package main

import (
	"bytes"
	"errors"
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

// The API fails each deletion without an effect and shows the certificate afterwards.
// The command waits for two minutes of synthetic time. Connections end with each
// response, so that only timers are waited for.
func TestUnknownOutcomeOfADeletionIsReported(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	scriptDeletion(t, server, "free-1", apitest.ServerError(502).Always())
	target, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host}))
	front.Config.SetKeepAlivesEnabled(false)
	front.Start()
	t.Cleanup(front.Close)
	environment := map[string]string{"CLOUDFLARE_API_TOKEN": testToken, "CLOUDFLARE_ACCOUNT_ID": testAccount, "CLOUDFLARE_BASE_URL": front.URL + target.Path}
	file := filepath.Join(t.TempDir(), "deleted.jsonl")
	var got outcome
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		start := time.Now()
		got.code = run(t.Context(), []string{"delete", "--yes", "-o", "jsonl", "--output-file", file, "free-1", "free-2"}, system{
			stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr,
			getenv: func(name string) string { return environment[name] },
		})
		got.stdout, got.stderr = stdout.String(), stderr.String()
		if took := time.Since(start); took < time.Minute || took > 3*time.Minute {
			t.Errorf("the outcome was checked for %v", took)
		}
	})
	checkOutput(t, got).expect(t, exitUnknown, "certuse: unknown: name of free-1 (free-1): ", "HTTP 502 Bad Gateway", "the outcome is unknown: the API still shows the certificate",
		"certuse: deleted: name of free-2 (free-2)\n", "1 deleted, 0 kept, 0 not found, 1 of unknown outcome.")
	text := textOf(t, file)
	record := decodeLines(t, text)
	if d := record["free-1"]; d.State != "unknown" || !d.DeletedAt.IsZero() || !strings.Contains(d.Reason, "the outcome is unknown") || record["free-2"].State != "deleted" {
		t.Errorf("%s", text)
	}
}

func TestDeletionsDecideTheExitCode(t *testing.T) {
	t.Parallel()
	gone := deletionOutcome{Deletion: api.Deletion{State: api.DeletionDone}}
	kept := func(err error) deletionOutcome {
		return deletionOutcome{Deletion: api.Deletion{State: api.DeletionKept}, err: err}
	}
	lost := deletionOutcome{Deletion: api.Deletion{State: api.DeletionUnknown}, err: api.ErrOutcomeUnknown}
	tests := map[string]struct {
		outcomes []deletionOutcome
		code     int
	}{
		"gone":                   {[]deletionOutcome{gone, gone}, exitOK},
		"unknown outcome":        {[]deletionOutcome{gone, lost}, exitUnknown},
		"in use, and unknown":    {[]deletionOutcome{lost, kept(api.ErrInUse)}, exitInUse},
		"managed":                {[]deletionOutcome{kept(api.ErrManaged)}, exitInUse},
		"refused comes first":    {[]deletionOutcome{kept(api.ErrInUse), kept(api.ErrForbidden)}, exitFailure},
		"Ctrl-C before in use":   {[]deletionOutcome{kept(api.ErrInUse), kept(errInterrupted)}, exitUnknown},
		"the time is over":       {[]deletionOutcome{kept(errTimeout)}, exitUnknown},
		"passed over, so no use": {[]deletionOutcome{{Deletion: api.Deletion{State: api.DeletionKept}, err: api.ErrInUse, notSelected: true}}, exitOK},
	}
	for name, test := range tests {
		s := newSummary(reportDelete, nil)
		for _, each := range test.outcomes {
			s.add(&record{lookedUp: true, usage: api.Unused, deletion: &each}, false, sampleTime)
		}
		code, err := exitOK, s.result(&query{})
		if exit, ok := errors.AsType[*exitError](err); ok {
			code = exit.code
		}
		if code != test.code {
			t.Errorf("%s: %d, want %d", name, code, test.code)
		}
	}
}

// The evidence is unused; then a use is added, and the API refuses the deletion.
func TestCertificateThatBecomesUsedIsKept(t *testing.T) {
	t.Parallel()
	server := newFake(t, nil)
	requireNoError(t,
		server.SetAssociations(ref("free"), api.Association{Service: "gateway", Status: "active"}),
		server.Script(apitest.AssociationsOf(ref("free")), unused))
	got := execute(t, command(t, environment(server), "delete", "--yes", "-o", "jsonl", "free"))
	got.expect(t, exitInUse, "certuse: kept: free: ", "The certificate cannot be deleted at this time", "not unused: 1 certificate in use")
	if d := decodeLines(t, got.stdout)["free"]; d.State != "kept" || d.Usage != "in_use" {
		t.Errorf("%+v", d)
	}
}

func TestDeletionByAnotherRequestIsReported(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	script(t, server, deleteCertificate, apitest.ServerError(502).After(3*time.Second))
	client, err := server.Client()
	if err != nil {
		t.Fatal(err)
	}
	first := command(t, environment(server), "delete", "--yes", "-o", "jsonl", "free-1")
	done := make(chan error, 1)
	go func() {
		for requests(server, deleteCertificate) == 0 && t.Context().Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		_, err := client.DeleteUnused(t.Context(), ref("free-1"))
		done <- err
	}()
	got := execute(t, first)
	if err := <-done; err != nil {
		t.Error(err)
	}
	got.expect(t, exitOK, "deleted: name of free-1 (free-1): already gone: another request has deleted it")
	if d := decodeLines(t, got.stdout)["free-1"]; d.State != "deleted" {
		t.Errorf("%+v", d)
	}
}

func TestDeleteCallsAgainAfterRetryAfter(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	// Every attempt of the first call.
	busy := apitest.RateLimited(time.Second)
	script(t, server, deleteCertificate, busy, busy, busy, busy)
	got := execute(t, command(t, environment(server), "delete", "--yes", "free-1", "free-2"))
	got.expect(t, exitOK, "for the rate limit before free-1\n", "2 deleted, 0 kept")
	if left := storedIDs(t, server); slices.Contains(left, "free-1") || slices.Contains(left, "free-2") {
		t.Errorf("left: %v", left)
	}
}
