package generate

import (
	"maps"
	"slices"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// View returns the part of the contract that the generated Go code depends on, so
// that other changes cannot break a build. The committed and embedded contract is
// complete. View leaves out:
//
//   - Optional parameters that the list of operations does not name: the library
//     does not send them. A document in which one is required is refused.
//   - The type of path parameters, and the format of all parameters: ids are strings,
//     and the library checks them before anything is sent.
//   - Enumerations and nullable: unknown values must pass through, and an absent
//     or null value is the zero value.
//   - additionalProperties and choices beside properties: they would add a map or a
//     union, and methods, to the type. Unknown members are in the body, which is kept.
//   - Headers, and bodies other than application/json: no generated code reads them.
//   - deprecated: it would mark every use in this module. Reports of updates show it.
func View(contract spec.Object, ops spec.Operations) spec.Object {
	out := spec.Clone(contract)
	for _, op := range ops {
		if found, err := op.Find(out); err == nil {
			found.Operation["parameters"] = sent(found.Operation, op.Query)
		}
	}
	_ = spec.Visit(out, spec.Fields, "", func(o spec.Object, _ string) error {
		leftOut := []string{"enum", "nullable", "deprecated", "headers"}
		if len(spec.Child(o, "properties")) > 0 {
			leftOut = append(leftOut, "additionalProperties", "anyOf", "oneOf")
		}
		for _, keyword := range leftOut {
			delete(o, keyword)
		}
		maps.DeleteFunc(spec.Child(o, "content"), func(mediaType string, _ any) bool { return o["in"] == nil && mediaType != "application/json" })
		return nil
	})
	return out
}

// sent returns the parameters that the library sends.
func sent(op spec.Object, query []string) []any {
	parameters := slices.DeleteFunc(spec.List(op, "parameters"), func(p any) bool {
		parameter := spec.Child(p)
		listed := parameter["in"] == "query" && slices.Contains(query, spec.Text(parameter, "name"))
		return parameter["required"] != true && !listed
	})
	for _, p := range parameters {
		schema := spec.Child(p, "schema")
		delete(schema, "format")
		if schema != nil && spec.Child(p)["in"] == "path" {
			schema["type"] = "string"
		}
	}
	return parameters
}
