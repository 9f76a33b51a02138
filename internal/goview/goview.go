// Package goview reduces the normalised contract to what the generated Go code
// should depend on, so that a change that Go code need not know of cannot break
// a build. The contract itself, as committed and embedded, keeps everything.
//
// What the view leaves out, and why the generated code is right without it:
//
//   - Optional parameters: the library does not send them. Each would add an
//     argument to the generated method. A required one is refused when a
//     document is taken.
//   - The assertions of path parameters: ids are strings to the library, which
//     checks them itself before anything is sent. A format would change their
//     Go type.
//   - Enumerations, formats and nullable: service, status and the like are open
//     sets, whose unknown values must pass through, and an absent or null value
//     is the zero value.
//   - additionalProperties beside properties: unknown members are not lost,
//     since the body as received is kept; they would add a map and methods to
//     the type.
//   - deprecated: it would mark every use in this module. The report of the
//     update tells it instead.
package goview

import "github.com/certuse/cloudflare-mtls/internal/specdoc"

// View returns the reduced form of contract, which is not changed.
func View(contract specdoc.Object) specdoc.Object {
	out := specdoc.Clone(contract)
	paths, _ := out["paths"].(specdoc.Object)
	for _, item := range paths {
		item, _ := item.(specdoc.Object)
		op, ok := item["get"].(specdoc.Object)
		if !ok {
			continue
		}
		delete(op, "deprecated")
		reduceParameters(op)
		reduce(op["responses"], specdoc.Names)
	}
	components, _ := out["components"].(specdoc.Object)
	reduce(components["schemas"], specdoc.Names)
	return out
}

func reduceParameters(op specdoc.Object) {
	all, _ := op["parameters"].([]any)
	var kept []any
	for _, p := range all {
		parameter, _ := p.(specdoc.Object)
		if parameter["required"] != true {
			continue
		}
		delete(parameter, "deprecated")
		if schema, ok := parameter["schema"].(specdoc.Object); ok && parameter["in"] == "path" {
			schema["type"] = "string"
			reduce(schema, specdoc.Fields)
		}
		kept = append(kept, parameter)
	}
	op["parameters"] = kept
}

// reduce removes keywords from the schemas below v, in place.
func reduce(v any, place specdoc.Place) {
	switch v := v.(type) {
	case specdoc.Object:
		if place == specdoc.Fields {
			for _, keyword := range []string{"enum", "format", "nullable", "deprecated"} {
				delete(v, keyword)
			}
			if properties, _ := v["properties"].(specdoc.Object); len(properties) > 0 {
				delete(v, "additionalProperties")
			}
		}
		for key, child := range v {
			reduce(child, place.Child(key))
		}
	case []any:
		for _, child := range v {
			reduce(child, place)
		}
	}
}
