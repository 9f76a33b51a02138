package equivalence

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/spec"
	"github.com/certuse/cloudflare-mtls/tests/internal/jsongen"
	"github.com/certuse/cloudflare-mtls/tests/internal/rebuild"
)

// The contract in generated/ is the one that the pipeline makes from openapi/. The
// other tests use the frozen fragment in place of the stored text for associations, so
// their contract can differ from generated/, for example in descriptions.
func TestGeneratedContractIsTheOneRebuilt(t *testing.T) {
	t.Parallel()
	s, err := rebuild.Stored(moduleRoot, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(generated.OpenAPI(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(clone(t, s.Contract), got); diff != "" {
		t.Errorf("(-rebuilt +generated)\n%s", diff)
	}
}

// schemas returns the schemas of an operation by place, such as "response 200".
// pathNames are the names of the path parameters in o. The places use the names in
// openapi/operations.yaml, which may differ from those in o.
func schemas(o *openapi3.Operation, op spec.Operation, pathNames []string) map[string]*openapi3.Schema {
	out := map[string]*openapi3.Schema{}
	for _, ref := range o.Parameters {
		p := ref.Value
		name := p.Name
		for i, published := range pathNames {
			if p.In == "path" && published == name {
				name = spec.PathParameters(op.Path)[i]
			}
		}
		if p.Schema != nil {
			out[p.In+" "+name] = p.Schema.Value
		}
	}
	if o.RequestBody != nil {
		if media := o.RequestBody.Value.Content.Get("application/json"); media != nil && media.Schema != nil {
			out["request body"] = media.Schema.Value
		}
	}
	for _, status := range []int{200, 404} {
		out[fmt.Sprint("response ", status)] = rebuild.Schema(o, status)
	}
	return out
}

// Each schema accepts the same documents before and after the conversion to the
// canonical form, and before and after the merge of allOf.
func TestRewritesKeepTheMeaning(t *testing.T) {
	t.Parallel()
	eachOperation(t, func(t *testing.T, op spec.Operation) {
		s := stages(t)
		of := func(stage spec.Object) map[string]*openapi3.Schema {
			o, pathNames := operation(t, stage, op)
			return schemas(o, op, pathNames)
		}
		publishedOp, pathNames := published(t, op)
		for _, step := range []struct {
			name          string
			before, after map[string]*openapi3.Schema // by place
		}{
			{"canonical", schemas(publishedOp, op, pathNames), of(s.Canonical)},
			{"merged", of(s.Mergeable), of(s.Merged)},
		} {
			for place := range step.before {
				if step.after[place] == nil {
					t.Errorf("%s %s: no schema after the step", step.name, place)
				}
			}
			for place, after := range step.after {
				at := step.name + " " + place
				before := step.before[place]
				if before == nil { // the step moves a parameter of the path item to the operation
					t.Logf("%s: no schema before the step", at)
					continue
				}
				accepted, refused := compareSchemas(t, at, before, after)
				t.Logf("%s: %d accepted and %d refused by both", at, accepted, refused)
				if !strings.HasPrefix(place, "request ") && !strings.HasPrefix(place, "response ") {
					continue // not a body
				}
				unsatisfiable := step.name == "canonical" && place == "response 404" && !slices.Contains(satisfiable, op.Name)
				if refused < 100 || accepted < 100 && !unsatisfiable {
					t.Errorf("%s: fewer than 100 documents accepted or refused", at)
				}
			}
		}
	})
}

// compareSchemas fails if only one of the schemas accepts a generated document. It
// returns how many documents both schemas accepted, and how many both refused.
func compareSchemas(t *testing.T, at string, before, after *openapi3.Schema) (accepted, refused int) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		document := jsongen.Document(before, jsongen.Options{Extra: addedByPage, InvalidPercent: 3}).Draw(t, "document")
		errBefore, errAfter := validate(before, document), validate(after, document)
		switch {
		case (errBefore == nil) != (errAfter == nil):
			t.Fatalf("%s: before: %v\nafter: %v", at, errBefore, errAfter)
		case errBefore == nil:
			accepted++
		default:
			refused++
		}
	})
	return accepted, refused
}
