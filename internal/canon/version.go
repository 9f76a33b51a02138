package canon

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// Version is the OpenAPI version of canonical documents. The patch versions of
// 3.0 differ in their prose only.
const Version = "3.0.3"

// dialect31 is the schema dialect that OpenAPI 3.1 documents have by default.
const dialect31 = "https://spec.openapis.org/oas/3.1/dialect/base"

// CheckVersion refuses what is not OpenAPI 3.0 or 3.1.
func CheckVersion(doc specdoc.Object) error {
	version, ok := doc["openapi"].(string)
	switch {
	case !ok && doc["swagger"] != nil:
		return fmt.Errorf("/swagger: OpenAPI 2 (%v) is not supported, only 3.0 and 3.1", doc["swagger"])
	case !ok:
		return fmt.Errorf("/openapi: not an OpenAPI document (no version; keys found: %.100q)",
			slices.Sorted(maps.Keys(doc))[:min(len(doc), 5)])
	case !strings.HasPrefix(version, "3.0.") && !strings.HasPrefix(version, "3.1."):
		return fmt.Errorf("/openapi: version %.100q is not supported, only 3.0 and 3.1", version)
	}
	if dialect, ok := doc["jsonSchemaDialect"]; ok && dialect != dialect31 {
		return fmt.Errorf("/jsonSchemaDialect: %.100q is not supported", dialect)
	}
	return nil
}

func is31(doc specdoc.Object) bool {
	version, _ := doc["openapi"].(string)
	return strings.HasPrefix(version, "3.1.")
}

// canonicalInfo returns a copy of the document's info without what only
// OpenAPI 3.1 knows, wherever it stands: it says nothing about the operation.
func canonicalInfo(doc specdoc.Object) any {
	info := specdoc.Clone(doc["info"])
	if object, ok := info.(specdoc.Object); ok {
		delete(object, "summary")
		if license, ok := object["license"].(specdoc.Object); ok {
			delete(license, "identifier")
		}
	}
	return info
}

// downgrade rewrites the schemas of a 3.1 operation as 3.0 has them, in place.
func downgrade(op specdoc.Object, at string) error {
	parameters, _ := op["parameters"].([]any)
	for i, p := range parameters {
		if err := downgradeHolder(p, fmt.Sprintf("%s/parameters/%d", at, i)); err != nil {
			return err
		}
	}
	responses, _ := op["responses"].(specdoc.Object)
	for _, status := range specdoc.SortedKeys(responses) {
		response, _ := responses[status].(specdoc.Object)
		pointer := at + "/responses/" + specdoc.Escape(status)
		if err := downgradeHolder(response, pointer); err != nil {
			return err
		}
		headers, _ := response["headers"].(specdoc.Object)
		for _, name := range specdoc.SortedKeys(headers) {
			if err := downgradeHolder(headers[name], pointer+"/headers/"+specdoc.Escape(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// downgradeHolder rewrites the schemas of a parameter, a header or a response.
func downgradeHolder(v any, at string) error {
	holder, _ := v.(specdoc.Object)
	if err := downgradeMember(holder, "schema", at); err != nil {
		return err
	}
	content, _ := holder["content"].(specdoc.Object)
	for _, mediaType := range specdoc.SortedKeys(content) {
		media, _ := content[mediaType].(specdoc.Object)
		if err := downgradeMember(media, "schema", at+"/content/"+specdoc.Escape(mediaType)); err != nil {
			return err
		}
	}
	return nil
}

func downgradeMember(holder specdoc.Object, key, at string) error {
	if _, ok := holder[key]; !ok {
		return nil
	}
	schema, err := schema30(holder[key], at+"/"+key)
	if err != nil {
		return err
	}
	holder[key] = schema
	return nil
}
