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

// The tests of this package apply to generated/, because both contracts are equal.
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

// schemas returns the schemas of an operation by place. Path parameters, whose names in
// the document are pathNames, get their names in openapi/operations.yaml.
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
	add := func(name string, content openapi3.Content) {
		if media := content.Get("application/json"); media != nil && media.Schema != nil {
			out[name] = media.Schema.Value
		}
	}
	if o.RequestBody != nil {
		add("request body", o.RequestBody.Value.Content)
	}
	for _, status := range []int{200, 404} {
		add(fmt.Sprint("response ", status), o.Responses.Status(status).Value.Content)
	}
	return out
}

// A step other than an overlay keeps the meaning: the schemas before and after it accept
// the same documents.
func TestRewritesKeepTheMeaning(t *testing.T) {
	t.Parallel()
	eachOperation(t, func(t *testing.T, op spec.Operation) {
		s := stages(t)
		var few []string // places with too few accepted or too few refused documents
		publishedOp, names := published(t, op)
		at := func(stage spec.Object) map[string]*openapi3.Schema {
			o, names := operation(t, stage, op)
			return schemas(o, op, names)
		}
		for step, forms := range map[string][2]map[string]*openapi3.Schema{
			"canonical": {schemas(publishedOp, op, names), at(s.Canonical)},
			"merged":    {at(s.Mergeable), at(s.Merged)},
		} {
			// Parameters of the path item have been moved to the operation.
			for place, after := range forms[1] {
				before := forms[0][place]
				if before == nil {
					t.Logf("%s %s: no schema at this place before the step", step, place)
					continue
				}
				accepted, refused := 0, 0
				rapid.Check(t, func(t *rapid.T) {
					document := jsongen.Document(before, jsongen.Options{Extra: addedByPage, InvalidPercent: 3}).Draw(t, "document")
					errBefore, errAfter := validate(before, document), validate(after, document)
					if (errBefore == nil) != (errAfter == nil) {
						t.Fatalf("%s %s: before: %v\nafter: %v", step, place, errBefore, errAfter)
					}
					if errBefore == nil {
						accepted++
					} else {
						refused++
					}
				})
				t.Logf("%s %s: %d accepted and %d refused by both", step, place, accepted, refused)
				unsatisfiable := step == "canonical" && place == "response 404" && !slices.Contains(satisfiable, op.Name)
				if isBody := strings.HasPrefix(place, "request ") || strings.HasPrefix(place, "response "); isBody && (refused < 100 || accepted < 100 && !unsatisfiable) {
					few = append(few, step+" "+place)
				}
			}
		}
		if len(few) > 0 {
			t.Errorf("fewer than 100 documents accepted or refused: %q", few)
		}
	})
}
