// Package equivalence tests that the normalised contract means what was published,
// except where an overlay action changes it.
package equivalence

import (
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/internal/spec"
	"github.com/certuse/cloudflare-mtls/tests/internal/publishedfragment"
	"github.com/certuse/cloudflare-mtls/tests/internal/rebuild"
)

const moduleRoot = "../.."

// stages returns the pipeline's stages. For associations, the published text is the
// frozen fragment.
func stages(t *testing.T) rebuild.Stages {
	t.Helper()
	s, err := rebuilt()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var rebuilt = sync.OnceValues(func() (rebuild.Stages, error) { return rebuild.Frozen(moduleRoot) })

// eachOperation runs a test for each operation of the list.
func eachOperation(t *testing.T, test func(t *testing.T, op spec.Operation)) {
	t.Helper()
	for _, op := range stages(t).Operations {
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			test(t, op)
		})
	}
}

// associations returns the entry of the operation that the fragment describes.
func associations(t *testing.T) spec.Operation {
	t.Helper()
	for _, op := range stages(t).Operations {
		if op.Name == publishedfragment.Name {
			return op
		}
	}
	t.Fatal("the list lacks the operation of the fragment")
	return spec.Operation{}
}

// operation returns an operation in a document, and the names of its path parameters
// there.
func operation(t *testing.T, doc spec.Object, op spec.Operation) (*openapi3.Operation, []string) {
	t.Helper()
	found, err := op.Find(doc)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := rebuild.Load(doc)
	if err != nil {
		t.Fatal(err)
	}
	return loaded.Paths.Value(found.Path).GetOperation(strings.ToUpper(found.Method)), spec.PathParameters(found.Path)
}

func published(t *testing.T, op spec.Operation) (*openapi3.Operation, []string) {
	t.Helper()
	return operation(t, stages(t).Published[op.Name], op)
}

func contract(t *testing.T, op spec.Operation) *openapi3.Operation {
	t.Helper()
	o, _ := operation(t, stages(t).Contract, op)
	return o
}

// publishedSuccess returns the fragment's schema of a success, changed so that each
// association must be an object. The published schema of an association has properties
// but no type, so a number would be valid too.
func publishedSuccess(t *testing.T) *openapi3.Schema {
	t.Helper()
	o, _ := published(t, associations(t))
	schema := rebuild.Schema(o, 200)
	items := schema.AllOf[1].Value.Properties["result"].Value.Items.Value
	if items.Properties["service"] == nil || items.Type != nil {
		t.Fatal("the fragment is not the one that this test knows")
	}
	items.Type = &openapi3.Types{"object"}
	return schema
}

// publishedFailure returns the published schema of a failure. A published 4XX that
// requires both a success and a failure accepts no document, so publishedFailure
// returns only its failure part.
func publishedFailure(t *testing.T, op spec.Operation) *openapi3.Schema {
	t.Helper()
	o, _ := published(t, op)
	schema := rebuild.Schema(o, 404)
	if arms := schema.AllOf; len(arms) > 0 {
		return arms[len(arms)-1].Value
	}
	return schema
}

// validate returns the first violation of a schema by a document, or nil.
func validate(schema *openapi3.Schema, document any) error {
	return schema.VisitJSON(document,
		openapi3.VisitAsResponse(), openapi3.EnableFormatValidation(), openapi3.DisableSchemaErrorDetails())
}
