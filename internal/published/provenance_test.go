package published

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

func record(text string) Record {
	return Record{SHA256: Sum([]byte(text)), Source: "somewhere", SourceSHA256: "aa", Retrieved: "2026-11-22", License: "BSD-3-Clause"}
}

// records returns the provenance of two documents.
func records() Provenance {
	a, b := record(textA), record(textB)
	a.Added, b.LeftOut = []string{"/info"}, []string{"/components/schemas/key/example"}
	return Provenance{Documents: map[string]Record{"a.json": a, "b.json": b}, SatisfiedUpstream: []string{"1-published/10-x.yaml#one"}}
}

func encoded(t *testing.T, p Provenance) string {
	t.Helper()
	data, err := spec.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRecordsSurviveARoundTrip(t *testing.T) {
	t.Parallel()
	source, err := ReadSource(module(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(records(), source.Provenance); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestInvalidRecordsAreRefused(t *testing.T) {
	t.Parallel()
	full := encoded(t, records())
	tests := map[string]struct{ old, new, want string }{
		"unknown member":            {`"source"`, `"surprise": 1, "source"`, "surprise"},
		"unknown root member":       {`"documents"`, `"surprise": 1, "documents"`, "surprise"},
		"no checksum":               {Sum([]byte(textA)), "", "sha256 is "},
		"two records of a document": {"b.json", "a.json", `duplicate object member name "a.json"`},
		"not JSON":                  {"{", "", "provenance.json: "},
		"member twice":              {`"source"`, `"source": "x", "source"`, "duplicate"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(full, tt.old) {
				t.Fatalf("%q is not in the records", tt.old)
			}
			fsys := module(t)
			fsys[ProvenanceFile] = &fstest.MapFile{Data: []byte(strings.Replace(full, tt.old, tt.new, 1))}
			_, err := ReadSource(fsys)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), Dir+"/") {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// The published texts of two operations.
const (
	textA = `{"paths":{"/a":{"get":{}}}}`
	textB = `{"paths":{"/b":{"get":{}}}}`
)

// module returns a module with two operations, as ReadSource reads it.
func module(t *testing.T) fstest.MapFS {
	t.Helper()
	return fstest.MapFS{
		spec.OperationsFile: {Data: []byte(`operations:
  - {name: listA, method: GET, path: /a, document: a.json, noun: A, permission: "Zone: A Read"}
  - {name: listB, method: GET, path: /b, document: b.json, noun: B, permission: "Zone: B Read"}
`)},
		ProvenanceFile:  {Data: []byte(encoded(t, records()))},
		Dir + "/a.json": {Data: []byte(textA)},
		Dir + "/b.json": {Data: []byte(textB)},
	}
}

func decoded(t *testing.T, text string) spec.Object {
	t.Helper()
	doc, err := spec.Decode("document", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestSourceIsReadByOperation(t *testing.T) {
	t.Parallel()
	source, err := ReadSource(module(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]spec.Object{"listA": decoded(t, textA), "listB": decoded(t, textB)}, source.Documents); diff != "" {
		t.Errorf("documents (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(records(), source.Provenance); diff != "" {
		t.Errorf("records (-want +got)\n%s", diff)
	}
	if len(source.Operations) != 2 || source.Operations[1].Name != "listB" {
		t.Errorf("operations %+v", source.Operations)
	}
}

func TestSourceMustBeTheRecordedOne(t *testing.T) {
	t.Parallel()
	broken := records()
	broken.Documents["b.json"] = record("{")
	for name, tt := range map[string]struct {
		change func(fsys fstest.MapFS)
		want   string
	}{
		"edited by hand": {func(m fstest.MapFS) { m[Dir+"/b.json"] = &fstest.MapFile{Data: []byte(`{"b":2}`)} },
			"openapi/b.json: sha256 is " + Sum([]byte(`{"b":2}`)) + ", the provenance says " + Sum([]byte(textB)) + ": the published text is only replaced by 'make spec-update'"},
		"no document": {func(m fstest.MapFS) { delete(m, Dir+"/b.json") }, "open openapi/b.json"},
		"no records":  {func(m fstest.MapFS) { delete(m, ProvenanceFile) }, "open openapi/provenance.json"},
		"odd records": {func(m fstest.MapFS) { m[ProvenanceFile] = &fstest.MapFile{Data: []byte("{")} }, "openapi/provenance.json: "},
		"no list":     {func(m fstest.MapFS) { delete(m, spec.OperationsFile) }, "open openapi/operations.yaml"},
		"odd list":    {func(m fstest.MapFS) { m[spec.OperationsFile] = &fstest.MapFile{Data: []byte("operations: []")} }, "openapi/operations.yaml: no operations"},
		"broken document": {func(m fstest.MapFS) {
			m[ProvenanceFile], m[Dir+"/b.json"] = &fstest.MapFile{Data: []byte(encoded(t, broken))}, &fstest.MapFile{Data: []byte("{")}
		}, "openapi/b.json: not JSON: jsontext: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := module(t)
			tt.change(fsys)
			source, err := ReadSource(fsys)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if source.Documents != nil {
				t.Errorf("documents %v beside the error", source.Documents)
			}
		})
	}
}
