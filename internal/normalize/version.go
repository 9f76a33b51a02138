package normalize

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Version is the OpenAPI version of canonical documents.
const Version = "3.0.3"

// checkVersion accepts OpenAPI 3.0 and 3.1, with the default schema dialect.
func checkVersion(doc spec.Object) error {
	version := spec.Text(doc, "openapi")
	if !strings.HasPrefix(version, "3.0.") && !strings.HasPrefix(version, "3.1.") {
		return fmt.Errorf("/openapi: want version 3.0 or 3.1, have %.100q in a document of %.100q", version, spec.SortedKeys(doc)[:min(len(doc), 5)])
	}
	if dialect, ok := doc["jsonSchemaDialect"]; ok && dialect != "https://spec.openapis.org/oas/3.1/dialect/base" {
		return fmt.Errorf("/jsonSchemaDialect: %.100q is not supported", dialect)
	}
	return nil
}

func is31(doc spec.Object) bool { return strings.HasPrefix(spec.Text(doc, "openapi"), "3.1.") }

// annotationsOf31 are the keywords of OpenAPI 3.1 without effect on validation. $defs
// has none because all references have been replaced.
var annotationsOf31 = strings.Fields("$schema $comment $defs contentMediaType contentEncoding contentSchema")

// schemasAs30 converts the schemas of an operation from 3.1 to 3.0, in place. It
// removes the annotations that 3.0 lacks, and the type null becomes nullable, also in a
// choice between null and one other type. [Load] refuses other keywords that 3.0 lacks.
func schemasAs30(op spec.Object) {
	_ = spec.Visit(op, spec.Fields, "", func(o spec.Object, _ string) error {
		maps.DeleteFunc(o, func(key string, value any) bool {
			_, isList := value.([]any)
			return slices.Contains(annotationsOf31, key) || isList && key == "examples"
		})
		for _, keyword := range []string{"anyOf", "oneOf"} {
			arms := slices.DeleteFunc(slices.Clone(spec.List(o, keyword)), func(arm any) bool { return spec.Text(spec.Child(arm), "type") == "null" })
			if len(arms) == 1 && len(spec.List(o, keyword)) == 2 && spec.Text(spec.Child(arms[0]), "type") != "" {
				arm := spec.Child(arms[0])
				o[keyword], arm["type"] = arms, []any{arm["type"], "null"}
				if enum := spec.List(arm, "enum"); len(enum) > 0 && !slices.Contains(enum, nil) {
					arm["enum"] = append(enum, nil)
				}
			}
		}
		types, isList := o["type"].([]any)
		if !isList {
			types = []any{o["type"]}
		}
		switch others := slices.DeleteFunc(slices.Clone(types), func(t any) bool { return t == "null" }); {
		case len(others) == 0 && len(types) > 0:
			o["type"], o["nullable"], o["enum"] = "object", true, []any{nil}
		case len(others) == 1 && o["type"] != nil:
			if o["type"] = others[0]; len(types) > 1 {
				o["nullable"] = true
			}
		}
		if o["type"] == "array" && o["items"] == nil {
			o["items"] = spec.Object{} // which 3.0 requires
		}
		return nil
	})
}
