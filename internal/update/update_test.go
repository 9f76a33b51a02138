package update

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/generate"
	"github.com/certuse/cloudflare-mtls/internal/goview"
	"github.com/certuse/cloudflare-mtls/internal/pipeline"
	"github.com/certuse/cloudflare-mtls/internal/provenance"
	"github.com/certuse/cloudflare-mtls/internal/report"
	"github.com/certuse/cloudflare-mtls/tests/internal/testtree"
)

func request(root, path string, data []byte) Request {
	return Request{Root: root, Name: filepath.Base(path), Data: data, Retrieved: "2020-02-02"}
}

func take(t *testing.T, root, path string, data []byte) report.Report {
	t.Helper()
	plan, err := Prepare(t.Context(), request(root, path, data))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if err := plan.Apply(t.Context()); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return plan.Report
}

// fresh fails unless generated/ is what generation from the tree gives.
func fresh(t *testing.T, root string) {
	t.Helper()
	contract, err := pipeline.Normalize(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	files, err := codegen.Generate(t.Context(), root, contract, goview.View(contract))
	if err != nil {
		t.Fatal(err)
	}
	diff, err := codegen.Compare(os.DirFS(root), files)
	if err != nil || diff != "" {
		t.Errorf("the tree is torn: %v\n%s", err, diff)
	}
}

// The revisions as they came, and back again: at each step the tree is in
// order, the contract differs in prose and the Go code in comments at most, and a revision that was there
// before gives the same bytes as then.
func TestHistoryForwardAndBack(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	paths := shapes(t)
	back := slices.Clone(paths)
	slices.Reverse(back)
	seen := map[string]map[string]string{}
	for step, path := range slices.Concat(paths, back) {
		r := take(t, root, path, read(t, path))
		if worst := report.Worst(r.Contract); worst > report.Documentation || !r.Go.SameCode {
			t.Errorf("step %d, %s: class %v, same code %v", step, path, worst, r.Go.SameCode)
		}
		now := snapshot(t, root)
		if then, ok := seen[path]; ok {
			if diff := cmp.Diff(then, now); diff != "" {
				t.Errorf("step %d, %s is not as it was (-then +now)\n%s", step, path, diff)
			}
		}
		seen[path] = now
	}
	fresh(t, root)
}

func TestTheSameDocumentChangesNothing(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	const path = "testdata/shapes/01-first.json"
	take(t, root, path, read(t, path))
	before := snapshot(t, root)
	req := request(root, "other-name.json", append(read(t, path), "\n\n"...))
	req.Retrieved = "2021-01-01"
	plan, err := Prepare(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if plan.Report.Class != report.None || len(plan.Report.Files) != 0 {
		t.Errorf("class %v, files %v", plan.Report.Class, plan.Report.Files)
	}
	if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
		t.Errorf("changed:\n%s", diff)
	}
}

func TestPrepareChangesNothing(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	before := snapshot(t, root)
	const path = "testdata/shapes/08-current.json"
	plan, err := Prepare(t.Context(), request(root, path, read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
		t.Errorf("changed:\n%s", diff)
	}
	if len(plan.Report.Files) == 0 {
		t.Error("the plan has no files")
	}
}

func TestProvenanceTellsWhatWasTaken(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	const path = "testdata/shapes/08-current.json"
	data := bytes.Replace(read(t, path), []byte("BSD-3-Clause"), []byte("Proprietary, all of it"), 1)
	r := take(t, root, path, data)
	source, err := pipeline.ReadSource(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	got := source.Provenance
	if got.Source != "08-current.json (Invented API 7.1)" || got.SourceSHA256 != provenance.Sum(data) || got.Retrieved != "2020-02-02" || len(got.Added) != 0 {
		t.Errorf("%+v", got)
	}
	if got.License != "NOASSERTION" || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "Proprietary, all of it") {
		t.Errorf("licence %s, warnings %q", got.License, r.Warnings)
	}
	for _, id := range []string{"30-current-contract.yaml#documentation-url", "30-current-contract.yaml#result-is-optional"} {
		if !slices.Contains(got.SatisfiedUpstream, id) {
			t.Errorf("%s is not recorded as satisfied: %q", id, got.SatisfiedUpstream)
		}
	}
	if slices.Contains(got.SatisfiedUpstream, "30-current-contract.yaml#api-token") {
		t.Error("an action that still changes something is recorded as satisfied")
	}
}

func TestRefusalsLeaveTheTreeAlone(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	before := snapshot(t, root)
	const path = "testdata/shapes/08-current.json"
	for name, tt := range map[string]struct{ old, replacement, want string }{
		"no operation":            {"/associations", "/uses", "is not in the document"},
		"undefined scheme":        {`"api_key": {`, `"api_kee": {`, `scheme "api_key" is not defined`},
		"contradiction":           {`"type": "number"`, `"allOf": [{"type": "number"}, {"type": "string"}]`, `contradiction in "type"`},
		"overlay without a match": {`"4XX"`, `"404"`, "overlays/10-failure-response.yaml#failure-is-not-a-success matches nothing"},
		"object without a name":   {`"service": {`, `"` + strings.Repeat("long_", 9) + `": {"type": "object", "properties": {"a": {"type": "string"}}}, "service": {`, "needs a name"},
		"escape codes":            {"api.cloudflare.com/client/v4", `\u001b[31mevil\nline`, "is not the vendor's production host"},
	} {
		text := strings.Replace(string(read(t, path)), tt.old, tt.replacement, 1)
		if text == string(read(t, path)) {
			t.Fatalf("%s: %q is not in the document", name, tt.old)
		}
		plan, err := Prepare(t.Context(), request(root, path, []byte(text)))
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok || plan != nil {
			t.Errorf("%s: error %v, want a refusal", name, err)
			continue
		}
		if !strings.Contains(refused.Reason, tt.want) || strings.ContainsAny(refused.Reason, "\n\x1b") {
			t.Errorf("%s: %q, want one line with %q", name, refused.Reason, tt.want)
		}
	}
	if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
		t.Errorf("changed:\n%s", diff)
	}
}

func TestInterruptionIsNoRefusal(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	const path = "testdata/shapes/08-current.json"
	_, err := Prepare(ctx, request(root, path, read(t, path)))
	if _, refused := errors.AsType[*RefusedError](err); refused || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

// A tree that is out of order is not a fault of the new document.
func TestTornTreeIsNoRefusal(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	name := filepath.Join(root, "openapi", documentName)
	if err := os.WriteFile(name, append(read(t, name), ' '), 0o644); err != nil {
		t.Fatal(err)
	}
	const path = "testdata/shapes/08-current.json"
	_, err := Prepare(t.Context(), request(root, path, read(t, path)))
	if _, refused := errors.AsType[*RefusedError](err); refused || err == nil || !strings.Contains(err.Error(), "not in order") {
		t.Errorf("error %v", err)
	}
}
