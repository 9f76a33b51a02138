package sample

import "github.com/getkin/kin-openapi/openapi3"

// conjuncts lists the schemas that a value has to satisfy together.
func conjuncts(schema *openapi3.Schema) []*openapi3.Schema {
	all := []*openapi3.Schema{schema}
	for _, part := range schema.AllOf {
		all = append(all, conjuncts(part.Value)...)
	}
	return all
}

// required lists the members that an answer must have. One that is only written
// is in no answer.
func required(all []*openapi3.Schema) (names []string) {
	seen := make(map[string]bool)
	for _, s := range all {
		for _, name := range s.Required {
			if !seen[name] && !member(all, name).WriteOnly {
				names = append(names, name)
			}
			seen[name] = true
		}
	}
	return names
}

// member returns the schema of a property, or of the items when name is empty;
// without any, one that allows everything.
func member(all []*openapi3.Schema, name string) *openapi3.Schema {
	for _, s := range all {
		ref := s.Items
		if name != "" {
			ref = s.Properties[name]
		}
		if ref == nil && name != "" {
			ref = s.AdditionalProperties.Schema
		}
		if ref != nil {
			return ref.Value
		}
	}
	return new(openapi3.Schema)
}
