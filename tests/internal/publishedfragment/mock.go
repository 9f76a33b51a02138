package publishedfragment

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// BasePath is the base path of the mock's API.
const BasePath = "/client/v4"

// Mock returns a handler that serves the operation as published, without later
// additions. It accepts an email and a key, and no token. It sends the published example
// for the certificate of the published identifier, and the published failure otherwise.
func (o *Operation) Mock() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(o.Method+" "+BasePath+o.Path, func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		for name, parameter := range o.identifiers() {
			if r.PathValue(name) != parameter.Example {
				status = http.StatusNotFound
			}
		}
		for _, scheme := range []string{"api_email", "api_key"} {
			if (*o.Security)[0][scheme] == nil || r.Header.Get(strings.ReplaceAll(scheme, "api_", "X-Auth-")) == "" {
				status = http.StatusBadRequest
			}
		}
		writeExample(w, status, o.schema(status))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeExample(w, http.StatusNotFound, o.schema(http.StatusNotFound))
	})
	return mux
}

// Identifier returns the published example of an id, which is the same for the account
// and the certificate.
func (o *Operation) Identifier() string {
	for _, parameter := range o.identifiers() {
		if example, ok := parameter.Example.(string); ok {
			return example
		}
	}
	return ""
}

func (o *Operation) identifiers() map[string]*openapi3.Schema {
	out := map[string]*openapi3.Schema{}
	for _, ref := range o.Parameters {
		out[ref.Value.Name] = ref.Value.Schema.Value
	}
	return out
}

func writeExample(w http.ResponseWriter, status int, schema *openapi3.Schema) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(Example(schema)); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// Example combines the published examples into a document. Where parts of an allOf
// contradict each other, the last one applies. A property without an example is null if
// it is nullable, a sample if it is required, and left out otherwise. A list of objects
// has one item, or none if that item would have no member. Any other list without an
// example is null if it is nullable, and empty otherwise.
func Example(schema *openapi3.Schema) any {
	if schema.Example != nil {
		return schema.Example
	}
	var out any
	for _, part := range schema.AllOf {
		out = merge(out, Example(part.Value))
	}
	object := map[string]any{}
	for name, property := range schema.Properties {
		example := Example(property.Value)
		required := slices.Contains(schema.Required, name)
		if example == nil && required && !property.Value.Nullable {
			example = Sample(property.Value)
		}
		if example != nil || property.Value.Nullable || required {
			object[name] = example
		}
	}
	switch {
	case len(object) > 0:
		return merge(out, object)
	case schema.Items != nil && len(schema.Items.Value.Properties) > 0:
		if item := Example(schema.Items.Value); item != nil {
			return []any{item}
		}
		return []any{}
	case schema.Items != nil && out == nil && !schema.Nullable:
		return []any{}
	default:
		return out
	}
}

// Sample returns the example of a schema, or a small value of its type.
func Sample(schema *openapi3.Schema) any {
	example := Example(schema)
	switch {
	case example != nil:
	case len(schema.Enum) > 0:
		return schema.Enum[0]
	case schema.Format == "date-time":
		return "2006-01-02T15:04:05Z"
	case schema.Type.Is(openapi3.TypeObject):
		return map[string]any{}
	case schema.Type.Is(openapi3.TypeInteger), schema.Type.Is(openapi3.TypeNumber):
		return 0
	case schema.Type.Is(openapi3.TypeBoolean):
		return false
	default:
		return "sample"
	}
	return example
}

func merge(under, over any) any {
	below, _ := under.(map[string]any)
	above, isObject := over.(map[string]any)
	if !isObject || below == nil {
		return over
	}
	for name, value := range above {
		below[name] = merge(below[name], value)
	}
	return below
}
