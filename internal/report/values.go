package report

import (
	"slices"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// text writes a value as JSON with sorted keys: equal values have equal texts.
func text(v any) string {
	data, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// meaning writes a value like text, without what asserts nothing and with
// lists of alternatives in one order.
func meaning(v any) string { return text(assertions(v, specdoc.Fields)) }

func assertions(v any, place specdoc.Place) any {
	if place == specdoc.Data {
		return v
	}
	switch v := v.(type) {
	case specdoc.Object:
		out := make(specdoc.Object, len(v))
		for key, child := range v {
			if place == specdoc.Fields && isProse(key) {
				continue
			}
			value := assertions(child, place.Child(key))
			if items, ok := value.([]any); ok && place == specdoc.Fields {
				switch key {
				case "required", "enum", "anyOf", "oneOf", "allOf":
					value = union(items)
				}
			}
			out[key] = value
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = assertions(child, place)
		}
		return out
	default:
		return v
	}
}

// isProse tells the keywords that assert nothing about documents.
func isProse(key string) bool {
	switch key {
	case "description", "summary", "title", "example", "examples", "externalDocs", "xml",
		"readOnly", "writeOnly", "tags", "operationId":
		return true
	default:
		return strings.HasPrefix(key, "x-")
	}
}

// shown writes a value for a line of the report: on one line, without control
// characters, and not too long.
func shown(v any) string {
	if v == nil {
		return "nothing"
	}
	return Line(text(v), 100)
}

// Line makes a text that a document's author wrote fit for a terminal: control
// characters become spaces, and it is cut at a number of characters.
func Line(s string, longest int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s))
	if len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return string(runes)
}

func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

func contains(l []any, v any) bool {
	want := text(v)
	return slices.ContainsFunc(l, func(e any) bool { return text(e) == want })
}

// union returns the values of lists once each, in one order.
func union(lists ...[]any) []any {
	out := slices.Concat(lists...)
	slices.SortFunc(out, func(a, b any) int { return strings.Compare(text(a), text(b)) })
	return slices.CompactFunc(out, func(a, b any) bool { return text(a) == text(b) })
}

// missing returns the values of a that are not in b.
func missing(a, b []any) []any {
	return slices.DeleteFunc(slices.Clone(a), func(v any) bool { return contains(b, v) })
}

func object(v any, keys ...string) specdoc.Object {
	o, _ := v.(specdoc.Object)
	for _, key := range keys {
		o, _ = o[key].(specdoc.Object)
	}
	return o
}

// eachKey calls visit for each key of either object, in order.
func eachKey(a, b specdoc.Object, visit func(key string)) {
	all := make(specdoc.Object, len(a)+len(b))
	for _, o := range []specdoc.Object{a, b} {
		for key := range o {
			all[key] = nil
		}
	}
	for _, key := range specdoc.SortedKeys(all) {
		visit(key)
	}
}
