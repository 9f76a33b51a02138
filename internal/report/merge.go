package report

import (
	"slices"

	"github.com/certuse/cloudflare-mtls/internal/flatten"
	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// Loosen returns doc with the parts of each allOf put together, as far as they
// can be: doc may contradict itself, as the published text does, and a keyword
// that its parts disagree on then has all their values. It makes documents
// comparable that arrange the same parts differently. doc is not changed.
func Loosen(doc specdoc.Object) specdoc.Object {
	out, _ := loosen(doc, specdoc.Fields).(specdoc.Object)
	paths, _ := out["paths"].(specdoc.Object)
	for _, item := range paths {
		item, _ := item.(specdoc.Object)
		op, _ := item["get"].(specdoc.Object)
		responses, _ := op["responses"].(specdoc.Object)
		for _, response := range responses {
			response, _ := response.(specdoc.Object)
			content, _ := response["content"].(specdoc.Object)
			for _, media := range content {
				if media, ok := media.(specdoc.Object); ok {
					flatten.Simplify(media["schema"])
				}
			}
		}
	}
	return out
}

func loosen(v any, place specdoc.Place) any {
	if place == specdoc.Data {
		return v
	}
	switch v := v.(type) {
	case specdoc.Object:
		out := make(specdoc.Object, len(v))
		for key, child := range v {
			out[key] = loosen(child, place.Child(key))
		}
		parts, ok := out["allOf"].([]any)
		if !ok || place != specdoc.Fields {
			return out
		}
		delete(out, "allOf")
		for _, part := range parts {
			if part, ok := part.(specdoc.Object); ok {
				join(out, part)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = loosen(child, place)
		}
		return out
	default:
		return v
	}
}

// join adds the assertions of part to whole.
func join(whole, part specdoc.Object) {
	_, wholeTyped := whole["type"]
	_, partTyped := part["type"]
	if wholeTyped && partTyped && (whole["nullable"] != true || part["nullable"] != true) {
		delete(whole, "nullable")
		part = without(part, "nullable")
	}
	for _, key := range specdoc.SortedKeys(part) {
		old, there := whole[key]
		if !there {
			whole[key] = specdoc.Clone(part[key])
			continue
		}
		whole[key] = joinKeyword(key, old, part[key])
	}
}

func joinKeyword(key string, a, b any) any {
	switch key {
	case "description", "title", "example", "examples":
		return a
	case "required", "enum":
		return both(key, a, b)
	case "properties":
		return joinProperties(a, b)
	case "items", "additionalProperties", "not":
		x, ok := a.(specdoc.Object)
		if y, isSchema := b.(specdoc.Object); ok && isSchema && key != "not" {
			join(x, y)
			return x
		}
	case "minimum", "minLength", "minItems", "minProperties":
		return narrower(a, b, func(x, y float64) bool { return x > y })
	case "maximum", "maxLength", "maxItems", "maxProperties":
		return narrower(a, b, func(x, y float64) bool { return x < y })
	}
	if text(a) == text(b) {
		return a
	}
	return union(list(a), list(b))
}

func joinProperties(a, b any) any {
	x, _ := a.(specdoc.Object)
	y, _ := b.(specdoc.Object)
	for name, property := range y {
		old, _ := x[name].(specdoc.Object)
		if added, ok := property.(specdoc.Object); ok && old != nil {
			join(old, added)
		} else {
			x[name] = specdoc.Clone(property)
		}
	}
	return x
}

// both joins lists: what either requires, or what both allow. Where they allow
// nothing in common, all values are kept to be told.
func both(key string, a, b any) any {
	x, y := list(a), list(b)
	if key == "required" {
		return union(x, y)
	}
	common := slices.DeleteFunc(slices.Clone(x), func(v any) bool { return !contains(y, v) })
	if len(common) == 0 {
		return union(x, y)
	}
	return common
}

func narrower(a, b any, better func(x, y float64) bool) any {
	x, ok := a.(float64)
	if y, isNumber := b.(float64); ok && isNumber && better(y, x) {
		return b
	}
	return a
}

func without(o specdoc.Object, key string) specdoc.Object {
	out := make(specdoc.Object, len(o))
	for k, v := range o {
		if k != key {
			out[k] = v
		}
	}
	return out
}
