package spec

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Place tells how the members of an object are to be read.
type Place int

// The kinds of places.
const (
	// Fields is an object whose keys are OpenAPI's own.
	Fields Place = iota
	// Names is an object whose keys are names that the author chose: the
	// property called "example" is a schema, the response called "default" too.
	Names
	// Data is an instance of the API's data. A "$ref" in it is not a reference.
	Data
)

// Child returns the place of the member key of an object at p.
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

// SortedKeys returns the keys of an object in a fixed order.
func SortedKeys(o Object) []string { return slices.Sorted(maps.Keys(o)) }

// Child returns the member key of an object. It is nil if there is no such member
// or it is not an object.
func Child(v any, key string) Object {
	holder, _ := v.(Object)
	child, _ := holder[key].(Object)
	return child
}

// Ensure returns the member key of an object, which it adds if it is not there.
func Ensure(o Object, key string) Object {
	child := Child(o, key)
	if child == nil {
		child = Object{}
		o[key] = child
	}
	return child
}

// Visit calls visit for v and for each object below it, with the object's place
// and JSON pointer, a parent before its children. The children of an object that
// visit changes are those after the change.
func Visit(v any, place Place, pointer string, visit func(o Object, place Place, pointer string) error) error {
	switch v := v.(type) {
	case Object:
		if err := visit(v, place, pointer); err != nil {
			return err
		}
		for _, key := range SortedKeys(v) {
			if err := Visit(v[key], place.Child(key), pointer+"/"+Escape(key), visit); err != nil {
				return err
			}
		}
	case []any:
		for i, child := range v {
			if err := Visit(child, place, pointer+"/"+strconv.Itoa(i), visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// methods are the members of a path item that are operations.
var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// Located is an operation where it stands in a document.
type Located struct {
	Path      string
	Method    string // in lower case, as the document has it
	Item      Object // the path item
	Operation Object
}

// ItemPointer is the JSON pointer of the path item.
func (l Located) ItemPointer() string { return "/paths/" + Escape(l.Path) }

// Pointer is the JSON pointer of the operation.
func (l Located) Pointer() string { return l.ItemPointer() + "/" + l.Method }

// Title is the operation as people write it, for example "GET /zones".
func (l Located) Title() string { return strings.ToUpper(l.Method) + " " + l.Path }

// All yields the operations of a document, ordered by path and method.
func All(doc Object) iter.Seq[Located] {
	return func(yield func(Located) bool) {
		paths := Child(doc, "paths")
		for _, path := range SortedKeys(paths) {
			item := Child(paths, path)
			for _, method := range methods {
				if op, ok := item[method].(Object); ok && !yield(Located{path, method, item, op}) {
					return
				}
			}
		}
	}
}

// SchemaPlace says what a schema of an operation describes.
type SchemaPlace struct {
	Holder  Object // its member "schema" is the schema
	Pointer string // of Holder
	// Parameter is the parameter that the schema is of, nil for a body.
	Parameter Object
	// Status is the status of a response, "" for a request.
	Status string
	// MediaType is that of a body, "" for a parameter or header.
	MediaType string
}

// Schema returns the schema itself, nil if it is not an object.
func (p SchemaPlace) Schema() Object { return Child(p.Holder, "schema") }

// Schemas yields the places of an operation that hold a schema, in a fixed
// order: parameters, request body, and the bodies and headers of the responses.
// References are not followed.
func (l Located) Schemas() iter.Seq[SchemaPlace] {
	return func(yield func(SchemaPlace) bool) {
		emit := func(holder Object, p SchemaPlace) bool {
			if _, ok := holder["schema"]; ok {
				p.Holder = holder
				if !yield(p) {
					return false
				}
			}
			content := Child(holder, "content")
			for _, mediaType := range SortedKeys(content) {
				media := Child(content, mediaType)
				if _, ok := media["schema"]; !ok {
					continue
				}
				q := p
				q.Holder, q.MediaType = media, mediaType
				q.Pointer += "/content/" + Escape(mediaType)
				if !yield(q) {
					return false
				}
			}
			return true
		}
		parameters, _ := l.Operation["parameters"].([]any)
		for i, v := range parameters {
			parameter, _ := v.(Object)
			if !emit(parameter, SchemaPlace{Parameter: parameter, Pointer: l.Pointer() + "/parameters/" + strconv.Itoa(i)}) {
				return
			}
		}
		if !emit(Child(l.Operation, "requestBody"), SchemaPlace{Pointer: l.Pointer() + "/requestBody"}) {
			return
		}
		responses := Child(l.Operation, "responses")
		for _, status := range SortedKeys(responses) {
			pointer := l.Pointer() + "/responses/" + Escape(status)
			response := Child(responses, status)
			if !emit(response, SchemaPlace{Status: status, Pointer: pointer}) {
				return
			}
			headers := Child(response, "headers")
			for _, name := range SortedKeys(headers) {
				if !emit(Child(headers, name), SchemaPlace{Status: status, Pointer: pointer + "/headers/" + Escape(name)}) {
					return
				}
			}
		}
	}
}
