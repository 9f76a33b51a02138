// Package committed reads the contract of the module for tests that hold other
// things to it, whatever it has come to say.
package committed

import (
	"errors"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/sample"
)

// Contract returns the contract. Service and status of an association are open
// sets: should the contract list values of them, those are not all that may come.
func Contract() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(generated.OpenAPI())
	if err != nil {
		return nil, err
	}
	success, err := schema(doc, 200)
	if err != nil {
		return nil, err
	}
	rows := success.Properties["result"]
	if rows == nil || rows.Value.Items == nil {
		return nil, errors.New("the contract has no list of associations")
	}
	for _, name := range []string{"service", "status"} {
		if field := rows.Value.Items.Value.Properties[name]; field != nil {
			field.Value.Enum = nil
		}
	}
	return doc, nil
}

// Schema returns what the contract says of a JSON body with this status.
func Schema(status int) (*openapi3.Schema, error) {
	doc, err := Contract()
	if err != nil {
		return nil, err
	}
	return schema(doc, status)
}

func schema(doc *openapi3.T, status int) (*openapi3.Schema, error) {
	for _, item := range doc.Paths.Map() {
		if response := item.Get.Responses.Status(status); response != nil {
			if media := response.Value.Content.Get("application/json"); media != nil {
				return media.Schema.Value, nil
			}
		}
	}
	return nil, errors.New("the contract has no schema for the status")
}

// Filled adds to a body what the contract has come to require since it was
// written down.
func Filled(status int, body []byte) ([]byte, error) {
	s, err := Schema(status)
	if err != nil {
		return nil, err
	}
	return sample.Fill(s, body, nil)
}
