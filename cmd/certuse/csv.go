package main

import (
	"encoding/csv"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var csvHeader = []string{
	"account_id", "certificate_id", "usage", "checked_at", "truncated", "service", "status",
	"reason", "message", "http_status", "retry_after_seconds", "ray_id",
}

// csvPrinter writes one row for each association, and one row with service and
// status empty for a certificate that has none or is unknown.
type csvPrinter struct {
	out     *csv.Writer
	started bool
}

func (p *csvPrinter) print(a answer) error {
	why := reason{}
	if a.Reason != nil {
		why = *a.Reason
	}
	associations := a.Associations
	if len(associations) == 0 {
		associations = []association{{}}
	}
	var rows [][]string
	for _, each := range associations {
		rows = append(rows, []string{
			a.AccountID, a.CertificateID, a.Usage, timestamp(a.CheckedAt, time.RFC3339Nano), strconv.FormatBool(a.Truncated),
			cell(each.Service), cell(each.Status),
			why.Code, cell(why.Message), unlessZero(float64(why.HTTPStatus)), unlessZero(why.RetryAfterSeconds), cell(a.RayID),
		})
	}
	return p.write(rows)
}

func (p *csvPrinter) finish(summary) error { return p.write(nil) }

func (p *csvPrinter) write(rows [][]string) error {
	if !p.started {
		rows = append([][]string{csvHeader}, rows...)
		p.started = true
	}
	return p.out.WriteAll(rows) // flushes
}

// formulaStarts are what a spreadsheet takes for the beginning of a formula
// (CWE-1236). Some read the full-width forms like the others.
const formulaStarts = "=+-@＝＋－＠"

// cell makes text from the service safe for terminals and spreadsheets: an
// apostrophe goes before what would be a formula, also once an import has trimmed
// blanks. Other white space is not printable, and so an escape by then.
func cell(s string) string {
	s = printable(s)
	if first, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " ")); strings.ContainsRune(formulaStarts, first) {
		return "'" + s
	}
	return s
}

func timestamp(t *time.Time, layout string) string {
	if t == nil {
		return ""
	}
	return t.Format(layout)
}

func unlessZero(v float64) string {
	if v == 0 {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
