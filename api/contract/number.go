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

// numbers returns the numbers of a sound JSON text that clients refuse although
// the schema allows them: integers beyond int64, for which the contract sets no
// bounds, as breaches; and numbers that decide and are not whole, or that float64
// cannot hold exactly, as drift. The text is read because a decoded number has
// lost its last digits.
func (c *checker) numbers(schema *openapi3.Schema, body []byte) (breaches, drift []Violation) {
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	for len(breaches)+len(drift) <= maxViolations {
		token, err := dec.ReadToken()
		if err != nil { // the end: the text was decoded before
			break
		}
		if token.Kind() != '0' {
			continue
		}
		text := token.String()
		n, whole := strictjson.ParseInt([]byte(text))
		if whole && -maxExact <= n && n <= maxExact {
			continue
		}
		v := Violation{Pointer: string(dec.StackPointer()), Excerpt: text}
		switch at := schemaAt(schema, dec.StackPointer()); {
		case at == nil:
		case at.Type.Is(openapi3.TypeInteger) && !whole && !hasFraction(text): // the schema refuses fractions
			v.Class, v.Message, v.Expected = BadResponse, "not an integer of 64 bits", "an integer from -2^63 to 2^63-1"
			breaches = append(breaches, v)
		case at.Type.Is(openapi3.TypeNumber) && document.Decides(at):
			v.Class, v.Message, v.Expected = Drift, "not a count, which clients refuse", "a whole number from -2^53 to 2^53"
			drift = append(drift, v)
		}
	}
	return breaches, drift
}

// maxExact is the largest integer up to which float64 holds every one.
const maxExact = 1 << 53

func hasFraction(text string) bool {
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
