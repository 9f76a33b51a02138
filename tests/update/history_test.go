package update

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/internal/published"
	"github.com/certuse/cloudflare-mtls/internal/update"
)

// associations is the operation of the documents in shapes, as reports name it.
const associations = "GET /accounts/{account_id}/mtls_certificates/{mtls_certificate_id}/associations"

// Revisions are applied in order and then in reverse order: each gives the same bytes
// both times. The revisions in shapes change at most comments of the Go code.
func TestARevisionGivesTheSameFilesWhateverCameBefore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pattern  string
		sameCode bool
		// incomplete is the document, if any, that lacks an operation. That operation keeps
		// the text of the revision before, so the bytes may differ.
		incomplete string
	}{
		"one operation": {pattern: shapes + "*", sameCode: true},
		"family":        {pattern: families + "*", incomplete: families + "1-first.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := seededTree(t)
			paths, err := filepath.Glob(tt.pattern)
			if err != nil || len(paths) < 4 {
				t.Fatalf("%d documents, %v", len(paths), err)
			}
			back := slices.Clone(paths)
			slices.Reverse(back)
			files := map[string]map[string]string{} // by revision
			for step, path := range slices.Concat(paths, back[1:]) {
				r := take(t, root, path, read(t, path))
				if tt.sameCode && !r.SameCode {
					t.Errorf("step %d, %s: the Go code differs", step, path)
				}
				second := snapshot(t, root)
				if first, ok := files[path]; ok && path != tt.incomplete {
					if diff := cmp.Diff(first, second); diff != "" {
						t.Errorf("step %d, %s gives other bytes than the first time (-first +second)\n%s", step, path, diff)
					}
				}
				files[path] = second
			}
			fresh(t, root)
		})
	}
}

func TestTheSameDocumentChangesNothing(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	const path = shapes + "01-first.json"
	take(t, root, path, read(t, path))
	before := snapshot(t, root)
	req := request(root, "other-name.json", append(read(t, path), "\n\n"...))
	req.Retrieved = "2021-01-01"
	if r := apply(t, req); r.Class != compare.None || len(r.Files) != 0 {
		t.Errorf("class %v, files %v", r.Class, r.Files)
	}
	unchanged(t, root, before)
}

func TestPrepareChangesNothing(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	before := snapshot(t, root)
	const path = shapes + "08-current.json"
	plan, err := update.Prepare(t.Context(), request(root, path, read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	unchanged(t, root, before)
	if len(plan.Report.Files) == 0 {
		t.Error("the plan has no files")
	}
}

func TestProvenanceRecordsTheTakenDocument(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	const path = shapes + "08-current.json"
	data := bytes.Replace(read(t, path), []byte("BSD-3-Clause"), []byte("Proprietary, all of it"), 1)
	take(t, root, path, data)
	source, err := published.ReadSource(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	got := source.Provenance.Documents["mtls-certificate-associations.json"]
	if got.Source != "08-current.json (Invented API 7.1)" || got.SourceSHA256 != published.Sum(data) || got.Retrieved != "2020-02-02" || len(got.Added) != 0 {
		t.Errorf("provenance %+v", got)
	}
	if got.License != "Proprietary, all of it" {
		t.Errorf("licence %s", got.License)
	}
}

// An action is recorded as satisfied while no operation needs it. A revision that needs
// it removes the record.
func TestProvenanceListsTheSatisfiedActions(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	satisfied := func() []string {
		source, err := published.ReadSource(os.DirFS(root))
		if err != nil {
			t.Fatal(err)
		}
		return source.Provenance.SatisfiedUpstream
	}
	const id = "2-contract/10-requests.yaml#filter-by-type"
	for _, tt := range []struct {
		document string
		want     bool
	}{{"4-current.yaml", true}, {"3-renamed.yaml", false}} {
		r := take(t, root, tt.document, read(t, families+tt.document))
		if got := slices.Contains(satisfied(), id); got != tt.want {
			t.Errorf("%s: recorded as satisfied: %t, want %t", tt.document, got, tt.want)
		}
		reported := r.Overlays.Needed
		if tt.want {
			reported = r.Overlays.Satisfied
		}
		if !slices.Contains(reported, id) {
			t.Errorf("%s: the report lacks the action: %+v", tt.document, r.Overlays)
		}
	}
}

// The vendor often changes an example, and with it the type of the example.
func TestAnExampleOfAnotherTypeIsDocumentation(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	for _, example := range []string{"5", "null", "{a: 1}", "[1]", "true"} {
		plan, err := update.Prepare(t.Context(), request(root, "new.yaml", changed(t, "example: tunnel", "example: "+example)))
		if err != nil {
			t.Errorf("%s: %v", example, err)
		} else if plan.Report.Class > compare.Documentation || slices.Contains(plan.Report.Files, "generated/client.gen.go") {
			t.Errorf("%s: class %v, files %q", example, plan.Report.Class, plan.Report.Files)
		}
	}
}

func TestInterruptionIsNoRefusal(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	const path = shapes + "08-current.json"
	if _, err := update.Prepare(ctx, request(root, path, read(t, path))); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if _, err := update.Regenerate(ctx, root); !errors.Is(err, context.Canceled) {
		t.Errorf("generation: error %v, want context.Canceled", err)
	}
}
