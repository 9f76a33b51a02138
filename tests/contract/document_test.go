package contract

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/tests/internal/contractdoc"
)

func readContract(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := contractdoc.Contract()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// opAssociations is the operation of [api.Client.Associations].
const opAssociations = "listMTLSCertificateAssociations"

func readOperations(t *testing.T) map[string]contractdoc.Operation {
	t.Helper()
	operations, err := contractdoc.Operations()
	if err != nil {
		t.Fatal(err)
	}
	return operations
}

func responseSchema(t *testing.T, operation string, status int) *openapi3.Schema {
	t.Helper()
	schema, err := contractdoc.Schema(operation, status)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// filled adds to body, a success of opAssociations, the required members that body
// lacks.
func filled(t *testing.T, body string) []byte {
	t.Helper()
	text, err := contractdoc.Filled(opAssociations, 200, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
