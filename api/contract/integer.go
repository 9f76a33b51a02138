package contract

import (
	"bytes"
	"math"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/api/internal/document"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// longIntegers returns integers of a sound JSON text that are no int64. The
// contract sets no bounds, but a client reads them as int64 and refuses others.
// The text is looked at because a decoded number has lost its last digits.
func (c *checker) longIntegers(status int, body []byte) (vs []Violation) {
	schema := c.doc.Schema(status)
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	for len(vs) <= maxViolations {
		token, err := dec.ReadToken()
		if err != nil { // the end: the text was decoded before
			return vs
		}
		if token.Kind() != '0' {
			continue
		}
		text := token.String()
		if fitsInt64(text) {
			continue
		}
		place := dec.StackPointer()
		if at := schemaAt(schema, place); at == nil || !at.Type.Is(openapi3.TypeInteger) {
			continue
		}
		vs = append(vs, Violation{
			Class: BadResponse, Pointer: string(place), Message: "not an integer of 64 bits",
			Expected: "an integer from -2^63 to 2^63-1", Excerpt: text,
		})
	}
	return vs
}

// fitsInt64 tells whether a client can read a JSON number that should be an
// integer. One with a fraction fits, too: it is the schema that refuses it.
func fitsInt64(text string) bool {
	if _, ok := strictjson.ParseInt([]byte(text)); ok {
		return true
	}
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && f != math.Trunc(f)
}

// schemaAt returns the schema of a place in a body, or nil.
func schemaAt(schema *openapi3.Schema, place jsontext.Pointer) *openapi3.Schema {
	for name := range place.Tokens() {
		if schema != nil && schema.Items != nil {
			name = ""
		}
		schema = document.Child(schema, name)
	}
	return schema
}
