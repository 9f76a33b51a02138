package equivalence

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/pipeline"
	"github.com/certuse/cloudflare-mtls/internal/provenance"
	"github.com/certuse/cloudflare-mtls/tests/internal/frozen"
	"github.com/certuse/cloudflare-mtls/tests/internal/jsongen"
)

// The generated contract is what these tests rebuild from the frozen fragment,
// as long as openapi/ holds that fragment.
func TestGeneratedContractIsTheOneRebuilt(t *testing.T) {
	t.Parallel()
	source, err := pipeline.ReadSource(os.DirFS(moduleRoot))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(moduleRoot + "/" + frozen.Path)
	if err != nil {
		t.Fatal(err)
	}
	if source.Provenance.SourceSHA256 != provenance.Sum(text) {
		t.Skipf("openapi/ has been updated since (%s): the frozen fragment is history", source.Provenance.Source)
	}
	var got any
	if err := json.Unmarshal(generated.OpenAPI(), &got); err != nil {
		t.Fatal(err)
	}
	rebuilt := clone(t, stages(t).Normalised)
	for _, place := range []string{"paths", "components", "servers"} {
		if diff := cmp.Diff(rebuilt.(map[string]any)[place], got.(map[string]any)[place],
			cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == `["description"]` }, cmp.Ignore()),
			cmp.FilterPath(isExtension, cmp.Ignore())); diff != "" {
			t.Errorf("%s (-rebuilt +generated)\n%s", place, diff)
		}
	}
}

// isExtension leaves out members that have no meaning for a validator.
func isExtension(p cmp.Path) bool {
	step, ok := p.Last().(cmp.MapIndex)
	return ok && (len(step.Key().String()) > 2 && step.Key().String()[:2] == "x-" || step.Key().String() == "tags")
}

// The steps that are not overlays keep the meaning: whatever one form accepts or
// refuses, the other does.
func TestRewritesKeepTheMeaning(t *testing.T) {
	t.Parallel()
	s := stages(t)
	steps := []struct {
		name          string
		status        int
		before, after *openapi3.Schema
	}{
		{"canonical success", 200, responseSchema(t, s.Published, 200), responseSchema(t, s.Canonical, 200)},
		{"canonical failure", 404, responseSchema(t, s.Published, 404), responseSchema(t, s.Canonical, 404)},
		{"flattened success", 200, responseSchema(t, s.Overlaid, 200), responseSchema(t, s.Normalised, 200)},
		{"flattened failure", 404, responseSchema(t, s.Overlaid, 404), responseSchema(t, s.Normalised, 404)},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			accepted, refused := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				document := jsongen.Document(step.before, jsongen.Options{Extra: addedByPage, Spoil: 3}).Draw(t, "document")
				before, after := validate(step.before, document), validate(step.after, document)
				if (before == nil) != (after == nil) {
					t.Fatalf("before: %v\nafter: %v", before, after)
				}
				if before == nil {
					accepted++
				} else {
					refused++
				}
			})
			t.Logf("%d accepted and %d refused by both", accepted, refused)
			if refused < 100 || (accepted < 100 && step.name != "canonical failure") { // which nothing satisfies
				t.Error("too few of one kind to say anything")
			}
		})
	}
}
