package main

import (
	"encoding/csv"
	"strings"
)

// writeCSV writes the rows with the keys of their columns in the first line.
func writeCSV(r *report) error {
	out := csv.NewWriter(r.out)
	line := make([]string, len(r.columns))
	if r.headers {
		for i, c := range r.columns {
			line[i] = c.key
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	for _, row := range r.rows() {
		for i, c := range r.columns {
			value := c.value
			if value == nil {
				value = c.text
			}
			if line[i] = value(row); !c.isNumber { // a negative number is no formula
				line[i] = cell(line[i])
			}
		}
		if err := out.Write(line); err != nil {
			return err
		}
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
// each character that could begin a formula, for any separator, also after an import
// has trimmed blanks and quotation marks. Tabs and line breaks are escaped before.
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
