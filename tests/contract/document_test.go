package contract

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/generated"
)

// readContract reads the contract of the module. Service and status of an association
// are open sets: should the contract list values of them, those are not all that
// may come.
func readContract(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(generated.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	for name, field := range schemaOf(t, doc, 200).Properties["result"].Value.Items.Value.Properties {
		if name == "service" || name == "status" {
			field.Value.Enum = nil
		}
	}
	return doc
}

// responseSchema returns what the contract says of a body with this status.
func responseSchema(t *testing.T, status int) *openapi3.Schema {
	t.Helper()
	return schemaOf(t, readContract(t), status)
}

func schemaOf(t *testing.T, doc *openapi3.T, status int) *openapi3.Schema {
	t.Helper()
	for _, item := range doc.Paths.Map() {
		return item.Get.Responses.Status(status).Value.Content.Get("application/json").Schema.Value
	}
	t.Fatal("the contract has no path")
	return nil
}
