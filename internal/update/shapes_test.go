package update

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/internal/generate"
	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/published"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

const moduleRoot = "../.."

var golden = flag.Bool("golden", false, "write the golden files")

// shapes returns the paths of invented documents of one operation. In order, these
// documents repeat the vendor's changes to the real one. family returns the paths of
// such documents of several operations.
func shapes(t testing.TB) []string { return fixtures(t, "testdata/shapes/*", 11) }
func family(t testing.TB) []string { return fixtures(t, "testdata/family/*", 4) }

func fixtures(t testing.TB, pattern string, atLeast int) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) < atLeast {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	return files
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// stages has the results of the pipeline for the operations that a document has.
type stages struct {
	source published.Source
	taken  *published.Import
	result normalize.Result
}

// staged takes a document through all stages before generation.
func staged(t testing.TB, path string, data []byte) stages {
	t.Helper()
	all, err := spec.ReadOperations(os.DirFS(moduleRoot))
	if err != nil {
		t.Fatal(err)
	}
	overlays, err := normalize.ReadOverlays(os.DirFS(moduleRoot))
	if err != nil {
		t.Fatal(err)
	}
	s := stages{source: published.Source{Documents: map[string]spec.Object{}}}
	if s.taken, err = published.Take(filepath.Base(path), data, all); err != nil {
		t.Fatal(err)
	}
	s.taken.Missing = nil
	for _, op := range all {
		if text, ok := s.taken.Texts[op.Name]; ok {
			s.source.Operations = append(s.source.Operations, op)
			s.source.Documents[op.Name] = text.Document
		}
	}
	s.result, err = normalize.Run(s.source.Documents, s.source.Operations, overlays)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	// Actions on other operations match nothing here.
	s.result.Outcomes = slices.DeleteFunc(s.result.Outcomes, func(o overlay.Outcome) bool { return o.Effect == overlay.Unmatched })
	return s
}

// reported returns the report on the step between two documents.
func reported(t testing.TB, name string, before, after stages) compare.Report {
	t.Helper()
	plan := &Plan{req: Request{Name: name}, source: before.source, taken: after.taken, before: before.result, after: after.result}
	if err := plan.describe(); err != nil {
		t.Fatal(err)
	}
	return plan.Report
}

// compareGolden compares got with a golden file, or writes it.
func compareGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *golden {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, path)), string(got)); diff != "" {
		t.Errorf("%s (-golden +got); if that is meant, run the test with -golden:\n%s", path, diff)
	}
}

// withoutProse removes the members in which the contracts of the documents may differ:
// documentation, info and readOnly, which concerns requests only.
func withoutProse(v any, place spec.Place) any {
	switch v := v.(type) {
	case spec.Object:
		out := spec.Object{}
		for key, child := range v {
			prose := []string{"description", "summary", "example", "readOnly", "tags", "info"}
			if place != spec.Fields || !slices.Contains(prose, key) {
				out[key] = withoutProse(child, place.Child(key))
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = withoutProse(child, place)
		}
		return out
	default:
		return v
	}
}

func encoded(t testing.TB, doc any) []byte {
	t.Helper()
	data, err := spec.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// After the overlays, all shapes have the same contract, which is a golden file, and
// the same view for the Go code.
func TestEveryShapeGivesTheSameContract(t *testing.T) {
	t.Parallel()
	var view []byte
	for _, path := range shapes(t) {
		s := staged(t, path, read(t, path))
		compareGolden(t, "testdata/contract.json", encoded(t, withoutProse(s.result.Contract, spec.Fields)))
		got := encoded(t, withoutProse(generate.View(s.result.Contract, s.source.Operations), spec.Fields))
		if view == nil {
			view = got
		}
		if !bytes.Equal(view, got) {
			t.Errorf("%s: the Go code would change:\n%s", path, cmp.Diff(string(view), string(got)))
		}
	}
}

// The vendor added the operation on hostnames and then changed it, and the last
// revision has token groups.
func TestContractsOfTheFamilyDifferOnlyInHostnamesAndTokenGroups(t *testing.T) {
	t.Parallel()
	for _, path := range family(t) {
		s := staged(t, path, read(t, path))
		contract := spec.Clone(s.result.Contract)
		for l := range spec.All(contract) {
			delete(l.Operation, "x-api-token-group")
		}
		delete(spec.Child(contract, "paths"), "/zones/{zone_id}/certificate_authorities/hostname_associations")
		schemas := spec.Child(spec.Child(contract, "components"), "schemas")
		delete(schemas, "HostnameAssociations")
		delete(schemas, "HostnameAssociationsResponse")
		compareGolden(t, "testdata/contract-family.json", encoded(t, withoutProse(contract, spec.Fields)))
	}
}

// steps has the class of each step that changes more than documentation.
var steps = map[string]compare.Class{
	"01-first":         compare.Breaking,   // after 11-openapi31: members of errors and total_pages are missing
	"04-range":         compare.Breaking,   // tokens are no longer accepted
	"09-root-security": compare.Compatible, // a further way to authenticate
	"10-inline":        compare.Breaking,   // like 01-first, and tokens are no longer accepted
	"1-first":          compare.Breaking,   // after 4-current: an operation, members and parameters are missing
	"2-collision":      compare.Compatible, // an operation is new
	"3-renamed":        compare.Breaking,   // tokens are no longer accepted
	"4-current":        compare.Breaking,   // hostname associations lose the id of the certificate
}

// The report on each step is a golden file. The first document follows the last one.
func TestEachStepOfTheHistoryHasItsReport(t *testing.T) {
	t.Parallel()
	for _, paths := range [][]string{shapes(t), family(t)} {
		before := staged(t, paths[len(paths)-1], read(t, paths[len(paths)-1]))
		for _, path := range paths {
			after := staged(t, path, read(t, path))
			r := reported(t, filepath.Base(path), before, after)
			name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
			compareGolden(t, filepath.Join("testdata", "reports", name+".txt"), []byte(r.Text()))
			if r.Class != max(steps[name], min(r.Class, compare.Documentation)) {
				t.Errorf("%s: class %v, want %v", path, r.Class, steps[name])
			}
			before = after
		}
	}
}

// Random component names are the vendor's most frequent change; the report must not
// mention them.
func TestRandomNamesAreNoChange(t *testing.T) {
	t.Parallel()
	const path = "testdata/shapes/05-random.json"
	data := read(t, path)
	r := reported(t, "renamed", staged(t, path, data), staged(t, path, bytes.ReplaceAll(data, []byte("k9XbT2mP_"), []byte("Zq81LmNo_"))))
	if len(r.Operations)+len(r.Overlays.Satisfied)+len(r.Overlays.Needed) != 0 || r.Class != compare.None {
		t.Errorf("%+v", r)
	}
}
