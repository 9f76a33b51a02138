package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// report is what a command writes to standard output or to --output-file.
type report struct {
	out     io.Writer
	kind    kindOfReport
	records []record
	changes []string // lines about what was deleted, for the case that the report is lost
	summary *summary
	columns []column
	headers bool
	// width is the maximum width of a table; 0 means no limit.
	width  int
	colors palette
	now    time.Time
}

// format is an output format of a report.
type format struct {
	name  string
	write func(*report) error
}

var formats = []format{
	{"table", writeTable}, {"wide", writeTable}, {"json", writeJSON}, {"jsonl", writeJSONLines},
	{"csv", writeCSV}, {"id", writeIDs}, {"prometheus", writePrometheus},
}

const jsonLines = "jsonl"

func formatNames() []string { return texts(formats, func(f format) string { return f.name }) }

// rows returns the lines of a table or of CSV: uses in a report about uses, otherwise
// certificates.
func (r *report) rows() []row {
	var rows []row
	for i := range r.records {
		record := &r.records[i]
		if r.kind != reportUsage || len(record.Evidence.Uses) == 0 {
			rows = append(rows, row{record, api.Use{}, r.now})
			continue
		}
		for _, use := range record.Evidence.Uses {
			rows = append(rows, row{record, use, r.now})
		}
	}
	return rows
}

// addChange keeps the outcome of a certificate that was deleted, or may have been.
func (r *report) addChange(rec *record) {
	if state := rec.state(); state == string(api.DeletionDone) || state == string(api.DeletionUnknown) {
		r.changes = append(r.changes, "certuse: "+rec.outcome()+"\n")
	}
}

// writeFailed prints what was deleted if nothing else shows it. Without --quiet,
// progress has printed it.
func (q *query) writeFailed(r *report) {
	if q.quiet {
		fmt.Fprint(q.sys.stderr, strings.Join(r.changes, ""))
	}
}

// writeIDs writes one id a line, or ACCOUNT/ID if the report has several accounts. Of
// deletions it writes only those that are planned or done.
func writeIDs(r *report) error {
	var b strings.Builder
	for i := range r.records {
		if d := r.records[i].deletion; d != nil && d.State != deletionPlanned && d.State != api.DeletionDone {
			continue
		}
		ref := r.records[i].Certificate.Ref
		if len(r.summary.accounts) > 1 {
			b.WriteString(ref.AccountID + "/")
		}
		b.WriteString(ref.ID + "\n")
	}
	_, err := io.WriteString(r.out, b.String())
	return err
}

const metricPrefix = "cloudflare_mtls_"

// metrics are the names and help texts of the metrics, in the order of the report.
var metrics = []struct{ name, help string }{
	{"certificate_info", "Attributes of a certificate, as labels."},
	{"certificate_not_after_timestamp_seconds", "When a certificate expires, in Unix time."},
	{"certificate_usage", "1 for the usage of a certificate, else 0."},
	{"source_up", "1 if a source was read in full, else 0; absent if it was not read."},
	{"last_success_timestamp_seconds", "When all certificates of the report were last read, in Unix time."},
}

// writePrometheus writes the text format of Prometheus.
func writePrometheus(r *report) error {
	samples := map[string][]string{} // by metric
	add := func(name string, value int64, labels ...string) {
		var pairs []string
		for pair := range slices.Chunk(labels, 2) {
			pairs = append(pairs, fmt.Sprintf(`%s="%s"`, pair[0], labelValue.Replace(printable(pair[1]))))
		}
		samples[name] = append(samples[name], fmt.Sprintf("%s%s{%s} %d\n", metricPrefix, name, strings.Join(pairs, ","), value))
	}
	for i := range r.records {
		rec := &r.records[i]
		ids := []string{"account_id", rec.Certificate.Ref.AccountID, "certificate_id", rec.Certificate.Ref.ID}
		add("certificate_info", 1, append(ids, "name", rec.Certificate.Name, "type", rec.Certificate.Type, "ca", rec.ca("true", "false"))...)
		if !rec.Certificate.ExpiresOn.IsZero() {
			add("certificate_not_after_timestamp_seconds", rec.Certificate.ExpiresOn.Unix(), ids...)
		}
		if r.kind == reportList {
			continue
		}
		for _, usage := range allUsages {
			add("certificate_usage", int64(boolValue(rec.usage == usage)), append(ids, "usage", usage.String())...)
		}
	}
	for _, account := range r.summary.accounts {
		for _, source := range api.AllSources() {
			if up, read := r.summary.up[accountSource{account, source}]; read {
				add("source_up", int64(boolValue(up)), "account_id", account, "source", string(source))
			}
		}
		if !r.summary.failed[account] {
			add("last_success_timestamp_seconds", r.now.Unix(), "account_id", account)
		}
	}
	var b strings.Builder
	for _, m := range metrics {
		if lines := samples[m.name]; len(lines) > 0 {
			fmt.Fprintf(&b, "# HELP %[1]s%[2]s %[3]s\n# TYPE %[1]s%[2]s gauge\n%[4]s", metricPrefix, m.name, m.help, strings.Join(lines, ""))
		}
	}
	_, err := io.WriteString(r.out, b.String())
	return err
}

// labelValue escapes printable text as the text format of Prometheus does.
var labelValue = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func boolValue(b bool) int {
	if b {
		return 1
	}
	return 0
}
