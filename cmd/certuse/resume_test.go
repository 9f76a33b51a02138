//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/generated"
)

func TestKilledAuditIsResumed(t *testing.T) {
	t.Parallel()
	for name, named := range map[string]bool{"of an account": false, "of named certificates": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, nil)
			file := filepath.Join(t.TempDir(), "audit.jsonl")
			args := []string{"audit", "-o", "jsonl", "--output-file", file, "--resume"}
			for i := range 10 {
				fast, slow := fmt.Sprintf("fast-%d", i), fmt.Sprintf("slow-%d", i)
				err := errors.Join(
					server.AddCertificate(ref(fast), apitest.Certificate{}),
					server.AddCertificate(ref(slow), apitest.Certificate{}),
					server.Script(apitest.AssociationsOf(ref(slow)), unused.After(time.Hour))) // only the first response
				if err != nil {
					t.Fatal(err)
				}
				if named {
					args = append(args, fast, slow)
				}
			}
			p := start(t, command(t, environment(server), args...))
			eventually(t, "ten results in the file, and requests for all others", func() bool {
				text, _ := os.ReadFile(file)
				return bytes.Count(text, []byte("\n")) == 10 && requests(server, generated.ListMTLSCertificateAssociationsOperation.ID) == 20
			})
			requireNoError(t, p.cmd.Process.Kill())
			p.end(t)
			if n := requests(server, generated.GetMTLSCertificateOperation.ID); n > 0 && !named {
				t.Errorf("the first run read %d certificates that the list has", n)
			}
			before := len(server.Requests())
			appendTo(t, file, `{"account_id":"`+testAccount+`","certificate_id":"slow-0","usage":"unu`)
			got := execute(t, command(t, environment(server), append(args, "--require-unused")...))
			got.expect(t, exitOK, "20 certificates: 0 in use, 20 unused", "10 results kept from an earlier run, up to ")
			var ids []string
			for id, r := range decodeLines(t, textOf(t, file)) {
				if ids = append(ids, id); r.Usage != "unused" {
					t.Errorf("%+v", r)
				}
			}
			if len(ids) != 20 {
				t.Errorf("%d certificates: %v", len(ids), ids)
			}
			for _, r := range server.Requests()[before:] {
				if strings.HasPrefix(r.Certificate.ID, "fast") {
					t.Errorf("requested again: %s %s", r.Method, r.Path)
				}
			}
		})
	}
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	requireNoError(t, f.Close())
}

// firstAudit returns the output of an audit of an unused leaf, a used leaf and a used
// CA. The zones of a CA that is in use are not all read.
func firstAudit(t *testing.T, args ...string) (server *apitest.Server, text string) {
	t.Helper()
	const root = "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"
	server = newFake(t, map[string]apitest.Response{"free": unused, "used": inUse})
	requireNoError(t,
		server.AddCertificate(ref(root), apitest.Certificate{Name: "root", CA: true}),
		server.SetAssociations(ref(root), api.Association{Service: "gateway", Status: "active"}),
		server.AddZone(testAccount, apitest.Zone{ID: demoZone, Name: "example.com"}))
	got := execute(t, command(t, environment(server), append([]string{"audit", "-o", "jsonl"}, args...)...))
	got.expect(t, exitOK)
	return server, got.stdout
}

