package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

var update = flag.Bool("update", false, "write the golden files of testdata and the pages of docs anew")

var sampleTime = time.Date(2026, 11, 22, 15, 4, 5, 678000000, time.UTC)

// sampleRecords returns every kind of result, with text that is hostile to terminals
// and spreadsheets, and wide characters.
func sampleRecords() []record {
	yes, no := true, false
	sample := func(id, name string, ca *bool, days int, usage api.Usage, uses ...api.Use) record {
		r := record{lookedUp: true, usage: usage}
		r.Certificate = api.Certificate{
			Ref: api.CertificateRef{AccountID: testAccount, ID: id}, Name: name, Type: "custom", CA: ca,
			Issuer: "CN=" + name, SerialNumber: "4711", SignatureAlgorithm: "ECDSA-SHA256",
		}
		if days != 0 {
			r.Certificate.ExpiresOn = sampleTime.Add(time.Duration(days) * day)
		}
		r.Evidence = api.Evidence{Uses: uses, GatheredAt: sampleTime}
		for _, source := range api.AllSources() {
			r.Evidence.Sources = append(r.Evidence.Sources, api.SourceResult{Source: source, State: api.SourceComplete, Scope: "all " + string(source)})
		}
		return r
	}
	denied := sample("77777777-0c35-4c7f-82c7-8e9487d3ff60", "checkout-client", &no, 200, api.UsageUnknown)
	denied.Evidence.Sources[1] = api.SourceResult{Source: api.SourceHostnames, State: api.SourceNotApplicable}
	denied.Evidence.Sources[2] = api.SourceResult{
		Source: api.SourceWorkers, State: api.SourceFailed, Permission: "Account: Workers Scripts Read", Err: &api.Error{StatusCode: 403},
	}
	denied.Evidence.Sources[3] = api.SourceResult{Source: api.SourcePages, State: api.SourceFailed, Err: &api.Error{StatusCode: 502}}
	narrowed := sample("88888888-0c35-4c7f-82c7-8e9487d3ff60", "partner", &yes, 800, api.Unused)
	narrowed.Evidence.Sources[6] = api.SourceResult{Source: api.SourcePosture, State: api.SourceLeftOut}
	other := recordWithoutResult(api.Certificate{Ref: api.CertificateRef{AccountID: "other", ID: "cert-a"}}, errInterrupted)
	return []record{
		sample("2458ce5a-0c35-4c7f-82c7-8e9487d3ff60", "api-shield", &yes, 12, api.InUse,
			api.Use{Source: api.SourceAssociations, Name: "gateway", Status: "active"}, api.Use{Source: api.SourceAssociations, Name: "gateway", Status: "active"},
			api.Use{Source: api.SourceHostnames, Name: "api.example.com"}, api.Use{Source: api.SourceHostnames, Name: "www.example.com"}),
		sample("33333333-0c35-4c7f-82c7-8e9487d3ff60", "旧しい証明書 🔐", &yes, -41, api.Unused),
		sample("44444444-0c35-4c7f-82c7-8e9487d3ff60", "=cmd|' /C calc'!A0", nil, 0, api.InUse,
			api.Use{Source: api.SourceWorkers, Name: "\x1b[2Jworker\u202e;=1+1"}),
		denied, narrowed, other,
	}
}

// sampleDeletions returns the sample records and three more, with outcomes if done is
// true, else planned.
func sampleDeletions(done bool) []record {
	records := sampleRecords()
	for id, name := range map[string]string{"55555555-0c35-4c7f-82c7-8e9487d3ff60": "gone before", "66666666-0c35-4c7f-82c7-8e9487d3ff60": "refused"} {
		another := records[1]
		another.Certificate.Ref.ID, another.Certificate.Name = id, name
		records = append(records, another)
	}
	for i, r := range records {
		r.markKept(refusal(&r))
		d := r.deletion
		switch name := r.Certificate.Name; {
		case d.err != nil:
		case !done:
			d.State = deletionPlanned
		case name == "partner":
			d.State, d.err = api.DeletionUnknown, fmt.Errorf("%w: the outcome is unknown", &api.Error{StatusCode: 502, Attempts: 4})
		case name == "refused":
			d.err = &api.Error{StatusCode: 400, Attempts: 1, Details: []api.ErrorDetail{{Code: 1433, Message: "cannot be deleted\x1b[2J at this time"}}}
		default:
			d.State, d.DeletedAt, d.RayID, d.AlreadyGone = api.DeletionDone, sampleTime, "9f1c", name == "gone before"
		}
		records[i] = r
	}
	notFound := &api.Error{StatusCode: 404, Attempts: 1}
	missing := recordWithoutResult(api.Certificate{Ref: api.CertificateRef{AccountID: testAccount, ID: "99999999-0c35-4c7f-82c7-8e9487d3ff60"}}, notFound)
	missing.markKept(notFound)
	return append(records, missing)
}

