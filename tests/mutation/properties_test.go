package mutation

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/tests/internal/rebuild"
)

// property is a predicate on the contract.
type property func(*openapi3.T) bool

// The paths of the operations.
const (
	certificates  = "/accounts/{account_id}/mtls_certificates"
	certificate   = certificates + "/{mtls_certificate_id}"
	associations  = certificate + "/associations"
	hostnames     = "/zones/{zone_id}/certificate_authorities/hostname_associations"
	zones         = "/zones"
	workers       = "/accounts/{account_id}/workers/scripts"
	settings      = workers + "/{script_name}/settings"
	pagesProjects = "/accounts/{account_id}/pages/projects"
	hyperdrive    = "/accounts/{account_id}/hyperdrive/configs"
	gateway       = "/accounts/{account_id}/gateway/configuration"
	posture       = "/accounts/{account_id}/devices/posture"
)

// at makes a property of one operation a property of the document. A path alone means
// GET.
func at(operation string, holds func(*openapi3.Operation) bool) property {
	return func(doc *openapi3.T) bool {
		method, path, ok := strings.Cut(operation, " ")
		if !ok {
			method, path = "GET", operation
		}
		item := doc.Paths.Value(path)
		if item == nil {
			return false
		}
		o := item.GetOperation(method)
		return o != nil && holds(o)
	}
}

// everywhere makes a property of all operations a property of the document.
func everywhere(holds func(*openapi3.Operation) bool) property {
	return func(doc *openapi3.T) bool {
		for _, item := range doc.Paths.Map() {
			for _, o := range item.Operations() {
				if !holds(o) {
					return false
				}
			}
		}
		return true
	}
}

func accepts(operation string, status int, body string) property {
	return at(operation, func(o *openapi3.Operation) bool { return valid(o, status, body) })
}

func refuses(operation string, status int, body string) property {
	return at(operation, func(o *openapi3.Operation) bool { return !valid(o, status, body) })
}

// both returns the conjunction of two properties.
func both(a, b property) property {
	return func(doc *openapi3.T) bool { return a(doc) && b(doc) }
}

func valid(o *openapi3.Operation, status int, body string) bool {
	var value any
	if json.Unmarshal([]byte(body), &value) != nil {
		panic("not JSON: " + body)
	}
	return rebuild.Schema(o, status).VisitJSON(value) == nil
}

// success returns a response with a result.
func success(result string) string {
	return `{"success":true,"errors":[],"messages":[],"result":` + result + `}`
}

// schemes is true when each operation has the wanted security requirements, in order.
func schemes(want ...string) property {
	return everywhere(func(o *openapi3.Operation) bool {
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
func longestID(name string, n int) property {
	return everywhere(func(o *openapi3.Operation) bool {
		parameter := o.Parameters.GetByInAndName("path", name)
		return parameter == nil || parameter.Schema.Value.VisitJSON(strings.Repeat("x", n)) == nil
	})
}

// sends is true when the operation has a query parameter that accepts the value.
func sends(operation, name string, value any) property {
	return at(operation, func(o *openapi3.Operation) bool {
		parameter := o.Parameters.GetByInAndName("query", name)
		return parameter != nil && parameter.Schema.Value.VisitJSON(value) == nil
	})
}

// member returns a member of a success, such as "result[].id"; nil if there is
// none.
func member(o *openapi3.Operation, path string) *openapi3.SchemaRef {
	s := &openapi3.SchemaRef{Value: rebuild.Schema(o, 200)}
	for name := range strings.SplitSeq(path, ".") {
		name, isList := strings.CutSuffix(name, "[]")
		if s = s.Value.Properties[name]; s != nil && isList {
			s = s.Value.Items
		}
		if s == nil {
			return nil
		}
	}
	return s
}

// extension returns an extension of a member. If the member's schema is a reference to
// a component, the extension may be beside the reference.
func extension(m *openapi3.SchemaRef, name string) any {
	if value, ok := m.Extensions[name]; ok {
		return value
	}
	return m.Value.Extensions[name]
}

// has is true when a success has the member.
func has(operation, path string) property {
	return at(operation, func(o *openapi3.Operation) bool { return member(o, path) != nil })
}

// lacks is true when a success has no such member.
func lacks(operation, path string) property {
	return at(operation, func(o *openapi3.Operation) bool { return member(o, path) == nil })
}

// decides is true when all the members are marked with x-decides.
func decides(operation string, paths ...string) property {
	return at(operation, func(o *openapi3.Operation) bool {
		return !slices.ContainsFunc(paths, func(path string) bool {
			m := member(o, path)
			return m == nil || extension(m, "x-decides") != true
		})
	})
}

// marked is true when a member has the extension.
func marked(operation, path, name string) property {
	return at(operation, func(o *openapi3.Operation) bool { return extension(member(o, path), name) != nil })
}

// knows is true when the value is the example of the member.
func knows(operation, path, value string) property {
	return at(operation, func(o *openapi3.Operation) bool {
		m := member(o, path)
		return m != nil && m.Value.Example == value
	})
}

// plain is true when the schema of a success has no anyOf, oneOf or allOf.
func plain(operation string) property {
	return at(operation, func(o *openapi3.Operation) bool {
		s := rebuild.Schema(o, 200)
		return len(s.AnyOf)+len(s.OneOf)+len(s.AllOf) == 0
	})
}
