package compare

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// form is a document in the normal form in which differences are looked for:
// references are replaced by their targets; what OpenAPI assumes anyway is left
// out; lists without order are sorted, and sets of names are objects; parameters,
// headers and media types are found by what names them.
type form struct {
	doc        spec.Object // as given
	operations spec.Object // by method and path, such as "GET /zones"
}

// rawKey is a member of the normal form: the key or index that the object has in
// the document. Like other extensions it is not compared.
const rawKey = "x-key"

// status matches the statuses and ranges that responses can have.
var status = regexp.MustCompile(`^([1-5]([0-9]{2}|XX)|default)$`)

func newForm(doc spec.Object) (form, error) {
	f := form{doc: doc, operations: spec.Object{}}
	for l := range spec.All(doc) {
		op := spec.Clone(l.Operation)
		if err := normalize.Keywords(op, l.Pointer()); err != nil {
			return form{}, err
		}
		n := normalizer{doc: doc}
		normal := spec.Child(n.value(op, spec.Fields, ""))
		if n.err != nil {
			return form{}, fmt.Errorf("%s: %w", l.Pointer(), n.err)
		}
		for key := range spec.Children(spec.Child(normal, "responses")) {
			if !status.MatchString(key) {
				return form{}, fmt.Errorf("%s/responses/%s: there is no such status", l.Pointer(), spec.Escape(key))
			}
		}
		normal["security"] = accepted(doc, op)
		f.operations[l.Title()] = normal
	}
	return f, nil
}

// normalizer brings parts of a document into normal form.
type normalizer struct {
	doc    spec.Object
	active []string // references that are being replaced
	err    error
}

// value returns v in normal form. holder is the key under which v stands.
func (n *normalizer) value(v any, place spec.Place, holder string) any {
	switch v := v.(type) {
	case spec.Object:
		if ref, ok := v["$ref"].(string); ok && place == spec.Fields {
			return n.reference(ref)
		}
		out := make(spec.Object, len(v))
		for key, value := range v {
			switch {
			case place == spec.Data:
				out[key] = value
			case place == spec.Names:
				n.named(out, holder, key, value)
			case !isDefault(key, value):
				out[key] = n.value(value, place.Child(key), key)
			}
		}
		if place == spec.Fields {
			tidy(out)
		}
		return out
	case []any:
		out := make([]any, len(v))
		set := spec.Object{}
		for i, value := range v {
			switch {
			case holder == "parameters" && place == spec.Fields:
				n.named(set, holder, fmt.Sprint(i), value)
			case holder == "required" && place == spec.Fields:
				set[fmt.Sprint(value)] = true
			default:
				out[i] = n.value(value, place, "")
			}
		}
		if len(set) > 0 {
			return set
		}
		if slices.Contains([]string{"enum", "anyOf", "oneOf", "allOf"}, holder) {
			slices.SortFunc(out, func(a, b any) int {
				return strings.Compare(spec.JSON(published(a, place)), spec.JSON(published(b, place)))
			})
			out = slices.CompactFunc(out, func(a, b any) bool { return spec.JSON(a) == spec.JSON(b) })
		}
		return out
	default:
		return v
	}
}

// named adds a member of one of OpenAPI's maps, or a parameter, to out by the
// name that it has in every document.
func (n *normalizer) named(out spec.Object, holder, key string, value any) {
	normal := n.value(value, spec.Fields, "")
	object, isObject := normal.(spec.Object)
	name := key
	switch holder {
	case "parameters":
		name = fmt.Sprintf("%v %v", object["in"], object["name"])
	case "headers":
		name = http.CanonicalHeaderKey(key)
	}
	if isObject && slices.Contains([]string{"parameters", "headers", "content", "responses"}, holder) {
		object[rawKey] = key
	}
	out[name] = normal
}

func (n *normalizer) reference(ref string) any {
	target, err := spec.Lookup(n.doc, ref)
	if err != nil || slices.Contains(n.active, ref) {
		n.err = fmt.Errorf("the reference %.100q has no target, or refers to itself", ref)
		return nil
	}
	n.active = append(n.active, ref)
	defer func() { n.active = n.active[:len(n.active)-1] }()
	return n.value(target, spec.Fields, "")
}

// isDefault reports whether a field that may hold a list or a schema says what
// OpenAPI assumes without it. The others are left out by [normalize.Keywords].
func isDefault(key string, v any) bool {
	list, isList := v.([]any)
	members, isObject := v.(spec.Object)
	empty := isList && len(list) == 0 || isObject && len(members) == 0
	switch key {
	case "required", "parameters", "tags", "allOf", "properties", "headers", "content":
		return empty
	case "additionalProperties", "items":
		return v == true || empty
	}
	return false
}

// tidy removes from an object what depends on its other members, in place: what
// says nothing about a parameter, and a list of one schema.
func tidy(o spec.Object) {
	if o["in"] != nil {
		// A schema that is readOnly elsewhere describes a parameter all the same.
		delete(spec.Child(o, "schema"), "readOnly")
		delete(spec.Child(o, "schema"), "writeOnly")
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if types := bare(spec.List(o, key)); len(types) > 1 && o["type"] == nil {
			o["type"] = types
			delete(o, key)
		}
	}
	all := spec.List(o, "allOf")
	if len(all) != 1 || spec.Child(all[0]) == nil || o["nullable"] == true ||
		slices.ContainsFunc(spec.SortedKeys(spec.Child(all[0])), func(k string) bool { return o[k] != nil && !isProse(k) }) {
		return
	}
	delete(o, "allOf")
	for k, v := range spec.Child(all[0]) {
		if o[k] == nil {
			o[k] = v
		}
	}
}

// bare returns the types of alternatives that are nothing but types.
func bare(arms []any) []any {
	var types []any
	for _, arm := range arms {
		quiet := spec.Child(published(arm, spec.Fields))
		kind, ok := quiet["type"].(string)
		if !ok || len(quiet) != 1 {
			return nil
		}
		types = append(types, kind)
	}
	return types
}

// isProse reports whether a field says nothing about requests and responses.
func isProse(key string) bool {
	switch key {
	case "description", "summary", "title", "example", "examples", "externalDocs", "xml", "tags", "operationId", "links", "callbacks":
		return true
	}
	return strings.HasPrefix(key, "x-")
}