func sampleReport(t *testing.T, kind kindOfReport, name string, width int) *report {
	t.Helper()
	return reportOf(t, sampleRecords(), kind, name, width)
}

func reportOf(t *testing.T, records []record, kind kindOfReport, name string, width int) *report {
	t.Helper()
	r := &report{kind: kind, records: records, columns: columnsOf(columnKeys(kind, name, true)), headers: true, width: width, now: sampleTime}
	r.summary = newSummary(kind, api.AllSources())
	r.summary.accounts, r.summary.failed["other"] = []string{testAccount, "other"}, true
	for i := range r.records {
		if r.records[i].lookedUp = kind != reportList; kind == reportList {
			r.records[i].Evidence = api.Evidence{}
		}
		r.summary.add(&r.records[i], false, sampleTime)
	}
	sortRecords(r.records, "action", sampleTime)
	return r
}

func TestReportsEqualTheirGoldenFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind   kindOfReport
		format string
		width  int
		colors bool
	}{
		"audit.table":      {reportAudit, "table", 0, false},
		"audit-color":      {reportAudit, "table", 100, true},
		"audit-40":         {reportAudit, "table", 40, false},
		"audit-80":         {reportAudit, "table", 80, false},
		"audit-200":        {reportAudit, "table", 200, false},
		"audit.wide":       {reportAudit, "wide", 0, false},
		"audit.json":       {reportAudit, "json", 0, false},
		"audit.jsonl":      {reportAudit, "jsonl", 0, false},
		"audit.csv":        {reportAudit, "csv", 0, false},
		"audit.id":         {reportAudit, "id", 0, false},
		"audit.prometheus": {reportAudit, "prometheus", 0, false},
		"list.table":       {reportList, "table", 0, false},
		"list.csv":         {reportList, "csv", 0, false},
		"list.json":        {reportList, "json", 0, false},
		"list.prometheus":  {reportList, "prometheus", 0, false},
		"usage.table":      {reportUsage, "table", 0, false},
		"usage-40":         {reportUsage, "table", 40, false},
		"usage.csv":        {reportUsage, "csv", 0, false},
		"plan.table":       {reportDelete, "table", 0, false},
		"plan.json":        {reportDelete, "json", 0, false},
		"plan.jsonl":       {reportDelete, "jsonl", 0, false},
		"deletion.table":   {reportDelete, "table", 0, false},
		"deletion-80":      {reportDelete, "table", 80, false},
		"deletion.json":    {reportDelete, "json", 0, false},
		"deletion.jsonl":   {reportDelete, "jsonl", 0, false},
		"deletion.csv":     {reportDelete, "csv", 0, false},
		"deletion.id":      {reportDelete, "id", 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			records, done := sampleRecords(), strings.HasPrefix(name, "deletion")
			if test.kind == reportDelete {
				records = sampleDeletions(done)
			}
			r := reportOf(t, records, test.kind, test.format, test.width)
			r.out, r.colors = &got, palette{test.colors}
			requireNoError(t, (&output{format: test.format}).write(r))
			if test.kind == reportDelete && test.format == "table" { // with what goes to standard error
				r.summary.writeProblems(&got)
				r.summary.write(&got, palette{}, &query{deletion: deletion{yes: done}})
			}
			compareGolden(t, name, got.Bytes())
		})
	}
}

// jsonl, id and prometheus have no header.
func TestEmptyReportsHaveTheHeaderOfTheirFormat(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"table": "NAME  ID  USAGE  EXPIRES  DAYS  USED BY\n",
		"wide":  "ACCOUNT  NAME  ID  USAGE  EXPIRES  DAYS  USED BY  TYPE  CA  CHECKED (UTC)  SOURCES\n",
		"json":  "{\n  \"certificates\": [],\n  \"summary\": {\"total\":0,\"in_use\":0,", "jsonl": "", "id": "", "prometheus": "",
		"csv": "account_id,name,certificate_id,usage,expires_on,used_by,type,ca,gathered_at,sources\n",
	} {
		var got bytes.Buffer
		r := &report{out: &got, kind: reportAudit, columns: columnsOf(columnKeys(reportAudit, name, false)), headers: true, summary: newSummary(reportAudit, api.AllSources())}
		if err := (&output{format: name}).write(r); err != nil || !bytes.HasPrefix(got.Bytes(), []byte(want)) || want == "" && got.Len() > 0 {
			t.Errorf("%s: %v: %q", name, err, got.String())
		}
	}
}

