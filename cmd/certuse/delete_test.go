package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestDeletePrintsAPlanAndDeletesNothing(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	tests := map[string]struct {
		args string
		code int
		says string
		plan map[string]string
	}{
		"unused":             {"free-1 free-2", exitOK, "2 would be deleted, 0 kept, 0 not found. Nothing was deleted: --yes deletes.", map[string]string{"free-1": "planned", "free-2": "planned"}},
		"in use":             {"free-1 used", exitInUse, "1 certificate in use or managed", map[string]string{"free-1": "planned", "used": "kept"}},
		"managed":            {"managed", exitInUse, "1 certificate in use or managed", map[string]string{"managed": "kept"}},
		"unknown":            {"free-1 secret", exitUnknown, "missing permissions", map[string]string{"free-1": "planned", "secret": "kept"}},
		"not there":          {"nowhere", exitUnknown, "0 would be deleted, 0 kept, 1 not found", map[string]string{"nowhere": "not_found"}},
		"the account":        {"--unused", exitUnknown, "3 would be deleted, 3 kept", map[string]string{"free-1": "planned", "free-2": "planned", "free-3": "planned", "used": "kept", "secret": "kept", "managed": "kept"}},
		"in use and unknown": {"used secret", exitInUse, "0 would be deleted, 2 kept", map[string]string{"used": "kept", "secret": "kept"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"delete", "-o", "jsonl"}, strings.Fields(test.args)...)
			got := execute(t, command(t, environment(server), args...))
			got.expect(t, test.code, test.says)
			plan := map[string]string{}
			for id, d := range decodeLines(t, got.stdout) {
				if plan[id] = d.State; (d.Reason == "") != (d.State == "planned") {
					t.Errorf("%+v", d)
				}
			}
			if !maps.Equal(plan, test.plan) {
				t.Errorf("%v, want %v", plan, test.plan)
			}
		})
	}
	t.Cleanup(func() {
		if n := requests(server, deleteCertificate); n > 0 {
			t.Errorf("%d requests to delete", n)
		}
	})
}

func TestDeleteReportsEachOutcome(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	file := filepath.Join(t.TempDir(), "deleted.jsonl")
	got := execute(t, command(t, environment(server), "delete", "--yes", "-o", "jsonl", "--output-file", file, "free-1", "used", "managed", "secret", "nowhere", "free-2"))
	got.expect(t, exitInUse, "certuse: deleted: name of free-1 (free-1)\n", "certuse: deleted: name of free-2 (free-2)\n",
		"certuse: kept: name of used (used): in use: associations: gateway (active)\n", "certuse: kept: name of managed (managed): managed by the vendor: gateway_managed\n",
		"certuse: kept: name of secret (secret): usage unknown: associations: no permission\n", "certuse: not found: nowhere: the API does not have it: it was deleted before, or the id or the account is wrong\n", "2 deleted, 3 kept, 1 not found, 0 of unknown outcome.")
	text := textOf(t, file)
	record := decodeLines(t, text)
	if len(record) != 6 || record["nowhere"].State != "not_found" {
		t.Errorf("the record is %s", text)
	}
	if r := record["free-1"]; r.State != "deleted" || r.DeletedAt.IsZero() || r.RayID == "" || r.Usage != "unused" {
		t.Errorf("the record of free-1 is %+v", r)
	}
	again := execute(t, command(t, environment(server), "delete", "--yes", "--output-file", file, "free-3"))
	again.expect(t, exitUsage, "--output-file: "+file+" exists and may be the record of earlier deletions")
	if kept := textOf(t, file); kept != text {
		t.Errorf("the record was replaced: %s", kept)
	}
	if left := storedIDs(t, server); !slices.Equal(left, []string{"free-3", "managed", "secret", "used"}) {
		t.Errorf("left: %v", left)
	}
	if n := requests(server, deleteCertificate); n != 2 {
		t.Errorf("%d requests to delete, want 2", n)
	}
}

func TestDeleteEndsAtTheTimeout(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	got := execute(t, command(t, environment(server), "delete", "--yes", "--timeout", "1ns", "-o", "jsonl", "free-1"))
	got.expect(t, exitUnknown, "the --timeout of 1ns is over", "0 deleted, 1 kept")
	if left := storedIDs(t, server); !slices.Equal(left, allStored) || decodeLines(t, got.stdout)["free-1"].Reason != "not looked up: the --timeout is over" {
		t.Errorf("left: %v; %s", left, got.stdout)
	}
}

func TestDeleteExitsWith0IfAllAreGone(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	cmd := command(t, environment(server), "delete", "--yes", "--from", "-", "-o", "id")
	cmd.Stdin = strings.NewReader("free-1\nfree-2\n")
	got := execute(t, cmd)
	got.expect(t, exitOK, "2 deleted, 0 kept")
	if left := storedIDs(t, server); got.stdout != "free-1\nfree-2\n" || !slices.Equal(left, []string{"free-3", "managed", "secret", "used"}) {
		t.Errorf("printed %q, left: %v", got.stdout, left)
	}
}

