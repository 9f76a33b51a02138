package normalize

import "github.com/certuse/cloudflare-mtls/internal/spec"

// maxChoices bounds the combinations that merging has to write out: each arm
// of one part's oneOf or anyOf meets each arm of every other part's. The real
// operation has three.
const maxChoices = 1000

// combinations returns how many variants merging parts writes out, at most
// maxChoices+1. Parts are the schemas that apply to the same value.
func combinations(parts []spec.Object) int {
	product, below := 1, 0
	byName := map[string][]spec.Object{}
	var items []spec.Object
	for i := 0; i < len(parts); i++ {
		part := parts[i]
		parts = append(parts, objects(part["allOf"])...)
		for _, keyword := range []string{"anyOf", "oneOf"} {
			arms := objects(part[keyword])
			product = capped(product * max(1, len(arms)))
			for _, arm := range arms {
				below = capped(below + combinations([]spec.Object{arm}))
			}
		}
		properties, _ := part["properties"].(spec.Object)
		for name, property := range properties {
			if property, ok := property.(spec.Object); ok {
				byName[name] = append(byName[name], property)
			}
		}
		if item, ok := part["items"].(spec.Object); ok {
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

func objects(v any) []spec.Object {
	list, _ := v.([]any)
	out := make([]spec.Object, 0, len(list))
	for _, e := range list {
		if o, ok := e.(spec.Object); ok {
			out = append(out, o)
		}
	}
	return out
}