func TestTableFitsEveryWidth(t *testing.T) {
	t.Parallel()
	for _, kind := range []kindOfReport{reportList, reportUsage, reportAudit, reportDelete} {
		for _, name := range []string{"table", "wide"} {
			for width := 1; width < 260; width++ {
				var got bytes.Buffer
				records := sampleRecords()
				if kind == reportDelete {
					records = sampleDeletions(true)
				}
				r := reportOf(t, records, kind, name, width)
				r.out = &got
				requireNoError(t, writeTable(r))
				for line := range bytes.Lines(got.Bytes()) {
					if n := textWidth(string(bytes.TrimSuffix(line, []byte("\n")))); n > width {
						t.Fatalf("%d columns in a terminal of %d: %s", n, width, line)
					}
				}
			}
		}
	}
}

// Each name must fit into 10 columns, even if the terminal shows its characters one by
// one.
func TestTableFitsATerminalThatDoesNotCombineCharacters(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"🇩🇪🇩🇪🇩🇪🇩🇪🇩🇪🇩🇪":                               "🇩🇪🇩🇪🇩🇪🇩🇪🇩…",
		"⚠\ufe0f⚠\ufe0f⚠\ufe0f⚠\ufe0f⚠\ufe0f⚠\ufe0f": "⚠\ufe0f⚠\ufe0f⚠\ufe0f⚠\ufe0f⚠…",
		"कािकािकािकाि":                               "कािकािकाि…",
		"日本日本日本":                                     "日本日本…",
		"ที่อยู่ที่อยู่ทอยทอ":                        "ที่อยู่ที่อยู่ทอย…",
		"e\u0301234567890":                           "e\u0301234567890",
	} {
		r := sampleReport(t, reportList, "table", 10)
		var got bytes.Buffer
		r.out, r.headers, r.columns, r.records = &got, false, columnsOf([]string{"name"}), r.records[:1]
		r.records[0].Certificate.Name = name
		requireNoError(t, writeTable(r))
		if got.String() != want+"\n" {
			t.Errorf("%q: %q, not %q", name, got.String(), want)
		}
	}
}

func TestLongNamesLeaveRoomForTheUse(t *testing.T) {
	t.Parallel()
	for width, want := range map[int][2]string{
		79:  {"payments-service-…", "hostnames: api.exampl…"},
		87:  {"payments-service-pr…", "hostnames: api.example.com,…"},
		94:  {"payments-service-production", "hostnames: api.example.com,…"},
		200: {"payments-service-production", "hostnames: api.example.com, www.example.com"},
	} {
		r := sampleReport(t, reportAudit, "table", width)
		r.columns = columnsOf(columnKeys(reportAudit, "table", false))
		r.records = slices.DeleteFunc(r.records, func(r record) bool { return r.Certificate.Name != "api-shield" })
		r.records[0].Certificate.Name, r.records[0].Evidence.Uses = "payments-service-production", r.records[0].Evidence.Uses[2:]
		var got bytes.Buffer
		r.out = &got
		requireNoError(t, writeTable(r))
		if line := got.String(); !strings.Contains(line, want[0]+"  ") || !strings.Contains(line, want[1]) {
			t.Errorf("%d columns:\n%s", width, line)
		}
	}
}

func TestEveryColumnButNameHasAPlaceInTheDropOrders(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]string{"dropOrder": dropOrder, "dropOrderOfUses": dropOrderOfUses} {
		for _, key := range knownColumns() {
			if dropped := slices.Contains(order, key); dropped != (key != "name") {
				t.Errorf("%s is in %s: %t", key, name, dropped)
			}
		}
	}
}

func TestSummaryEqualsItsGoldenFile(t *testing.T) {
	t.Parallel()
	r := sampleReport(t, reportAudit, "table", 0)
	r.summary.Duplicates, r.summary.Incomplete = 1, true
	var got bytes.Buffer
	r.summary.writeProblems(&got)
	r.summary.write(&got, palette{}, &query{})
	compareGolden(t, "summary", got.Bytes())
}

