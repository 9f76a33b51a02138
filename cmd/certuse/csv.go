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
	for _, each := range r.rows() {
		for i, c := range r.columns {
			value := c.value
			if value == nil {
				value = c.text
			}
			line[i] = cell(value(each))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

const (
	// formulaStarts are what a spreadsheet takes for the beginning of a formula
	// (CWE-1236). Some read the full-width forms like the others.
	formulaStarts = "=+-@＝＋－＠"
	// cellStarts are the characters behind which a reader may begin another cell,
	// depending on the separator that it was given.
	cellStarts = ",;|:^~!"
	// passedOver are blanks and quotation marks, which readers remove from the
	// beginning of a cell.
	passedOver = " \"'`"
)

// cell makes text safe for terminals and spreadsheets: an apostrophe goes before
// each character that would begin a formula, whichever separator the reader
// uses, also once an import has trimmed blanks and quotation marks. Tabs and line
// breaks are not printable, and so are escapes by then.
func cell(s string) string {
	s = printable(s)
	var b strings.Builder
	begins := true
	for _, r := range s {
		if begins && strings.ContainsRune(formulaStarts, r) {
			b.WriteByte('\'')
			begins = false
		}
		if !strings.ContainsRune(passedOver, r) {
			begins = strings.ContainsRune(cellStarts, r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
