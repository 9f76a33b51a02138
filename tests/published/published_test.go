// Package published tests the promises about the published text: it is stored as
// published, additions to it are marked, and its source is recorded.
package published

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/published"
	"github.com/certuse/cloudflare-mtls/internal/spec"
	"github.com/certuse/cloudflare-mtls/tests/internal/publishedfragment"
)

const moduleRoot = "../.."

// fragment is the parsed text of [publishedfragment.Path]: five lines, then JSON values
// one after the other.
type fragment struct {
	description, path, method, tag, operationID        string
	planAvailability, permissions, parameters, request any
	responses, security                                any
}

func readFragment(t *testing.T) (fragment, []byte) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(moduleRoot, publishedfragment.Path))
	if err != nil {
		t.Fatal(err)
	}
	var f fragment
	lines := bytes.SplitN(data, []byte("\n"), 6)
	for i, to := range []*string{&f.description, &f.path, &f.method, &f.tag, &f.operationID} {
		*to = string(lines[i])
	}
	values := json.NewDecoder(bytes.NewReader(lines[5]))
	for _, to := range []*any{&f.planAvailability, &f.permissions, &f.parameters, &f.request, &f.responses, &f.security} {
		if err := values.Decode(to); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := values.Token(); err != io.EOF {
		t.Fatalf("the fragment goes on after its last value: %v", err)
	}
	return f, data
}

func readSource(t *testing.T) published.Source {
	t.Helper()
	source, err := published.ReadSource(os.DirFS(moduleRoot))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// fragmentRecord returns the record and the document of the fragment's operation.
func fragmentRecord(t *testing.T) (published.Record, spec.Object) {
	t.Helper()
	source := readSource(t)
	for _, op := range source.Operations {
		if op.Name == publishedfragment.Name {
			record := source.Provenance.Documents[op.Document]
			return record, source.Documents[op.Name]
		}
	}
	t.Fatal("the list lacks the operation of the fragment")
	return published.Record{}, nil
}

func TestStoredDocumentIsTheUnmodifiedFragment(t *testing.T) {
	t.Parallel()
	want, text := readFragment(t)
	record, document := fragmentRecord(t)
	if record.SourceSHA256 != published.Sum(text) {
		t.Skipf("openapi/ now has a later text (%s) than the frozen fragment", record.Source)
	}
	op := dig(t, document, "paths", want.path, strings.ToLower(want.method))
	if want.request != nil {
		t.Error("the fragment has a request body; the stored document must have it too")
	}
	expected := spec.Object{
		"description":             want.description,
		"operationId":             want.operationID,
		"tags":                    []any{want.tag},
		"x-cfPlanAvailability":    want.planAvailability,
		"x-cfPermissionsRequired": want.permissions,
		"parameters":              want.parameters,
		"responses":               want.responses,
		"security":                want.security,
	}
	if diff := cmp.Diff(expected, op); diff != "" {
		t.Errorf("(-published +stored)\n%s", diff)
	}
}

// Additions to the fragment are marked in the document, and nothing else was added.
func TestAdditionsAreMarked(t *testing.T) {
	t.Parallel()
	record, document := fragmentRecord(t)
	marked := record.Added
	if len(marked) == 0 {
		t.Skip("the stored document is a published one: nothing was added")
	}
	inDocument, _ := document["x-added"].([]any)
	listed := make([]string, len(inDocument))
	for i, pointer := range inDocument {
		listed[i], _ = pointer.(string)
	}
	if diff := cmp.Diff(marked, listed); diff != "" {
		t.Errorf("(-provenance +document)\n%s", diff)
	}
	rest := spec.Clone(document)
	delete(rest, "x-added")
	for _, pointer := range marked {
		steps := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
		parent := rest
		if len(steps) > 1 {
			parent = dig(t, rest, steps[:len(steps)-1]...)
		}
		last := steps[len(steps)-1]
		if _, ok := parent[last]; !ok {
			t.Errorf("%s is marked as added but missing", pointer)
		}
		delete(parent, last)
	}
	fragment, _ := readFragment(t)
	want := spec.Object{
		"paths":      spec.Object{fragment.path: dig(t, document, "paths", fragment.path)},
		"components": spec.Object{},
	}
	if diff := cmp.Diff(want, rest); diff != "" {
		t.Errorf("added without a mark (-published +rest)\n%s", diff)
	}
}

var (
	digest = regexp.MustCompile(`^[0-9a-f]{64}$`)
	day    = regexp.MustCompile(`^20[0-9]{2}-[0-9]{2}-[0-9]{2}$`)
)

// The published text of each operation has everything that the operation uses. The
// record states the source of the text and what was left out.
func TestEveryOperationHasItsPublishedText(t *testing.T) {
	t.Parallel()
	source := readSource(t)
	for _, op := range source.Operations {
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			record := source.Provenance.Documents[op.Document]
			document := source.Documents[op.Name]
			if !digest.MatchString(record.SourceSHA256) || !day.MatchString(record.Retrieved) || record.Source == "" {
				t.Errorf("record %+v", record)
			}
			if len(record.Added) > 0 && op.Name != publishedfragment.Name {
				t.Errorf("added to the published text: %q", record.Added)
			}
			if _, err := normalize.Load(document); err != nil {
				t.Error(err)
			}
			if document["openapi"] != "3.0.3" {
				t.Errorf("version %v", document["openapi"])
			}
			if license := dig(t, document, "info", "license"); record.License != license["name"] {
				t.Errorf("the record says %q, the document %q", record.License, license["name"])
			}
			stored, err := os.ReadFile(filepath.Join(moduleRoot, published.Dir, op.Document))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(stored, []byte("-----BEGIN ")) {
				t.Error("a certificate or key is stored")
			}
			for _, pointer := range record.LeftOut {
				holder, name := pointer[:strings.LastIndexByte(pointer, '/')], pointer[strings.LastIndexByte(pointer, '/')+1:]
				value, err := spec.Lookup(document, "#"+holder)
				if object, ok := value.(spec.Object); err != nil || !ok || object[name] != nil {
					t.Errorf("left out at %s: %v, %v", pointer, value, err)
				}
			}
			// The text has only what the operation uses: cutting it again changes
			// nothing.
			if op.Name == publishedfragment.Name {
				return // compared with the fragment
			}
			taken, err := published.Take(op.Document, stored, spec.Operations{op})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(stored), string(taken.Texts[op.Name].Encoded)); diff != "" {
				t.Errorf("(-stored +cut again)\n%s", diff)
			}
		})
	}
}

func dig(t *testing.T, from spec.Object, path ...string) spec.Object {
	t.Helper()
	for _, key := range path {
		next, ok := from[key].(spec.Object)
		if !ok {
			t.Fatalf("%q of %q is not an object", key, path)
		}
		from = next
	}
	return from
}
