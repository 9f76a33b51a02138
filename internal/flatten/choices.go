package flatten

import (
	"fmt"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// maxChoices bounds the combinations that merging has to write out: each arm
// of one part's oneOf or anyOf meets each arm of every other part's. The real
// operation has three.
const maxChoices = 1000

// checkChoices refuses a document whose merged form would be too large.
func checkChoices(doc specdoc.Object) error {
	return eachSchema(doc, func(schema specdoc.Object, pointer string) error {
		if n := combinations([]specdoc.Object{schema}); n > maxChoices {
			return fmt.Errorf("%s: merging allOf would combine more than %d choices", pointer, maxChoices)
		}
		return nil
	})
}

// eachSchema visits the schemas of the parameters and responses of doc.
func eachSchema(doc specdoc.Object, visit func(schema specdoc.Object, pointer string) error) error {
	paths, _ := doc["paths"].(specdoc.Object)
	for _, path := range specdoc.SortedKeys(paths) {
		item, _ := paths[path].(specdoc.Object)
		op, _ := item["get"].(specdoc.Object)
		at := "/paths/" + specdoc.Escape(path) + "/get"
		parameters, _ := op["parameters"].([]any)
		for i, p := range parameters {
			parameter, _ := p.(specdoc.Object)
			if schema, ok := parameter["schema"].(specdoc.Object); ok {
				if err := visit(schema, fmt.Sprintf("%s/parameters/%d/schema", at, i)); err != nil {
					return err
				}
			}
		}
		responses, _ := op["responses"].(specdoc.Object)
		for _, status := range specdoc.SortedKeys(responses) {
			response, _ := responses[status].(specdoc.Object)
			content, _ := response["content"].(specdoc.Object)
			for _, mediaType := range specdoc.SortedKeys(content) {
				media, _ := content[mediaType].(specdoc.Object)
				if schema, ok := media["schema"].(specdoc.Object); ok {
					pointer := at + "/responses/" + status + "/content/" + specdoc.Escape(mediaType) + "/schema"
					if err := visit(schema, pointer); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// combinations returns how many variants merging parts writes out, at most
// maxChoices+1. Parts are the schemas that apply to the same value.
func combinations(parts []specdoc.Object) int {
	product, below := 1, 0
	byName := map[string][]specdoc.Object{}
	var items []specdoc.Object
	for i := 0; i < len(parts); i++ {
		part := parts[i]
		parts = append(parts, objects(part["allOf"])...)
		for _, keyword := range []string{"anyOf", "oneOf"} {
			arms := objects(part[keyword])
			product = capped(product * max(1, len(arms)))
			for _, arm := range arms {
				below = capped(below + combinations([]specdoc.Object{arm}))
			}
		}
		properties, _ := part["properties"].(specdoc.Object)
		for name, property := range properties {
			if property, ok := property.(specdoc.Object); ok {
				byName[name] = append(byName[name], property)
			}
		}
		if item, ok := part["items"].(specdoc.Object); ok {
			items = append(items, item)
		}
	}
	deepest := 1
	for _, schemas := range byName {
		deepest = max(deepest, combinations(schemas))
	}
	if len(items) > 0 {
		deepest = max(deepest, combinations(items))
	}
	return capped(product * max(below, deepest, 1))
}

func capped(n int) int { return min(n, maxChoices+1) }

func objects(v any) []specdoc.Object {
	list, _ := v.([]any)
	out := make([]specdoc.Object, 0, len(list))
	for _, e := range list {
		if o, ok := e.(specdoc.Object); ok {
			out = append(out, o)
		}
	}
	return out
}
