package main

import (
	"bufio"
	"encoding/csv"
	"strconv"
	"strings"
	"time"
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

func newCSVPrinter(out *bufio.Writer) *csvPrinter {
	return &csvPrinter{out: csv.NewWriter(out)}
}

func (p *csvPrinter) header() {
	if !p.started {
		p.out.Write(csvHeader)
		p.started = true
	}
}

func (p *csvPrinter) print(a answer) error {
	p.header()
	why := reason{}
	if a.Reason != nil {
		why = *a.Reason
	}
	row := []string{
		a.AccountID, a.CertificateID, a.Usage, timestamp(a.CheckedAt, time.RFC3339Nano), strconv.FormatBool(a.Truncated), "", "",
		why.Code, cell(why.Message), unlessZero(float64(why.HTTPStatus)), unlessZero(why.RetryAfterSeconds), cell(a.RayID),
	}
	if len(a.Associations) == 0 {
		p.out.Write(row)
	}
	for _, each := range a.Associations {
		row[5], row[6] = cell(each.Service), cell(each.Status)
		p.out.Write(row)
	}
	return p.flush()
}

func (p *csvPrinter) finish(summary) error {
	p.header()
	return p.flush()
}

func (p *csvPrinter) flush() error {
	p.out.Flush()
	return p.out.Error()
}

// cell makes text from the service safe for terminals and spreadsheets. A
// spreadsheet takes a cell that starts with one of these characters for a
// formula (CWE-1236), so an apostrophe goes before it.
func cell(s string) string {
	s = printable(s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
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
