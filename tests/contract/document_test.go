package contract

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/tests/internal/committed"
)

func readContract(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := committed.Contract()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func responseSchema(t *testing.T, status int) *openapi3.Schema {
	t.Helper()
	schema, err := committed.Schema(status)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// filled is a success with what the contract requires since it was written down.
func filled(t *testing.T, body string) []byte {
	t.Helper()
	text, err := committed.Filled(200, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