func TestUnusableKeptResultsAreReadAgain(t *testing.T) {
	t.Parallel()
	started := regexp.MustCompile(`"started_at":"[^"]*"`)
	aged := func(age time.Duration) func(string) string {
		return func(text string) string {
			return started.ReplaceAllString(text, `"started_at":"`+time.Now().Add(-age).UTC().Format(time.RFC3339)+`"`)
		}
	}
	same := func(text string) string { return text }
	tests := map[string]struct {
		edit func(string) string
		args string
		read []string // certificates that are looked up again
		says string
	}{
		"all suffice":                {same, "", nil, "3 results kept from an earlier run, up to "},
		"old, but not required":      {aged(50 * time.Hour), "", nil, "up to 50h00m old."},
		"within the default age":     {aged(50 * time.Minute), "--require-unused", nil, "3 results kept"},
		"older than the default age": {aged(61 * time.Minute), "--require-unused", []string{"free", "root", "used"}, "3 certificates (1 CA, 2 leaf; 0 managed): 2 in use"},
		"older than the age given":   {aged(31 * time.Minute), "--max-age 30m", []string{"free", "root", "used"}, "managed): 2 in use"},
		"id in another case":         {func(s string) string { return strings.ReplaceAll(s, `"free"`, `"FREE"`) }, "", nil, "3 results kept"},
		"within the age given":       {aged(50 * time.Hour), "--max-age 3d --require-unused", nil, "3 results kept"},
		"from the future":            {aged(-time.Hour), "", []string{"free", "root", "used"}, ""},
		"without a time":             {func(s string) string { return started.ReplaceAllString(s, `"x":1`) }, "", []string{"free", "root", "used"}, ""},
		"unknown":                    {func(s string) string { return strings.Replace(s, `"unused"`, `"unknown"`, 1) }, "", []string{"free"}, "2 results kept"},
		"now with --all-uses":        {same, "--all-uses", []string{"root"}, "2 results kept"},
		"listed twice":               {func(s string) string { return s + onlyFree(s) }, "", []string{"free"}, "2 results kept"},
		"a line without its end":     {func(s string) string { return strings.TrimSuffix(s, "\n") }, "", []string{"last"}, "2 results kept"},
		"only leaves, with --leaf":   {func(s string) string { return regexp.MustCompile(`(?m)^.*"root".*\n`).ReplaceAllString(s, "") }, "--leaf", nil, "2 results kept"},
		"an empty file":              {func(string) string { return "" }, "", []string{"free", "root", "used"}, ""},
		"no longer --no-zones": {func(s string) string {
			return strings.Replace(s, "hostnames of 0 zones of 1", "no zones, as the caller says", 1)
		}, "", []string{"root"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, text := firstAudit(t)
			before := len(server.Requests())
			file := fileWith(t, test.edit(text))
			args := append([]string{"audit", "-o", "jsonl", "--output-file", file, "--resume"}, strings.Fields(test.args)...)
			got := execute(t, command(t, environment(server), args...))
			code, lines := exitOK, 3
			if strings.Contains(test.args, "--require-unused") {
				code = exitInUse
			}
			if test.args == "--leaf" {
				lines = 2
			}
			got.expect(t, code, test.says)
			var read []string
			for _, r := range server.Requests()[before:] {
				if r.Operation == generated.ListMTLSCertificateAssociationsOperation.ID {
					read = append(read, strings.Replace(r.Certificate.ID, "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60", "root", 1))
				}
			}
			slices.Sort(read)
			if len(test.read) == 1 && test.read[0] == "last" && len(read) == 1 {
				read[0] = "last" // whichever has the last line
			}
			if !slices.Equal(read, test.read) {
				t.Errorf("read %v, want %v", read, test.read)
			}
			if n := len(decodeLines(t, textOf(t, file))); n != lines {
				t.Errorf("%d lines, want %d", n, lines)
			}
		})
	}
}

