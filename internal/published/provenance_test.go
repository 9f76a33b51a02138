package published

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func record() Record {
	return Record{
		Source: "somewhere", SourceSHA256: "aa", Retrieved: "2026-11-22", License: "BSD-3-Clause",
		Document: "x.json", SHA256: Sum([]byte("text")),
		Added: []string{"/info"}, SatisfiedUpstream: []string{"10-x.yaml#one"},
	}
}

func TestRecordSurvivesARoundTrip(t *testing.T) {
	t.Parallel()
	data, err := record().Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("p", data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(record(), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDocumentMustBeTheRecordedOne(t *testing.T) {
	t.Parallel()
	if err := record().Verify([]byte("text")); err != nil {
		t.Error(err)
	}
	if err := record().Verify([]byte("text edited by hand")); err == nil || !strings.Contains(err.Error(), "openapi/x.json") {
		t.Errorf("error %v, want one that names the document", err)
	}
}

func TestOddRecordsAreRefused(t *testing.T) {
	t.Parallel()
	full, err := record().Encode()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ old, new, want string }{
		"unknown member": {`"source"`, `"surprise": 1, "source"`, "surprise"},
		"no licence":     {`"BSD-3-Clause"`, `""`, "license is missing"},
		"no document":    {`"x.json"`, `""`, "document is missing"},
		"not JSON":       {"{", "", "p: "},
		"nothing at all": {string(full), "{}", "source is missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("p", []byte(strings.Replace(string(full), tt.old, tt.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
