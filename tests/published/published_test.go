// Package published holds what is promised about the published text: it is
// stored as it was published, and every change of its meaning stands in
// overlays/.
package published

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/flatten"
	"github.com/certuse/cloudflare-mtls/internal/pipeline"
	"github.com/certuse/cloudflare-mtls/internal/provenance"
	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

const (
	moduleRoot = "../.."
	frozen     = moduleRoot + "/tests/testdata/published/openapi-fragment.txt"
)

// fragment is the frozen text, taken apart: five lines, then JSON values one
// after the other.
type fragment struct {
	description, path, method, tag, operationID        string
	planAvailability, permissions, parameters, request any
	responses, security                                any
}

func readFragment(t *testing.T) (fragment, []byte) {
	t.Helper()
	data, err := os.ReadFile(frozen)
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

func readSource(t *testing.T) pipeline.Source {
	t.Helper()
	source, err := pipeline.ReadSource(os.DirFS(moduleRoot))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestStoredDocumentIsTheFragmentUntouched(t *testing.T) {
	t.Parallel()
	want, text := readFragment(t)
	source := readSource(t)
	if source.Provenance.SourceSHA256 != provenance.Sum(text) {
		t.Skipf("openapi/ has been updated since (%s): the frozen fragment is history", source.Provenance.Source)
	}
	op := dig(t, source.Document, "paths", want.path, strings.ToLower(want.method))
	if want.request != nil {
		t.Error("the fragment has a request body; the stored document must have it too")
	}
	expected := specdoc.Object{
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

// What the fragment does not say stands in the document, is marked there, and
// is all that was added.
func TestAdditionsAreMarked(t *testing.T) {
	t.Parallel()
	source := readSource(t)
	marked := source.Provenance.Added
	if len(marked) == 0 {
		t.Skip("the stored document is a whole published one: nothing was added")
	}
	inDocument, _ := source.Document["x-added"].([]any)
	listed := make([]string, len(inDocument))
	for i, pointer := range inDocument {
		listed[i], _ = pointer.(string)
	}
	if diff := cmp.Diff(marked, listed); diff != "" {
		t.Errorf("(-provenance +document)\n%s", diff)
	}
	rest := specdoc.Clone(source.Document)
	delete(rest, "x-added")
	for _, pointer := range marked {
		steps := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
		parent := rest
		if len(steps) > 1 {
			parent = dig(t, rest, steps[:len(steps)-1]...)
		}
		last := steps[len(steps)-1]
		if _, ok := parent[last]; !ok {
			t.Errorf("%s is marked as added and is not there", pointer)
		}
		delete(parent, last)
	}
	fragment, _ := readFragment(t)
	want := specdoc.Object{
		"paths":      specdoc.Object{fragment.path: source.Document["paths"].(specdoc.Object)[fragment.path]},
		"components": specdoc.Object{},
	}
	if diff := cmp.Diff(want, rest); diff != "" {
		t.Errorf("added without a mark (-published +rest)\n%s", diff)
	}
}

func TestStoredDocumentIsValidOpenAPI(t *testing.T) {
	t.Parallel()
	source := readSource(t)
	if _, err := flatten.Load(source.Document); err != nil {
		t.Error(err)
	}
	if source.Document["openapi"] != "3.0.3" {
		t.Errorf("version %v", source.Document["openapi"])
	}
}

func TestLicenceIsNamed(t *testing.T) {
	t.Parallel()
	source := readSource(t)
	license := dig(t, source.Document, "info", "license")
	if source.Provenance.License != license["name"] {
		t.Errorf("provenance says %q, the document %q", source.Provenance.License, license["name"])
	}
}

func dig(t *testing.T, from specdoc.Object, path ...string) specdoc.Object {
	t.Helper()
	for _, key := range path {
		next, ok := from[key].(specdoc.Object)
		if !ok {
			t.Fatalf("%q of %q is not an object", key, path)
		}
		from = next
	}
	return from
}