// The ids of -o id may go to a program that deletes.
func TestSummaryCountsUnusedCertificatesThatDeleteKeeps(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"own": unused})
	requireNoError(t, server.AddCertificate(ref("other"), apitest.Certificate{Type: "access_managed"}),
		server.AddCertificate(ref("used"), apitest.Certificate{Type: "gateway_managed"}), server.SetAssociations(ref("used"), api.Association{Service: "gateway"}))
	const notice = "Unused, but managed by the vendor or of unknown type: 1 certificate, which\n  \"certuse delete\" keeps.\n"
	for args, want := range map[string]int{"": 1, "--type custom": 0} {
		got := execute(t, command(t, environment(server), strings.Fields("audit --usage unused --sources associations -o id "+args)...))
		if got.expect(t, exitOK); strings.Count(got.stderr, notice) != want || strings.Count(got.stdout, "\n") != 1+want {
			t.Errorf("%q: %+v", args, got)
		}
	}
	total := newSummary(reportAudit, api.AllSources())
	total.add(&record{usage: api.Unused}, false, sampleTime) // delete keeps a certificate without a type, too
	var text strings.Builder
	if total.write(&text, palette{}, &query{}); !strings.Contains(text.String(), notice) {
		t.Errorf("without a type:\n%s", text.String())
	}
	plan := execute(t, command(t, environment(server), "delete", "--unused", "--no-zones"))
	if plan.expect(t, exitOK, "1 would be deleted"); strings.Contains(plan.stderr, "of unknown type") || !strings.Contains(plan.stdout, "managed by the vendor") {
		t.Errorf("%+v", plan)
	}
}

// A certificate of unknown usage may be in use.
func TestSummaryCountsUsedAndUnknownCertificatesThatExpireSoon(t *testing.T) {
	t.Parallel()
	total := newSummary(reportAudit, api.AllSources())
	for usage, days := range map[api.Usage][]int{api.InUse: {29, 31}, api.Unused: {1}, api.UsageUnknown: {-400, 0, 30, 31}} {
		for _, n := range days {
			total.add(&record{InventoryItem: api.InventoryItem{Certificate: api.Certificate{ExpiresOn: sampleTime.AddDate(0, 0, n)}}, usage: usage}, false, sampleTime)
		}
	}
	total.add(&record{usage: api.UsageUnknown}, false, sampleTime) // of unknown expiry
	var text strings.Builder
	total.write(&text, palette{}, &query{})
	const want = "In use, and expired or expiring within 30 days: 1 certificate.\nUnknown, and expired or expiring within 30 days: 3 certificates.\n"
	if !strings.Contains(text.String(), want) {
		t.Errorf("%s", text.String())
	}
}

func TestErrorSharedByAllCertificatesIsNotCalledAnExample(t *testing.T) {
	t.Parallel()
	total := newSummary(reportAudit, api.AllSources())
	for range 2 {
		r := recordWithoutResult(api.Certificate{}, errTimeout)
		total.add(&r, false, sampleTime)
	}
	var got bytes.Buffer
	total.writeProblems(&got)
	if want := "certuse: usage of 2 certificates is unknown: no source could be read: not looked up: the --timeout is over\n"; got.String() != want {
		t.Errorf("%s, want %s", got.String(), want)
	}
}

func TestReasonOfAnInterruptedDeletionDependsOnTheLookup(t *testing.T) {
	t.Parallel()
	old := fmt.Errorf("the evidence is 15m0s old: %w", api.ErrUsageUnknown)
	for _, tt := range []struct {
		usage api.Usage
		err   error
		want  string
	}{
		{api.Unused, errTimeout, "the --timeout is over"}, {api.UsageUnknown, errTimeout, "not looked up: the --timeout is over"},
		{api.Unused, old, old.Error()},
	} {
		r := record{usage: tt.usage, deletion: &deletionOutcome{Deletion: api.Deletion{State: api.DeletionKept}, err: tt.err}}
		if got := r.reason(); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.usage, got, tt.want)
		}
	}
}

func TestReasonsAreFoundThroughWrappedErrors(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"rate limited":             &api.Error{StatusCode: 429, RetryAfter: time.Minute},
		"interrupted":              errors.Join(&api.Error{StatusCode: 429}, errInterrupted),
		"not looked up, --timeout": errTimeout,
		"rejected":                 &api.Error{StatusCode: 409},
	} {
		if got, _ := reasonOf(fmt.Errorf("list certificates: %w", err)); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		requireNoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); -update accepts the change:\n%s", path, diff)
	}
}

func TestAdviceNamesTheLimitOfOpenFiles(t *testing.T) {
	t.Parallel()
	if text := explain(fmt.Errorf("dial: %w", errors.Join(syscall.EMFILE))); !strings.Contains(text, "ulimit -n") {
		t.Errorf("the explanation is %q", text)
	}
}

func TestAdviceAfterARateLimitIsTheWaitOfTheAPI(t *testing.T) {
	t.Parallel()
	const advice = "; try again after that time, or in five minutes if none is given, or lower --rate-limit"
	for want, failed := range map[string]*api.Error{
		"cloudflare-mtls: HTTP 429 Too Many Requests (retry after 20m0s)" + advice: {StatusCode: 429, RetryAfter: 20 * time.Minute},
		"cloudflare-mtls: HTTP 429 Too Many Requests" + advice:                     {StatusCode: 429},
	} {
		if text := explain(failed); text != want {
			t.Errorf("%q, want %q", text, want)
		}
	}
}
