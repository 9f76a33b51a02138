package update

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/goview"
	"github.com/certuse/cloudflare-mtls/internal/importer"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/pipeline"
	"github.com/certuse/cloudflare-mtls/internal/report"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

const moduleRoot = "../.."

var golden = flag.Bool("golden", false, "write the golden files")

// shapes are invented documents with the shapes that the vendor's had, in the
// order in which they came.
func shapes(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/shapes/*")
	if err != nil || len(files) < 11 {
		t.Fatalf("%d shapes, %v", len(files), err)
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

// staged takes a shape through all stages but the generation.
func staged(t testing.TB, path string, data []byte) (*importer.Import, stages) {
	t.Helper()
	overlays, err := overlay.Load(os.DirFS(moduleRoot), pipeline.OverlayDir)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := importer.Take(filepath.Base(path), data)
	if err != nil {
		t.Fatal(err)
	}
	s, err := through(filepath.Base(path), taken.Cut, overlays, true)
	if err != nil {
		t.Fatal(err)
	}
	s.record.License = taken.License
	return taken, s
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

// withoutProse removes what only documentation is made of.
func withoutProse(v any, place spec.Place) any {
	switch v := v.(type) {
	case spec.Object:
		out := spec.Object{}
		for key, child := range v {
			switch {
			case place == spec.Fields && (key == "description" || key == "summary" || key == "example" ||
				key == "readOnly" || key == "tags" || key == "info"):
			default:
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

// All shapes mean the same once the overlays have spoken: one golden contract,
// and one view for the Go code, serve them all.
func TestEveryShapeGivesTheSameContract(t *testing.T) {
	t.Parallel()
	var view []byte
	for _, path := range shapes(t) {
		_, s := staged(t, path, read(t, path))
		compareGolden(t, "testdata/contract.json", encoded(t, withoutProse(s.contract, spec.Fields)))
		got := encoded(t, withoutProse(goview.View(s.contract), spec.Fields))
		if view == nil {
			view = got
		}
		if !bytes.Equal(view, got) {
			t.Errorf("%s: the Go code would change:\n%s", path, cmp.Diff(string(view), string(got)))
		}
	}
}

// The report of each shape, coming from the one before it, is a golden file.
func TestEachStepOfTheHistoryHasItsReport(t *testing.T) {
	t.Parallel()
	paths := shapes(t)
	_, before := staged(t, paths[len(paths)-1], read(t, paths[len(paths)-1]))
	for _, path := range paths {
		taken, after := staged(t, path, read(t, path))
		plan := &Plan{}
		plan.describe(Request{Name: filepath.Base(path)}, taken, before, after)
		plan.Report.Go = report.Go{Identical: true}
		plan.Report.Class = plan.Report.Classify()
		var text bytes.Buffer
		if err := plan.Report.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) + ".txt"
		compareGolden(t, filepath.Join("testdata", "reports", name), text.Bytes())
		if worst := report.Worst(plan.Report.Contract); worst > report.Documentation {
			t.Errorf("%s: class %v reaches users, though the contract is the same", path, worst)
		}
		before = after
	}
}

// Random component names are the vendor's most frequent change; nothing of the
// report may mention them.
func TestRandomNamesAreNoChange(t *testing.T) {
	t.Parallel()
	const path = "testdata/shapes/05-random.json"
	data := read(t, path)
	_, before := staged(t, path, data)
	taken, after := staged(t, path, bytes.ReplaceAll(data, []byte("k9XbT2mP_"), []byte("Zq81LmNo_")))
	plan := &Plan{}
	plan.describe(Request{Name: "renamed"}, taken, before, after)
	r := plan.Report
	if len(r.Contract)+len(r.Published)+len(r.Overlays.Satisfied)+len(r.Overlays.Needed) != 0 || r.Classify() != report.None {
		t.Errorf("%+v", r)
	}
}
