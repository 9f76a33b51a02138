package normalize

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// annotations31 are keywords of 3.1 that assert nothing and have no place in
// 3.0. Definitions assert nothing where they stand, and no reference to them is
// left.
var annotations31 = []string{"$schema", "$comment", "$defs", "contentMediaType", "contentEncoding", "contentSchema"}

// keywords30 are the keywords that 3.0 has with the same meaning, or that
// schema30 rewrites. Any other keyword of a 3.1 schema is refused by name.
var keywords30 = []string{
	"title", "multipleOf", "maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum",
	"maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems",
	"maxProperties", "minProperties", "required", "enum", "type", "allOf", "oneOf", "anyOf", "not",
	"items", "properties", "additionalProperties", "description", "format", "default",
	"readOnly", "writeOnly", "example", "externalDocs", "deprecated", "xml",
	"const", "examples",
}

// schema30 returns a schema of 3.0 that accepts what a schema of 3.1 accepts,
// or says which keyword has no counterpart.
func schema30(v any, at string) (any, error) {
	switch v := v.(type) {
	case bool:
		if v {
			return spec.Object{}, nil
		}
		return spec.Object{"not": spec.Object{}}, nil
	case spec.Object:
		if err := rewriteKeywords(v, at); err != nil {
			return nil, err
		}
		if err := rewriteChildren(v, at); err != nil {
			return nil, err
		}
		if err := rewriteNull(v, at); err != nil {
			return nil, err
		}
		foldNull(v)
		return v, nil
	default:
		return nil, fmt.Errorf("%s: a schema is an object or a boolean", spec.Abbreviate(at))
	}
}

func rewriteKeywords(s spec.Object, at string) error {
	for _, key := range annotations31 {
		delete(s, key)
	}
	for _, key := range spec.SortedKeys(s) {
		if !slices.Contains(keywords30, key) && (len(key) < 2 || key[:2] != "x-") {
			return fmt.Errorf("%s/%s: OpenAPI 3.0 has no counterpart for this keyword of 3.1", spec.Abbreviate(at), spec.Escape(key))
		}
	}
	if value, ok := s["const"]; ok {
		if _, both := s["enum"]; both {
			return fmt.Errorf("%s/const: beside enum", spec.Abbreviate(at))
		}
		s["enum"] = []any{value}
		delete(s, "const")
	}
	if examples, ok := s["examples"].([]any); ok && len(examples) > 0 {
		if _, both := s["example"]; !both {
			s["example"] = examples[0]
		}
	}
	delete(s, "examples")
	rewriteBound(s, "minimum", "exclusiveMinimum", func(exclusive, inclusive float64) bool { return exclusive >= inclusive })
	rewriteBound(s, "maximum", "exclusiveMaximum", func(exclusive, inclusive float64) bool { return exclusive <= inclusive })
	return nil
}

// rewriteBound turns an exclusive bound that is a number into a bound with a
// flag, where it is the stronger of the two.
func rewriteBound(s spec.Object, inclusive, exclusive string, stronger func(exclusive, inclusive float64) bool) {
	bound, ok := s[exclusive].(float64)
	if !ok {
		return
	}
	delete(s, exclusive)
	if other, ok := s[inclusive].(float64); !ok || stronger(bound, other) {
		s[inclusive], s[exclusive] = bound, true
	}
}

func rewriteChildren(s spec.Object, at string) error {
	for _, key := range []string{"items", "not"} {
		if err := downgradeMember(s, key, at); err != nil {
			return err
		}
	}
	if _, open := s["additionalProperties"].(bool); !open {
		if err := downgradeMember(s, "additionalProperties", at); err != nil {
			return err
		}
	}
	properties, _ := s["properties"].(spec.Object)
	for _, name := range spec.SortedKeys(properties) {
		if err := downgradeMember(properties, name, at+"/properties"); err != nil {
			return err
		}
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		arms, _ := s[key].([]any)
		for i, arm := range arms {
			schema, err := schema30(arm, at+"/"+key+"/"+strconv.Itoa(i))
			if err != nil {
				return err
			}
			arms[i] = schema
		}
	}
	return nil
}

// rewriteNull writes the type null as 3.0 does: by nullable beside the one
// other type, and where there is no other, by the enumeration of null alone.
func rewriteNull(s spec.Object, at string) error {
	var types []any
	switch t := s["type"].(type) {
	case nil:
		return nil
	case string:
		types = []any{t}
	case []any:
		types = t
	default:
		return fmt.Errorf("%s/type: neither a name nor a list of names", spec.Abbreviate(at))
	}
	others := slices.DeleteFunc(slices.Clone(types), func(t any) bool { return t == "null" })
	nullable := len(others) < len(types)
	switch {
	case len(others) > 1:
		return fmt.Errorf("%s/type: OpenAPI 3.0 has no counterpart for several types %v", spec.Abbreviate(at), others)
	case len(others) == 1:
		s["type"] = others[0]
		if nullable {
			s["nullable"] = true
		}
	case !nullable:
		return fmt.Errorf("%s/type: an empty list of types", spec.Abbreviate(at))
	default:
		s["type"], s["nullable"], s["enum"] = "object", true, []any{nil}
	}
	return nil
}

// foldNull turns a choice between null and one typed schema, the other common
// way to write an optional value in 3.1, into that schema with nullable.
func foldNull(s spec.Object) {
	for _, key := range []string{"anyOf", "oneOf"} {
		arms, _ := s[key].([]any)
		isNull := func(arm any) bool {
			values, _ := arm.(spec.Object)["enum"].([]any)
			return len(values) == 1 && values[0] == nil
		}
		if len(arms) != 2 || isNull(arms[0]) == isNull(arms[1]) {
			continue
		}
		value, _ := arms[0].(spec.Object)
		if isNull(value) {
			value, _ = arms[1].(spec.Object)
		}
		_, typed := value["type"]
		if !typed || value["nullable"] == true || value["enum"] != nil || !disjoint(s, value) {
			continue
		}
		delete(s, key)
		for keyword, v := range value {
			if _, own := s[keyword]; !own {
				s[keyword] = v
			}
		}
		s["nullable"] = true
	}
}

// disjoint reports whether no keyword other than prose is in both schemas.
func disjoint(a, b spec.Object) bool {
	for key := range b {
		switch key {
		case "description", "title", "example":
		default:
			if _, both := a[key]; both {
				return false
			}
		}
	}
	return true
}