func TestDeleteUnusedRespectsMax(t *testing.T) {
	t.Parallel()
	for limit, want := range map[string]struct {
		code int
		says string
		left []string
	}{
		"2": {exitFailure, "certuse: not deleted: 3 certificates: more than --max 2 are unused: nothing was deleted\n", allStored},
		"3": {exitUnknown, "3 deleted, 3 kept", []string{"managed", "secret", "used"}}, // secret is unknown
	} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			server := newDeletionServer(t)
			execute(t, command(t, environment(server), "delete", "--unused", "--yes", "--max", limit)).expect(t, want.code, want.says)
			if left := storedIDs(t, server); !slices.Equal(left, want.left) {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// The error of a page of the list is about the list, not about the listed certificates.
func TestCertificatesOfAListThatEndsWith404AreKept(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"slow": unused.After(time.Hour), "slower": unused.After(time.Hour)})
	page := apitest.JSON(200, `{"success":true,"errors":[],"messages":[],"result":[{"id":"slow","type":"custom","ca":false},{"id":"slower","type":"custom","ca":false}],
		"result_info":{"page":1,"per_page":2,"count":2,"total_count":4,"total_pages":2}}`)
	script(t, server, listCertificates, page, apitest.NotFound().Always())
	got := execute(t, command(t, environment(server), "delete", "--unused", "--yes", "--max", "9", "-o", "jsonl"))
	got.expect(t, exitUnknown, "0 deleted, 2 kept, 0 not found", "HTTP 404", "Not all certificates were read.")
	lines := decodeLines(t, got.stdout)
	if slow := lines["slow"]; len(lines) != 2 || slow.State != "kept" || slow.Usage != "unknown" || !strings.Contains(slow.Reason, "usage unknown") {
		t.Errorf("%s", got.stdout)
	}
}

func TestDeleteUnusedPrintsHowManyRequestsFollow(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	zone := strings.Repeat("c", 32)
	root := ref("2458ce5a-0c35-4c7f-82c7-8e9487d3ff60")
	requireNoError(t, server.AddCertificate(root, apitest.Certificate{CA: true}), server.AddZone(testAccount, apitest.Zone{ID: zone, Name: "example.com"}))
	execute(t, command(t, environment(server), "delete", "--unused")).expect(t, exitUnknown, "4 would be deleted")
	plan := len(server.Requests())
	got := execute(t, command(t, environment(server), "delete", "--unused", "--yes", "--max", "4"))
	got.expect(t, exitUnknown, fmt.Sprintf("certuse: 4 deletions: about %d requests", len(server.Requests())-2*plan))
}

func TestDeletePrintsHowManyRequestsTheFirstOfSeveralTook(t *testing.T) {
	t.Parallel()
	const took = "the first of "
	server := newDeletionServer(t)
	one := execute(t, command(t, environment(server), "delete", "--yes", "free-1"))
	one.expect(t, exitOK, "1 deleted")
	if strings.Contains(one.stderr, took) {
		t.Errorf("%s", one.stderr)
	}
	each := len(server.Requests())
	got := execute(t, command(t, environment(server), "delete", "--yes", "free-2", "used", "free-3"))
	got.expect(t, exitInUse, fmt.Sprintf("certuse: deleted: name of free-2 (free-2)\ncertuse: the first of 3 certificates took %d requests\n", each))
	if n := strings.Count(got.stderr, took); n != 1 || strings.Contains(got.stderr, "at least") {
		t.Errorf("%d notes:\n%s", n, got.stderr)
	}
	before := len(server.Requests())
	missing := execute(t, command(t, environment(server), "delete", "--yes", "nowhere", "neither"))
	missing.expect(t, exitUnknown, "2 not found")
	if each := (len(server.Requests()) - before) / 2; !strings.Contains(missing.stderr, fmt.Sprintf("%s2 certificates took %s\n", took, plural(each, "request"))) {
		t.Errorf("%d requests:\n%s", each, missing.stderr)
	}
}

// After three refusals, most of the associations are not requested.
func TestRequestsThatWereNotSentDoNotCountForDeletions(t *testing.T) {
	t.Parallel()
	responses := map[string]apitest.Response{"free": unused}
	for n := range 100 {
		responses[fmt.Sprintf("refused-%d", n)] = refused
	}
	server := newFake(t, responses)
	got := execute(t, command(t, environment(server), "delete", "--unused", "--yes", "--max", "1"))
	got.expect(t, exitUnknown, "certuse: 1 deletion: about 10 requests", "1 deleted, 100 kept")
}

