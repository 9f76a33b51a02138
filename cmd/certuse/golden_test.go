package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// sampleAnswers has every kind of answer, with text that is hostile to
// terminals and spreadsheets.
func sampleAnswers() []answer {
	checked := time.Date(2026, 11, 22, 15, 4, 5, 678000000, time.UTC)
	const account = "023e105f4ecef8ad9ca31a8372d0c353"
	return []answer{
		{
			AccountID: account, CertificateID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60", Usage: usageInUse, CheckedAt: &checked, RayID: "8f1e2d3c4b5a6978-FRA",
			Associations: []association{{"gateway", "active"}, {"gateway", "active"}, {"access", "pending_deployment"}},
			Notices:      []notice{},
		},
		{
			AccountID: account, CertificateID: "cert-unused", Usage: usageUnused, CheckedAt: &checked, RayID: "8f1e2d3c4b5a6979-FRA",
			Associations: []association{}, Notices: []notice{{1001, "this method is deprecated"}},
		},
		{
			AccountID: account, CertificateID: "cert-truncated-in-use", Usage: usageInUse, CheckedAt: &checked, Truncated: true,
			Associations: []association{{"=cmd|' /C calc'!A0", "\x1b[2Jactive\u202e"}}, Notices: []notice{},
		},
		{
			AccountID: account, CertificateID: "cert-truncated-empty", Usage: usageUnknown, CheckedAt: &checked, Truncated: true,
			Associations: []association{}, Notices: []notice{},
			Reason: &reason{Code: "truncated", Message: "the service says that more associations exist than it delivered"},
		},
		{
			AccountID: account, CertificateID: "cert-forbidden", Usage: usageUnknown, RayID: "8f1e2d3c4b5a697a-FRA",
			Associations: []association{}, Notices: []notice{},
			Reason: &reason{Code: "forbidden", Message: "HTTP 403 Forbidden: code 10000: \"Authentication\x07 error\", ask <the owner>", HTTPStatus: 403},
		},
		{
			AccountID: account, CertificateID: "cert-limited", Usage: usageUnknown,
			Associations: []association{}, Notices: []notice{},
			Reason: &reason{Code: "rate_limited", Message: "HTTP 429 Too Many Requests", HTTPStatus: 429, RetryAfterSeconds: 300},
		},
		{
			AccountID: "other", CertificateID: "cert-a", Usage: usageUnknown, Associations: []association{}, Notices: []notice{},
			Reason: &reason{Code: "not_asked", Message: "not asked: interrupted"},
		},
		{
			AccountID: "other", CertificateID: "cert-b", Usage: usageUnknown, Associations: []association{}, Notices: []notice{},
			Reason: &reason{Code: "not_asked", Message: "not asked: interrupted"},
		},
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		format         string
		colors         palette
		perAssociation bool
		answers        []answer
	}{
		"list-table":       {"table", palette{}, true, sampleAnswers()},
		"list-table-color": {"table", palette{on: true}, true, sampleAnswers()},
		"audit-table":      {"table", palette{}, false, sampleAnswers()},
		"one-account":      {"table", palette{}, false, sampleAnswers()[:3]},
		"answers.json":     {"json", palette{}, false, sampleAnswers()},
		"empty.json":       {"json", palette{}, false, nil},
		"answers.jsonl":    {"jsonl", palette{}, false, sampleAnswers()},
		"answers.csv":      {"csv", palette{}, false, sampleAnswers()},
		"empty.csv":        {"csv", palette{}, false, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			out, err := newPrinter(test.format, &got, test.colors, test.perAssociation)
			if err != nil {
				t.Fatal(err)
			}
			total := newSummary(2)
			for _, a := range test.answers {
				total.add(a)
				if err := out.print(a); err != nil {
					t.Fatal(err)
				}
			}
			if err := out.finish(total); err != nil {
				t.Fatal(err)
			}
			compareGolden(t, name, got.Bytes())
		})
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	total := newSummary(1)
	for _, a := range sampleAnswers() {
		total.add(a)
	}
	var got bytes.Buffer
	total.write(&got, palette{})
	compareGolden(t, "summary", got.Bytes())
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
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