func TestFileThatDoesNotFitTheCommandIsNotResumed(t *testing.T) {
	t.Parallel()
	same := func(text string) string { return text }
	tests := map[string]struct {
		first, args string
		edit        func(string) string
		says        string
	}{
		"another account":          {"", "--account other", same, "is about " + testAccount + "/"},
		"another certificate":      {"", "free", same, "which this command does not look up"},
		"flags that select less":   {"", "--leaf", same, "which the flags do not select"},
		"fewer sources":            {"", "--sources associations,pages", same, "is from other --sources than this command: "},
		"more sources":             {"--sources associations,workers,pages", "", same, "is from other --sources than this command: "},
		"a deletion":               {"", "", func(s string) string { return strings.Replace(s, `{`, `{"state":"deleted",`, 1) }, "line 1 is about a deletion"},
		"unused in spite of a use": {"", "", func(s string) string { return strings.ReplaceAll(s, "in_use", "unused") }, "contradicts itself"},
		"in use without a use":     {"", "", func(s string) string { return strings.ReplaceAll(s, "unused", "in_use") }, "contradicts itself"},
		"a source that failed":     {"", "free", func(s string) string { return strings.ReplaceAll(onlyFree(s), "complete", "failed") }, "contradicts itself"},
		"too few sources": {"", "free", func(s string) string {
			return regexp.MustCompile(`,\{"source":"posture"[^}]*\}`).ReplaceAllString(onlyFree(s), "")
		}, "contradicts itself"},
		"a source listed twice":    {"", "free", func(s string) string { return strings.ReplaceAll(onlyFree(s), `"posture"`, `"pages"`) }, "contradicts itself"},
		"a source without a state": {"", "free", func(s string) string { return strings.Replace(onlyFree(s), "complete", "", 1) }, "contradicts itself"},
		"a token as an id":         {"", "", func(s string) string { return strings.Replace(onlyFree(s), `:"free"`, `:"`+secretToken+`"`, 1) }, "line 1 is not from 'certuse audit -o jsonl'"},
		"a broken line":            {"", "", func(s string) string { return "{\n" + s }, "line 1 is not from 'certuse audit -o jsonl'"},
		"a name given twice":       {"", "", func(s string) string { return strings.Replace(s, `{`, `{"usage":"unused",`, 1) }, "is not from"},
		"another kind of file":     {"", "", func(string) string { return "# ids" }, "line 1 is not from"},
		"another JSON object":      {"", "", func(string) string { return "{}\n" }, "line 1 is not from"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, text := firstAudit(t, strings.Fields(test.first)...)
			before := len(server.Requests())
			text = test.edit(text)
			file := fileWith(t, text)
			args := append([]string{"audit", "-o", "jsonl", "--output-file", file, "--resume"}, strings.Fields(test.args)...)
			execute(t, command(t, environment(server), args...)).expect(t, exitUsage, "certuse: --resume: "+file+": line ", test.says, "nothing was sent")
			if after := textOf(t, file); after != text {
				t.Errorf("the file has changed:\n%s", after)
			}
			if n := len(server.Requests()) - before; n > 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func onlyFree(text string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, `"free"`) {
			return line
		}
	}
	return ""
}

func TestResultOfADeletedCertificateIsDropped(t *testing.T) {
	t.Parallel()
	server, text := firstAudit(t)
	text += strings.Replace(onlyFree(text), `"free"`, `"gone"`, 1)
	audit := []string{"audit", "-o", "jsonl", "--resume", "--output-file"}
	named := execute(t, command(t, environment(server), append(audit, fileWith(t, text), "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60", "gone", "free", "used")...))
	named.expect(t, exitUnknown, "1 kept result dropped: the account no longer has the certificate", "2 in use, 1 unused, 1 unknown")
	file := fileWith(t, text)
	got := execute(t, command(t, environment(server), append(audit, file)...))
	got.expect(t, exitOK, "1 kept result dropped: the account no longer has the certificate", "): 2 in use, 1 unused")
	if lines := decodeLines(t, textOf(t, file)); len(lines) != 3 || lines["gone"].Usage != "" {
		t.Errorf("%v", lines)
	}
}

func TestResultFromBeforeTheUploadIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, named := range [][]string{nil, {"free", "used", "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}} {
		server, text := firstAudit(t)
		file := fileWith(t, text)
		requireNoError(t, server.AddCertificate(ref("free"), apitest.Certificate{UploadedOn: time.Now().Add(time.Minute)}))
		before := requests(server, generated.ListMTLSCertificateAssociationsOperation.ID)
		got := execute(t, command(t, environment(server), append([]string{"audit", "-o", "jsonl", "--output-file", file, "--resume"}, named...)...))
		got.expect(t, exitOK, "2 in use, 1 unused", "2 results kept")
		if n := requests(server, generated.ListMTLSCertificateAssociationsOperation.ID) - before; n != 1 || strings.Contains(got.stderr, "dropped") {
			t.Errorf("%d certificates were read, want 1; standard error:\n%s", n, got.stderr)
		}
	}
}

// A result must not stand for another certificate.
func TestResultOfAnIDThatTheAccountHasTwiceIsReadAgain(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"TWICE": unused, "twice": unused})
	audit := []string{"audit", "-o", "jsonl"}
	all := execute(t, command(t, environment(server), audit...))
	all.expect(t, exitOK, "2 unused")
	for line := range strings.Lines(all.stdout) {
		file := fileWith(t, line)
		execute(t, command(t, environment(server), append(audit, "--resume", "--output-file", file)...)).expect(t, exitOK, "2 unused")
		if lines := decodeLines(t, textOf(t, file)); lines["TWICE"].Usage != "unused" || lines["twice"].Usage != "unused" {
			t.Errorf("resumed from %s: %v", line, lines)
		}
	}
}

func TestKeptResultsStayWhenTheAccountCannotBeRead(t *testing.T) {
	t.Parallel()
	server, text := firstAudit(t)
	file := fileWith(t, text)
	script(t, server, listCertificates, apitest.NoResult().Always())
	got := execute(t, command(t, environment(server), "audit", "-o", "jsonl", "--output-file", file, "--resume", "--require-unused"))
	got.expect(t, exitInUse, "Not all certificates were read.", file+" has what is known; the results are incomplete: run the command again with --resume\n")
	if n := len(decodeLines(t, textOf(t, file))); n != 3 {
		t.Errorf("%d lines", n)
	}
}

// A result can become too old while the others are looked up.
func TestAgeOfKeptResultsIsCheckedAtTheEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		age  time.Duration
		code int
	}{"young": {50 * time.Minute, exitOK}, "old": {61 * time.Minute, exitUnknown}} {
		q := &query{requireUnused: true, maxAge: durationFlag{defaultMaxAge, "1h", false}}
		r := record{lookedUp: true, usage: api.Unused, line: []byte("{}")}
		r.Evidence.StartedAt = time.Now().Add(-test.age)
		total := newSummary(reportAudit, nil)
		total.add(&r, false, time.Now())
		code := exitOK
		if exit, ok := errors.AsType[*exitError](total.result(q)); ok {
			code = exit.code
		}
		if code != test.code {
			t.Errorf("%s: exit code %d, want %d", name, code, test.code)
		}
	}
}