// --unused does not select used or managed certificates: the exit code ignores them.
func TestDeleteUnusedExitsWith0DespiteUsedAndManaged(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse, "free": unused})
	requireNoError(t, server.AddCertificate(ref("managed"), apitest.Certificate{Type: "access_managed"}))
	execute(t, command(t, environment(server), "delete", "--unused")).expect(t, exitOK, "1 would be deleted, 2 kept")
	execute(t, command(t, environment(server), "delete", "--unused", "--yes", "--max", "1")).expect(t, exitOK, "1 deleted, 2 kept")
}

func TestRefusedDeletionIsReported(t *testing.T) {
	t.Parallel()
	for says, response := range map[string]apitest.Response{
		`needs the permission "Account: SSL and Certificates Write"`: apitest.Forbidden(),
		"cannot be deleted at this time":                             apitest.Failure(400, api.ErrorDetail{Code: 1433, Message: "cannot be deleted at this time"}),
		"retry after 15m1s":                                          apitest.RateLimited(15*time.Minute + time.Second), // not waited for
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			server := newDeletionServer(t)
			script(t, server, deleteCertificate, response.Always())
			got := execute(t, command(t, environment(server), "delete", "--yes", "-o", "jsonl", "free-1"))
			got.expect(t, exitFailure, "certuse: kept: name of free-1 (free-1): ", "certuse: not deleted: 1 certificate: ", says)
			if d := decodeLines(t, got.stdout)["free-1"]; d.State != "kept" || !strings.Contains(d.Reason, says) {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestHostileTextOfADeletionIsEscaped(t *testing.T) {
	t.Parallel()
	const takeover = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\r\n"
	server := newFake(t, nil)
	requireNoError(t,
		server.AddCertificate(ref("free"), apitest.Certificate{Name: takeover}),
		server.AddCertificate(ref("used"), apitest.Certificate{Name: takeover, Type: takeover}),
		server.Script(apitest.Target{Operation: deleteCertificate}, apitest.Failure(400, api.ErrorDetail{Code: 1, Message: takeover}).Always()))
	for _, format := range formatNames() {
		got := execute(t, command(t, environment(server), "delete", "--yes", "-o", format, "free", "used"))
		got.expect(t, exitFailure, "0 deleted, 2 kept")
		got.expectPrintable(t)
	}
}

func TestDeleteWorksInTheDemo(t *testing.T) {
	t.Parallel()
	execute(t, command(t, nil, "delete", "--demo", "--unused")).expect(t, exitUnknown, "2 would be deleted, 6 kept")
	execute(t, command(t, nil, "delete", "--demo", "--unused", "--yes", "--max", "2")).expect(t, exitUnknown, "certuse: deleted: partner-root (", "2 deleted, 6 kept")
}

func TestDeleteRefusesWrongUsage(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	for args, says := range map[string]string{
		"delete":                                      "no certificate is named",
		"delete --yes":                                "no certificate is named",
		"delete --unused --yes":                       "--unused --yes needs --max N",
		"delete --unused free-1":                      "certificates are named twice",
		"delete --unused --from x":                    "certificates are named twice",
		"delete --max 3 free-1":                       "--max is for --unused",
		"delete --unused --max 0":                     "--max: 0 is less than 1",
		"delete --unused --yes --max=-1":              "--max: -1 is less than 1",
		"delete --unused --yes --max x":               `--max: "x" is not a number`,
		"delete --sources associations free-1":        "unknown flag: --sources",
		"delete --expires-within 3d --unused":         "unknown flag: --expires-within",
		"delete --yes free-1 ../x":                    "argument 2",
		"delete --account a,b --unused --yes --max 9": "--unused --yes is for one account, not 2",
	} {
		execute(t, command(t, environment(server), strings.Fields(args)...)).expect(t, exitUsage, says)
	}
	expectNoRequests(t, server)
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
		"deleted":                            {[]deletionOutcome{gone, gone}, exitOK},
		"unknown outcome":                    {[]deletionOutcome{gone, lost}, exitUnknown},
		"in use outranks an unknown outcome": {[]deletionOutcome{lost, kept(api.ErrInUse)}, exitInUse},
		"managed":                            {[]deletionOutcome{kept(api.ErrManaged)}, exitInUse},
		"a refusal outranks in use":          {[]deletionOutcome{kept(api.ErrInUse), kept(api.ErrForbidden)}, exitFailure},
		"Ctrl-C outranks in use":             {[]deletionOutcome{kept(api.ErrInUse), kept(errInterrupted)}, exitUnknown},
		"the --timeout is over":              {[]deletionOutcome{kept(errTimeout)}, exitUnknown},
		"not selected":                       {[]deletionOutcome{{Deletion: api.Deletion{State: api.DeletionKept}, err: api.ErrInUse, notSelected: true}}, exitOK},
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

// The first response about the associations does not have the use yet.
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
	requireNoError(t, err)
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
