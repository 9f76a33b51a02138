// Package contractdoc reads the current contract of the module for tests.
package contractdoc

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/tests/internal/publishedfragment"
)

// Contract returns the contract without the enums of string members, because other
// values may occur.
func Contract() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(generated.OpenAPI())
	if err != nil {
		return nil, err
	}
	for _, schema := range doc.Components.Schemas {
		for _, property := range schema.Value.Properties {
			if property.Value.Type.Is(openapi3.TypeString) {
				property.Value.Enum = nil
			}
		}
	}
	return doc, nil
}

// Operation is an operation of the contract.
type Operation struct {
	Method, Path string
	*openapi3.Operation
}

// Operations returns the operations of the contract by their ids.
func Operations() (map[string]Operation, error) {
	doc, err := Contract()
	if err != nil {
		return nil, err
	}
	return OperationsOf(doc), nil
}

// OperationsOf returns the operations of a document by their ids.
func OperationsOf(doc *openapi3.T) map[string]Operation {
	operations := make(map[string]Operation)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			operations[operation.OperationID] = Operation{method, path, operation}
		}
	}
	return operations
}

// Schema returns the contract's schema for the JSON bodies of an operation's responses
// with this status.
func Schema(operation string, status int) (*openapi3.Schema, error) {
	operations, err := Operations()
	if err != nil {
		return nil, err
	}
	op, known := operations[operation]
	if !known {
		return nil, fmt.Errorf("the contract has no operation %s", operation)
	}
	return op.Schema(status)
}

// Schema returns the contract's schema for JSON bodies of responses with this status.
func (o Operation) Schema(status int) (*openapi3.Schema, error) {
	if response := cmp.Or(o.Responses.Status(status), o.Responses.Default()); response != nil {
		if media := response.Value.Content.Get("application/json"); media != nil {
			return media.Schema.Value, nil
		}
	}
	return nil, fmt.Errorf("the contract has no schema for status %d of %s", status, o.OperationID)
}

// Filled adds to a body the members that the contract requires and the body lacks.
func Filled(operation string, status int, body []byte) ([]byte, error) {
	schema, err := Schema(operation, status)
	if err != nil {
		return nil, err
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, err
	}
	fill(schema, value)
	return json.Marshal(value)
}

func fill(schema *openapi3.Schema, value any) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if schema.Items != nil {
				fill(schema.Items.Value, item)
			}
		}
	case map[string]any:
		for name, property := range schema.Properties {
			if member, has := v[name]; has {
				fill(property.Value, member)
			}
		}
		for _, name := range schema.Required {
			if _, has := v[name]; !has && schema.Properties[name] != nil {
				v[name] = publishedfragment.Sample(schema.Properties[name].Value)
			}
		}
	}
}
