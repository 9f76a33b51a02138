package generate

import (
	"slices"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// View returns the part of the contract that the generated Go code depends on, so
// that other changes cannot break a build. The committed and embedded contract is
// complete. View leaves out:
//
//   - Optional parameters that the list of operations does not name: the library
//     does not send them. A required one is refused when a document is taken.
//   - The type of path parameters and all formats: ids are strings in the library,
//     which checks them itself before anything is sent.
//   - Enumerations and nullable: unknown values must pass through, and an absent
//     or null value is the zero value.
//   - additionalProperties beside properties: they would add a map and methods to
//     the type. The kept body has the unknown members.
//   - deprecated: it would mark every use in this module. The report of an update
//     shows it.
func View(contract spec.Object, ops spec.Operations) spec.Object {
	out := spec.Clone(contract)
	for _, op := range ops {
		found, err := op.Find(out)
		if err != nil {
			continue // of a contract without the operation
		}
		delete(found.Operation, "deprecated")
		reduceParameters(found.Operation, op.Query)
		for _, member := range []string{"parameters", "requestBody", "responses"} {
			reduce(found.Operation[member], spec.Fields.Child(member))
		}
	}
	reduce(spec.Child(out, "components", "schemas"), spec.Names)
	return out
}

// reduceParameters keeps the parameters that the library sends.
func reduceParameters(op spec.Object, query []string) {
	var kept []any
	for _, p := range spec.List(op, "parameters") {
		parameter := spec.Child(p)
		name := spec.Text(parameter, "name")
		if parameter["required"] != true && (parameter["in"] != "query" || !slices.Contains(query, name)) {
			continue
		}
		if schema, ok := parameter["schema"].(spec.Object); ok {
			delete(schema, "format")
			if parameter["in"] == "path" {
				schema["type"] = "string"
			}
		}
		kept = append(kept, parameter)
	}
	delete(op, "parameters")
	if kept != nil {
		op["parameters"] = kept
	}
}

// reduce removes keywords from the schemas below v, in place.
func reduce(v any, place spec.Place) {
	_ = spec.Visit(v, place, "", func(o spec.Object, _ string) error {
		for _, keyword := range []string{"enum", "nullable", "deprecated"} {
			delete(o, keyword)
		}
		if len(spec.Child(o, "properties")) > 0 {
			delete(o, "additionalProperties")
		}
		return nil
	})
}
