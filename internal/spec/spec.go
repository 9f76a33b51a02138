// Package spec reads and writes OpenAPI documents as plain trees of
// map[string]any, []any and scalars, the form every pipeline stage works on.
//
// Reading is strict (duplicate keys, invalid UTF-8, excessive nesting and
// anything after the document are errors), because a document that two readers
// understand differently must not become a contract. Writing is deterministic.
package spec

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"gopkg.in/yaml.v3"
)

// Object is a JSON object of a document.
type Object = map[string]any

// Decode parses one JSON or YAML document whose root is an object. Errors name the
// source and the place in it.
func Decode(name string, data []byte) (_ Object, err error) {
	defer Guard(&err, name+": decoding the document")
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, fmt.Errorf("%s: the document is empty", name)
	}
	if trimmed[0] != '{' {
		return decodeYAML(name, data)
	}
	var root Object
	if err := json.Unmarshal(data, &root); err != nil {
		return nil, fmt.Errorf("%s: not JSON: %w", name, err)
	}
	return root, nil
}

func decodeYAML(name string, data []byte) (Object, error) {
	var node yaml.Node
	if err := ParseYAML(data, false, &node); err != nil {
		return nil, fmt.Errorf("%s: neither JSON nor YAML that can be used: %w", name, err)
	}
	value, err := FromYAML(&node)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	root, ok := value.(Object)
	if !ok {
		return nil, fmt.Errorf("%s: the root is not an object", name)
	}
	return root, nil
}

// Encode writes the tree as indented JSON with sorted keys and a final newline: equal
// trees give equal bytes.
func Encode(root any) (_ []byte, err error) {
	defer Guard(&err, "encoding the document")
	data, err := json.Marshal(root, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("encoding the document: %w", err)
	}
	return append(data, '\n'), nil
}

// JSON returns a value in one line: equal values have equal texts. For a value that
// JSON lacks it returns the text of the error.
func JSON(v any) string {
	data, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// Clone returns a deep copy of a tree.
func Clone[T any](tree T) T {
	copied, _ := Filter(tree, Data, func(Place, string) bool { return true }).(T)
	return copied
}

// Filter returns a deep copy of v, which is at a place, with the members of objects
// for which keep returns true.
func Filter(v any, place Place, keep func(place Place, key string) bool) any {
	switch v := v.(type) {
	case Object:
		out := make(Object, len(v))
		for key, value := range v {
			if keep(place, key) {
				out[key] = Filter(value, place.Child(key), keep)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = Filter(value, place, keep)
		}
		return out
	default:
		return v
	}
}

// CheckText refuses text and names with control characters other than white space,
// because they could end up in source code and distort a report.
func CheckText(tree any) error { return checkText(tree, "") }

func checkText(v any, at string) error {
	if text, ok := v.(string); ok {
		if i := strings.IndexFunc(text, isForbidden); i >= 0 {
			return fmt.Errorf("%s: a control character in the text, at byte %d", at, i)
		}
	}
	for key, child := range Children(v) {
		if strings.ContainsFunc(key, isForbidden) {
			return fmt.Errorf("%s: a control character in the name %q", at, key)
		}
		if err := checkText(child, at+"/"+Escape(key)); err != nil {
			return err
		}
	}
	return nil
}

func isForbidden(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r'
}

// PanicError reports that a library panicked on a document.
type PanicError struct {
	Work  string // the failed step
	Cause string // the first line of the panic's value
}

func (e *PanicError) Error() string { return e.Work + " panicked: " + e.Cause }

// Guard stores a panic in err as a *PanicError. Every function that passes vendor
// text to a library defers it, so that a fault of the library refuses the document
// and does not end the process. work names the step.
func Guard(err *error, work string) {
	if value := recover(); value != nil {
		cause, _, _ := strings.Cut(fmt.Sprint(value), "\n")
		*err = &PanicError{Work: work, Cause: cause}
	}
}
