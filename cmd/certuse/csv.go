package main

import (
	"encoding/csv"
	"io"
	"strings"
)

// writeCSV writes the rows with the keys of their columns in the first line.
func writeCSV(r *report) error {
	out := csv.NewWriter(r.out)
	if r.headers {
		out.Write(texts(r.columns, func(c column) string { return c.key }))
	}
	for _, row := range r.rows() {
		cells := texts(r.columns, func(c column) string {
			value := c.text
			if c.value != nil {
				value = c.value
			}
			if c.isNumber { // a negative number is no formula
				return value(row)
			}
			return cell(value(row))
		})
		if len(cells) == 1 && cells[0] == "" { // a reader would skip the blank line
			out.Flush()
			if _, err := io.WriteString(r.out, "\"\"\n"); err != nil {
				return err
			}
			continue
		}
		out.Write(cells)
	}
	out.Flush()
	return out.Error()
}

const (
	// formulaStarts are the characters that begin a formula in a spreadsheet
	// (CWE-1236). Some programs treat the full-width forms alike.
	formulaStarts = "=+-@＝＋－＠"
	// cellStarts are the characters after which a reader may begin a new cell,
	// depending on its separator.
	cellStarts = ",;|:^~!"
	// skipped are blanks and quotation marks, which readers trim from the start of a
	// cell.
	skipped = " \"'`"
)

// cell makes text safe for terminals and spreadsheets. It puts an apostrophe before
// each character that could begin a formula, whatever the separator is, and even if an
// import trims blanks and quotation marks. printable has escaped tabs and line breaks.
func cell(s string) string {
	s = printable(s)
	var b strings.Builder
	begins := true
	for _, r := range s {
		if begins && strings.ContainsRune(formulaStarts, r) {
			b.WriteByte('\'')
			begins = false
		}
		if !strings.ContainsRune(skipped, r) {
			begins = strings.ContainsRune(cellStarts, r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
