package spec

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Place says what the keys of an object mean.
type Place int

// The kinds of places.
const (
	// Fields is an object whose keys are defined by OpenAPI.
	Fields Place = iota
	// Names is an object whose keys the author chose: the property called "example"
	// is a schema, and the response called "default" is a response.
	Names
	// Data is an instance of the API's data. A "$ref" in it is no reference.
	Data
)

// Child returns the place of the member key of an object whose place is p.
func (p Place) Child(key string) Place {
	switch p {
	case Data:
		return Data
	case Names:
		return Fields
	default:
		return members[key]
	}
}

var members = map[string]Place{
	"example": Data, "examples": Data, "enum": Data, "const": Data, "default": Data,
	"properties": Names, "patternProperties": Names, "dependentSchemas": Names, "$defs": Names,
	"paths": Names, "responses": Names, "content": Names, "headers": Names,
	"links": Names, "callbacks": Names, "encoding": Names, "mapping": Names, "variables": Names,
	"security": Names, "scopes": Names,
}

// SortedKeys returns the keys of one or more objects in a fixed order.
func SortedKeys(objects ...Object) []string {
	var keys []string
	for _, o := range objects {
		keys = slices.AppendSeq(keys, maps.Keys(o))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Child returns the object at a path of member names below v, or nil if a member on the
// path is missing or not an object.
func Child(v any, keys ...string) Object {
	object, _ := v.(Object)
	for _, key := range keys {
		object, _ = object[key].(Object)
	}
	return object
}

// List returns o[key], or nil if that is not a list.
func List(o Object, key string) []any {
	list, _ := o[key].([]any)
	return list
}

// Text returns o[key], or "" if that is not a string.
func Text(o Object, key string) string {
	text, _ := o[key].(string)
	return text
}

// Ensure returns o[key]. If that is not an object, it sets o[key] to {} first.
func Ensure(o Object, key string) Object {
	child := Child(o, key)
	if child == nil {
		child = Object{}
		o[key] = child
	}
	return child
}

// Children yields the members of an object, or the elements of a list by their
// indexes, in a fixed order.
func Children(v any) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		switch v := v.(type) {
		case Object:
			for _, key := range SortedKeys(v) {
				if !yield(key, v[key]) {
					return
				}
			}
		case []any:
			for i, element := range v {
				if !yield(strconv.Itoa(i), element) {
					return
				}
			}
		}
	}
}

// Visit calls visit for each object in v whose keys are defined by OpenAPI, with its
// JSON pointer. A parent comes before its children, which are read after visit returns:
// visit may replace them.
func Visit(v any, place Place, pointer string, visit func(o Object, pointer string) error) error {
	object, isObject := v.(Object)
	if isObject && place == Fields {
		if err := visit(object, pointer); err != nil {
			return err
		}
	}
	for key, child := range Children(v) {
		below := place
		if isObject {
			below = place.Child(key)
		}
		if err := Visit(child, below, pointer+"/"+Escape(key), visit); err != nil {
			return err
		}
	}
	return nil
}

// Subschema is a schema directly below another one.
type Subschema struct {
	Keyword string // keyword that holds it
	Name    string // of a property, or the index in a list
	Value   Object
	Set     func(any)
}

// Pointer returns the JSON pointer of s relative to its parent schema.
func (s Subschema) Pointer() string {
	if s.Name == "" && s.Keyword != "properties" {
		return "/" + s.Keyword
	}
	return "/" + s.Keyword + "/" + Escape(s.Name)
}

// Subschemas returns the objects directly below a schema that are schemas, in order.
func Subschemas(schema Object) []Subschema {
	var out []Subschema
	add := func(keyword, name string, value any, set func(any)) {
		if object, ok := value.(Object); ok {
			out = append(out, Subschema{keyword, name, object, set})
		}
	}
	for name, value := range Children(Child(schema, "properties")) {
		add("properties", name, value, func(v any) { Child(schema, "properties")[name] = v })
	}
	for _, keyword := range []string{"items", "additionalProperties", "not"} {
		add(keyword, "", schema[keyword], func(v any) { schema[keyword] = v })
	}
	for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
		list := List(schema, keyword)
		for i, value := range list {
			add(keyword, strconv.Itoa(i), value, func(v any) { list[i] = v })
		}
	}
	return out
}

// methods are the members of a path item that are operations.
var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// Located is an operation with its position in a document.
type Located struct {
	Path      string
	Method    string // in lower case, as the document has it
	Item      Object // the path item
	Operation Object
}

// ItemPointer returns the JSON pointer of the path item.
func (l Located) ItemPointer() string { return "/paths/" + Escape(l.Path) }

// Pointer returns the JSON pointer of the operation.
func (l Located) Pointer() string { return l.ItemPointer() + "/" + l.Method }

// Title returns the method and the path, such as "GET /zones".
func (l Located) Title() string { return strings.ToUpper(l.Method) + " " + l.Path }

// All yields the operations of a document, ordered by path and method.
func All(doc Object) iter.Seq[Located] {
	return func(yield func(Located) bool) {
		for path, v := range Children(Child(doc, "paths")) {
			item := Child(v)
			for _, method := range methods {
				if op, ok := item[method].(Object); ok && !yield(Located{path, method, item, op}) {
					return
				}
			}
		}
	}
}
