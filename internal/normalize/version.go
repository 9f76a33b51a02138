package normalize

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Version is the OpenAPI version of canonical documents. The patch versions of
// 3.0 differ in their prose only.
const Version = "3.0.3"

// dialect31 is the schema dialect that OpenAPI 3.1 documents have by default.
const dialect31 = "https://spec.openapis.org/oas/3.1/dialect/base"

// CheckVersion refuses what is not OpenAPI 3.0 or 3.1.
func CheckVersion(doc spec.Object) error {
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

func is31(doc spec.Object) bool {
	version, _ := doc["openapi"].(string)
	return strings.HasPrefix(version, "3.1.")
}

// canonicalInfo returns a copy of the document's info without what only
// OpenAPI 3.1 knows, wherever it stands: it says nothing about the operation.
func canonicalInfo(doc spec.Object) any {
	info := spec.Clone(doc["info"])
	if object, ok := info.(spec.Object); ok {
		delete(object, "summary")
		if license, ok := object["license"].(spec.Object); ok {
			delete(license, "identifier")
		}
	}
	return info
}

// downgrade rewrites the schemas of a 3.1 operation as 3.0 has them, in place.
func downgrade(l spec.Located) error {
	for place := range l.Schemas() {
		if err := downgradeMember(place.Holder, "schema", place.Pointer); err != nil {
			return err
		}
	}
	return nil
}

func downgradeMember(holder spec.Object, key, at string) error {
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
