package compare

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// node is a part of a document whose unordered lists are sorted.
type node struct {
	value   any
	pointer string     // JSON pointer in the document
	key     string     // in its parent
	place   spec.Place // the kind of its members
	// members are named without positions: a parameter by its place and name, a
	// required member by its name. A value that is compared as a whole has no map.
	members map[string]*node
}

func newNode(value any, place spec.Place, key, pointer string) *node {
	n := &node{value: value, pointer: pointer, key: key, place: place}
	_, isList := value.([]any)
	if place == spec.Data || spec.Child(value) == nil && (!isList || place != spec.Names) {
		return n
	}
	n.members = map[string]*node{}
	for token, v := range spec.Children(value) {
		name, below := token, pointer+"/"+spec.Escape(token)
		if place == spec.Names {
			switch key {
			case "parameters":
				name = fmt.Sprintf("%v %v", spec.Child(v)["in"], spec.Child(v)["name"])
			case "headers":
				name = http.CanonicalHeaderKey(token)
			case "required":
				name, v, below = fmt.Sprint(v), true, pointer
			case "security":
				below = pointer
			}
		}
		n.members[name] = newNode(v, child(place, token), token, below)
	}
	return n
}

// child is Place.Child, except that parameters, required and security count as Names.
func child(at spec.Place, key string) spec.Place {
	if at == spec.Fields && (key == "parameters" || key == "required" || key == "security") {
		return spec.Names
	}
	return at.Child(key)
}

// holds reports whether n is the map or set with this name.
func (n *node) holds(name string) bool { return n.place == spec.Names && n.key == name }

// member returns a member, or nil. A status without a response of its own has the
// response of its range, or else the default.
func (n *node) member(name string) *node {
	if n == nil {
		return nil
	}
	if m := n.members[name]; m != nil || !n.holds("responses") {
		return m
	}
	if m := n.members[name[:1]+"XX"]; m != nil {
		return m
	}
	return n.members["default"]
}

// withoutDocumentation returns the parts of n that describe requests and responses.
func (n *node) withoutDocumentation() any {
	if n == nil {
		return nil
	}
	if _, isList := n.value.([]any); isList && n.place == spec.Names {
		return withoutDocumentation(n.value, spec.Fields) // the keys of an element are fields
	}
	return withoutDocumentation(n.value, n.place)
}

func withoutDocumentation(v any, place spec.Place) any {
	return spec.Filter(v, place, func(place spec.Place, key string) bool {
		return place != spec.Fields || !isDocumentation(key) && key != "deprecated" && key != "security"
	})
}

func isDocumentation(key string) bool {
	switch key {
	case "description", "summary", "title", "example", "examples", "externalDocs", "xml", "tags", "operationId", "links":
		return true
	}
	return strings.HasPrefix(key, "x-")
}

// newForm returns the normal form of a document without references. Its members are the
// operations by method and path, such as "GET /zones"; "" holds what applies to all of
// them.
func newForm(doc spec.Object) *node {
	form := &node{place: spec.Names, members: map[string]*node{}}
	form.members[""] = newNode(spec.Object{"info": doc["info"], "servers": doc["servers"]}, spec.Fields, "", "")
	for l := range spec.All(doc) {
		op := spec.Clone(l.Operation)
		normalForm(op, spec.Fields)
		op["security"] = accepted(doc, l.Operation)
		form.members[l.Title()] = newNode(op, spec.Fields, "", l.Pointer())
	}
	return form
}

func normalForm(v any, place spec.Place) {
	for key, below := range spec.Children(v) {
		normalForm(below, place.Child(key))
	}
	o := spec.Child(v)
	if place != spec.Fields || o == nil {
		return
	}
	if len(spec.Child(o, "items")) == 0 {
		delete(o, "items") // an empty schema allows anything, as an absent one does
	}
	if o["in"] != nil { // a parameter, where these keywords have no effect
		delete(spec.Child(o, "schema"), "readOnly")
		delete(spec.Child(o, "schema"), "writeOnly")
	}
	byMeaning := func(a, b any) int {
		return strings.Compare(spec.JSON(withoutDocumentation(a, spec.Fields)), spec.JSON(withoutDocumentation(b, spec.Fields)))
	}
	for _, key := range []string{"enum", "anyOf", "oneOf", "required"} {
		if list := spec.List(o, key); list != nil {
			slices.SortFunc(list, byMeaning)
			o[key] = slices.CompactFunc(list, func(a, b any) bool { return spec.JSON(a) == spec.JSON(b) })
		}
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if types := typeAlternatives(spec.List(o, key)); len(types) > 1 && o["type"] == nil {
			o["type"] = types
			delete(o, key)
		}
	}
}

// typeAlternatives returns the types of alternatives, if each consists of a type only.
func typeAlternatives(arms []any) []any {
	var types []any
	for _, arm := range arms {
		schema := spec.Child(withoutDocumentation(arm, spec.Fields))
		kind, ok := schema["type"].(string)
		if !ok || len(schema) != 1 {
			return nil
		}
		types = append(types, kind)
	}
	return types
}
