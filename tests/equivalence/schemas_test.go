// Package equivalence holds what is promised about the normalised contract: it
// means what was published, except where an overlay action says otherwise.
package equivalence

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
	"github.com/certuse/cloudflare-mtls/tests/internal/frozen"
	"github.com/certuse/cloudflare-mtls/tests/internal/rebuild"
)

const moduleRoot = "../.."

func readPublished(t *testing.T) *frozen.Operation {
	t.Helper()
	op, err := frozen.Read(moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// published returns the published schema of a success, with associations that
// are objects: the published ones have properties but no type, so that a number
// would be an association too.
func published(t *testing.T) *openapi3.Schema {
	t.Helper()
	schema := readPublished(t).Schema(200)
	items := schema.AllOf[1].Value.Properties["result"].Value.Items.Value
	if items.Properties["service"] == nil || items.Type != nil {
		t.Fatal("the fragment is not the one that this test knows")
	}
	items.Type = &openapi3.Types{"object"}
	return schema
}

// publishedFailure returns the arm of the published failure that is not the
// success: what is left of the 4XX once it can be satisfied.
func publishedFailure(t *testing.T) *openapi3.Schema {
	t.Helper()
	arms := readPublished(t).Schema(404).AllOf
	if len(arms) != 2 {
		t.Fatal("the fragment is not the one that this test knows")
	}
	return arms[1].Value
}

func stages(t *testing.T) rebuild.Stages {
	t.Helper()
	s, err := rebuild.Frozen(moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// responseSchema returns the schema that a stage of the pipeline has for a
// status.
func responseSchema(t *testing.T, stage specdoc.Object, status int) *openapi3.Schema {
	t.Helper()
	doc, err := rebuild.Load(stage)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range doc.Paths.Map() {
		return item.Get.Responses.Status(status).Value.Content.Get("application/json").Schema.Value
	}
	t.Fatal("the document has no path")
	return nil
}

// validate returns what a schema has against a document.
func validate(schema *openapi3.Schema, document any) error {
	return schema.VisitJSON(document,
		openapi3.VisitAsResponse(), openapi3.EnableFormatValidation(), openapi3.DisableSchemaErrorDetails())
}
