package main

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestCSVCellsAreNoFormulas(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`=HYPERLINK("http://x")`: `'=HYPERLINK("http://x")`,
		"+1":                     "'+1",
		"-1":                     "'-1",
		"@SUM(A1)":               "'@SUM(A1)",
		" =1":                    " '=1",
		"   @SUM(A1)":            "   '@SUM(A1)",
		"＝1":                     "'＝1",
		"＋1":                     "'＋1",
		"－1":                     "'－1",
		" ＠SUM(A1)":              " '＠SUM(A1)",
		"gateway;=1+1;=1+2":      "gateway;'=1+1;'=1+2",
		"a|-1,+1":                "a|'-1,'+1",
		"a:=1^+2~-3!@A1":         "a:'=1^'+2~'-3!'@A1",
		`a;"=1`:                  `a;"'=1`,
		`"=1"`:                   `"'=1"`,
		"'=1'":                   "''=1'",
		"`=1`":                   "`'=1`",
		"\u00a0=1":               `\u00a0=1`,
		"\u3000=1":               `\u3000=1`,
		"\xff=1":                 `\xff=1`,
		"\uFFFD":                 "\uFFFD",
		" gateway":               " gateway",
		" ":                      " ",
		"\t=1":                   `\t=1`,
		"\r=1":                   `\r=1`,
		"gateway":                "gateway",
		"a=b":                    "a=b",
		"api - prod":             "api - prod",
		"":                       "",
	}
	for in, want := range tests {
		if got := cell(in); got != want {
			t.Errorf("cell(%q) = %q, want %q", in, got, want)
		}
	}
}

// formulaRecord returns a record with formulas in each text from the API.
func formulaRecord() record {
	const formula = `gateway;=1+1;=1+2,=cmd|' /C calc'!A0	=1;"=1`
	r := record{lookedUp: true, usage: api.InUse}
	r.Certificate = api.Certificate{
		Ref: ref("cert"), Name: formula, Type: "=1", Issuer: "@" + formula, SerialNumber: "-12", SignatureAlgorithm: "+x",
		ExpiresOn: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
	}
	r.Evidence = api.Evidence{
		Uses:    []api.Use{{Source: "=1", Name: formula, Status: "=2"}, {Source: api.SourceWorkers, Name: "-" + formula}},
		Sources: []api.SourceResult{{Source: api.SourcePages, State: "failed", Scope: formula, Permission: "=" + formula}},
	}
	return r
}

func TestCSVCellsAreNoFormulasForAnySeparator(t *testing.T) {
	t.Parallel()
	readers := map[string]func(text, separator string) [][]string{
		"encoding/csv": func(text, separator string) [][]string {
			r := csv.NewReader(strings.NewReader(text))
			r.Comma, _ = utf8.DecodeRuneInString(separator)
			r.LazyQuotes, r.FieldsPerRecord = true, -1
			rows, err := r.ReadAll()
			if err != nil {
				t.Errorf("separator %q: %v", separator, err)
			}
			return rows
		},
		"splitting": func(text, separator string) (rows [][]string) { // ignores quotation marks
			for line := range strings.Lines(text) {
				rows = append(rows, strings.Split(strings.TrimSpace(line), separator))
			}
			return rows
		},
	}
	for _, kind := range []kindOfReport{reportUsage, reportAudit} {
		var out bytes.Buffer
		rep := &report{out: &out, kind: kind, records: []record{formulaRecord()}, columns: allColumns, headers: true}
		requireNoError(t, writeCSV(rep))
		for name, read := range readers {
			for _, separator := range []string{",", ";", "\t", "|", ":"} {
				cells := 0
				for _, row := range read(out.String(), separator) {
					for _, text := range row {
						cells++
						text = strings.TrimLeft(text, " \"`")
						if first, _ := utf8.DecodeRuneInString(text); strings.ContainsRune(formulaStarts, first) {
							t.Errorf("%s with %q reads the formula %q", name, separator, text)
						}
					}
				}
				if cells < 2 {
					t.Errorf("%s with %q reads %d cells", name, separator, cells)
				}
			}
		}
	}
}

func TestCSVHasNegativeNumbersOfDays(t *testing.T) {
	t.Parallel()
	r := formulaRecord()
	var out bytes.Buffer
	requireNoError(t, writeCSV(&report{out: &out, records: []record{r}, columns: columnsOf([]string{"days_left", "serial_number"}), now: r.Certificate.ExpiresOn.AddDate(0, 0, 21)}))
	if out.String() != "-21,'-12\n" {
		t.Errorf("the row is %q", out.String())
	}
}

// Readers of CSV skip blank lines.
func TestEachRowOfAnEmptyColumnIsALineOfCSV(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	r := &report{out: &got, kind: reportAudit, columns: columnsOf([]string{"source"}), headers: true, records: []record{{}, formulaRecord(), {}}}
	requireNoError(t, writeCSV(r))
	rows, err := csv.NewReader(strings.NewReader(got.String())).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Errorf("%v: %q has rows %q, want a header and 3 rows", err, got.String(), rows)
	}
}
