package mutation

import (
	"sync"

	"github.com/certuse/cloudflare-mtls/internal/spec"
	"github.com/certuse/cloudflare-mtls/tests/internal/publishedfragment"
	"github.com/certuse/cloudflare-mtls/tests/internal/rebuild"
)

// source is a set of published documents: those of openapi/ with the frozen fragment,
// or variants that resemble other revisions.
type source int

const (
	stored source = iota
	anyOfEnvelope
	tokenOnly
	pairOnly
	otherExamples
	revision2022
	revision2026
)

type built struct {
	stages rebuild.Stages
	err    error
}

// sources runs each source through the pipeline once.
var sources = map[source]func() built{
	stored:        once(func(map[string]spec.Object) {}),
	anyOfEnvelope: once(joinWithAnyOf),
	tokenOnly:     once(removePairs),
	pairOnly:      once(removeTokens),
	otherExamples: once(replaceExamples),
	revision2022:  once(resemble2022),
	revision2026:  once(resemble2026),
}

func once(change func(documents map[string]spec.Object)) func() built {
	return sync.OnceValue(func() built {
		fragment, err := rebuild.Fragment(moduleRoot)
		if err != nil {
			return built{err: err}
		}
		stages, err := rebuild.Stored(moduleRoot, func(documents map[string]spec.Object) {
			documents[publishedfragment.Name] = fragment
			change(documents)
		})
		return built{stages, err}
	})
}

// joinWithAnyOf makes the fragment resemble the revisions in which the envelope of a
// success is an anyOf instead of an allOf. The second part stays; the first part is in
// a oneOf with a failure.
func joinWithAnyOf(documents map[string]spec.Object) {
	parts := func(status string) []any {
		return schema(documents[publishedfragment.Name], status)["allOf"].([]any)
	}
	envelope := parts("200")[0].(spec.Object)
	joined := envelope["allOf"].([]any)
	delete(envelope, "allOf")
	choice := []any{joined[0], spec.Clone(parts("4XX")[1])}
	envelope["anyOf"] = []any{spec.Object{"oneOf": choice}, joined[1]}
}

// removePairs removes all credentials but API tokens.
func removePairs(documents map[string]spec.Object) {
	for _, document := range documents {
		operation(document)["security"] = []any{spec.Object{"api_token": []any{}}}
		spec.Ensure(document, "components")["securitySchemes"] = spec.Object{
			"api_token": spec.Object{"type": "http", "scheme": "bearer"},
		}
	}
}

// removeTokens removes all credentials but the pair of email and API key.
func removeTokens(documents map[string]spec.Object) {
	for _, document := range documents {
		operation(document)["security"] = []any{spec.Object{"api_email": []any{}, "api_key": []any{}}}
		spec.Ensure(document, "components")["securitySchemes"] = spec.Object{
			"api_email": spec.Object{"type": "apiKey", "in": "header", "name": "X-Auth-Email"},
			"api_key":   spec.Object{"type": "apiKey", "in": "header", "name": "X-Auth-Key"},
		}
	}
}

// replaceExamples replaces the examples of service and status in the fragment.
func replaceExamples(documents map[string]spec.Object) {
	members := descend(schema(documents[publishedfragment.Name], "200")["allOf"].([]any)[1].(spec.Object), "properties", "result", "items", "properties")
	for _, name := range []string{"service", "status"} {
		descend(members, name)["example"] = "other"
	}
}

// resemble2022 makes the documents resemble those of 2022 and 2023: zones without
// parameters, a required private key, and Worker settings without an envelope in a
// success and with a result in a failure.
func resemble2022(documents map[string]spec.Object) {
	delete(operation(documents["listZones"]), "parameters")
	upload := descend(operation(documents["uploadMTLSCertificate"]), "requestBody", "content", "application/json")
	upload["schema"] = spec.Object{
		"type": "object", "required": []any{"certificates", "ca", "private_key"},
		"properties": spec.Object{
			"ca": spec.Object{"type": "boolean"}, "certificates": spec.Object{"type": "string"},
			"name": spec.Object{"type": "string"}, "private_key": spec.Object{"type": "string"},
		},
	}
	settings := descend(operation(documents["getWorkerSettings"]), "responses", "200", "content", "application/json")
	settings["schema"] = spec.Object{"properties": spec.Object{"bindings": spec.Object{"type": "array", "items": spec.Object{}}}}
	notes := spec.Object{"type": "array", "items": spec.Object{
		"type": "object", "required": []any{"code", "message"},
		"properties": spec.Object{"code": spec.Object{"type": "integer"}, "message": spec.Object{"type": "string"}},
	}}
	failure := spec.Object{
		"type": "object", "required": []any{"success", "errors", "messages", "result"},
		"properties": spec.Object{
			"success": spec.Object{"type": "boolean"}, "errors": notes, "messages": spec.Clone(notes),
			"result": spec.Object{"anyOf": []any{spec.Object{"type": "object"}, spec.Object{"type": "string"}}},
		},
	}
	for status, response := range descend(operation(documents["getWorkerSettings"]), "responses") {
		if status != "200" {
			descend(response.(spec.Object), "content", "application/json")["schema"] = spec.Clone(failure)
		}
	}
}

// resemble2026 makes the documents of certificates resemble those of 2026: with a type,
// a filter by type, page numbers that are integers, and a deletion without a body.
func resemble2026(documents map[string]spec.Object) {
	kind := spec.Object{"type": "string", "enum": []any{"custom", "gateway_managed", "access_managed"}}
	delete(operation(documents["deleteMTLSCertificate"]), "requestBody")
	list := documents["listMTLSCertificates"]
	operation(list)["parameters"] = append(operation(list)["parameters"].([]any), spec.Object{
		"name": "type", "in": "query", "explode": false, "schema": spec.Object{"type": "array", "items": kind},
	})
	for _, name := range []string{"page", "per_page"} {
		operation(list)["parameters"] = append(operation(list)["parameters"].([]any), spec.Object{
			"name": name, "in": "query", "schema": spec.Object{"type": "integer", "minimum": 1.0},
		})
	}
	for _, name := range []string{"listMTLSCertificates", "getMTLSCertificate", "deleteMTLSCertificate", "uploadMTLSCertificate"} {
		for _, component := range descend(documents[name], "components", "schemas") {
			properties := spec.Child(component, "properties")
			if properties["serial_number"] != nil {
				properties["type"] = kind
			}
		}
	}
}

// operation returns the one operation of a document.
func operation(document spec.Object) spec.Object {
	for l := range spec.All(document) {
		return l.Operation
	}
	panic("no operation")
}

func schema(document spec.Object, status string) spec.Object {
	return descend(operation(document), "responses", status, "content", "application/json", "schema")
}

func descend(from spec.Object, path ...string) spec.Object {
	for _, key := range path {
		from = from[key].(spec.Object)
	}
	return from
}
