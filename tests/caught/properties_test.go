package caught

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// operation makes a property of the document of one of its operation.
func operation(holds func(*openapi3.Operation) bool) func(*openapi3.T) bool {
	return func(doc *openapi3.T) bool {
		for _, item := range doc.Paths.Map() {
			if item.Get != nil && holds(item.Get) {
				return true
			}
		}
		return false
	}
}

func accepts(status int, body string) func(*openapi3.T) bool {
	return operation(func(o *openapi3.Operation) bool { return valid(o, status, body) })
}

func refuses(status int, body string) func(*openapi3.T) bool {
	return operation(func(o *openapi3.Operation) bool { return !valid(o, status, body) })
}

func valid(o *openapi3.Operation, status int, body string) bool {
	var value any
	if json.Unmarshal([]byte(body), &value) != nil {
		panic("not JSON: " + body)
	}
	return o.Responses.Status(status).Value.Content.Get("application/json").Schema.Value.VisitJSON(value) == nil
}

// schemes is the list of security requirements, in order.
func schemes(want ...string) func(*openapi3.T) bool {
	return operation(func(o *openapi3.Operation) bool {
		var got []string
		if o.Security != nil {
			for _, requirement := range *o.Security {
				got = append(got, strings.Join(slices.Sorted(maps.Keys(requirement)), "+"))
			}
		}
		return slices.Equal(got, want)
	})
}

// longestID is true when ids of n characters are allowed.
func longestID(name string, n int) func(*openapi3.T) bool {
	return operation(func(o *openapi3.Operation) bool {
		parameter := o.Parameters.GetByInAndName("path", name)
		return parameter != nil && parameter.Schema.Value.VisitJSON(strings.Repeat("x", n)) == nil
	})
}

// successIsPlain is true when the success flag is a boolean and no enumeration
// of one, in both envelopes.
func successIsPlain(doc *openapi3.T) bool {
	for _, name := range []string{"AssociationsResponse", "FailureResponse"} {
		if flag := doc.Components.Schemas[name].Value.Properties["success"].Value; !flag.Type.Is("boolean") || len(flag.Enum) > 0 {
			return false
		}
	}
	return true
}

// noChoiceIsLeft is true when a success is plain members, with no part of a
// scrambled envelope beside them.
func noChoiceIsLeft(doc *openapi3.T) bool {
	schema := doc.Components.Schemas["AssociationsResponse"].Value
	return len(schema.AnyOf)+len(schema.OneOf)+len(schema.AllOf) == 0
}

// knows is true when the contract shows the value for the member of a row.
func knows(member, value string) func(*openapi3.T) bool {
	return func(doc *openapi3.T) bool {
		return doc.Components.Schemas["Association"].Value.Properties[member].Value.Example == value
	}
}
