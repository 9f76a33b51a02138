// Package spec reads and writes OpenAPI documents as plain trees of
// map[string]any, []any and scalars, the form every pipeline stage works on.
//
// Reading is strict (duplicate keys, invalid UTF-8, excessive nesting and
// anything after the document are errors), because a document that two readers
// understand differently must not become a contract. Writing is deterministic.
package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

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
	var value any
	if trimmed[0] == '{' {
		if err := json.Unmarshal(data, &value); err != nil {
			return nil, fmt.Errorf("%s: not JSON: %w", name, err)
		}
	} else {
		var node yaml.Node
		if err := ParseYAML(data, false, &node); err != nil {
			return nil, fmt.Errorf("%s: neither JSON nor YAML that can be used: %w", name, err)
		}
		if value, err = FromYAML(&node); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
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
// has no form in JSON, it returns the text of the error.
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

// Filter returns a deep copy of v without the members of objects for which keep returns
// false. place is the place of v.
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

// Guard turns a panic in the step called work into the error err. Functions that pass
// documents to a library defer Guard, so that a fault of the library ends no process.
func Guard(err *error, work string) {
	if value := recover(); value != nil {
		cause, _, _ := strings.Cut(fmt.Sprint(value), "\n")
		*err = fmt.Errorf("%s panicked: %s", work, cause)
	}
}

const (
	maxDepth = 1000
	// maxAliased limits the expansion of YAML aliases: a document of a few lines
	// could expand to gigabytes.
	maxAliased = 1_000_000
)

// ParseYAML decodes the single YAML document in data into v; strict refuses unknown
// members.
func ParseYAML(data []byte, strict bool, v any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(strict)
	if err := decoder.Decode(v); err != nil {
		return err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("more than one YAML document")
	}
	return nil
}

// FromYAML converts a YAML node to a tree. Keys that YAML reads as numbers or
// booleans (an unquoted 200 among the responses) become strings.
func FromYAML(node *yaml.Node) (any, error) {
	return (&converter{budget: maxAliased}).value(node, 0)
}

type converter struct {
	budget  int
	aliases int
}

func (c *converter) value(n *yaml.Node, depth int) (_ any, err error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("line %d: nested deeper than %d levels", n.Line, maxDepth)
	}
	if c.aliases > 0 {
		if c.budget--; c.budget < 0 {
			return nil, fmt.Errorf("line %d: aliases expand to more than %d values", n.Line, maxAliased)
		}
	}
	switch n.Kind {
	case yaml.DocumentNode: // has one value
		return c.value(n.Content[0], depth+1)
	case yaml.AliasNode:
		c.aliases++
		defer func() { c.aliases-- }()
		return c.value(n.Alias, depth+1)
	case yaml.MappingNode:
		return c.mapping(n, depth)
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, child := range n.Content {
			if out[i], err = c.value(child, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case yaml.ScalarNode:
		return scalar(n)
	default:
		return nil, fmt.Errorf("line %d: empty YAML document", n.Line)
	}
}

func (c *converter) mapping(n *yaml.Node, depth int) (_ any, err error) {
	out := make(Object, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: a key that is not a scalar", key.Line)
		}
		if key.Tag == "!!merge" {
			return nil, fmt.Errorf("line %d: YAML merge keys are not part of OpenAPI's YAML", key.Line)
		}
		if _, dup := out[key.Value]; dup {
			return nil, fmt.Errorf("line %d: key %q occurs twice", key.Line, key.Value)
		}
		if out[key.Value], err = c.value(n.Content[i+1], depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func scalar(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!null", "!!bool":
		var v any
		err := n.Decode(&v)
		return v, err
	case "!!int", "!!float":
		var f float64
		if err := n.Decode(&f); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, fmt.Errorf("line %d: %q is not a JSON number", n.Line, n.Value)
		}
		return f, nil
	default:
		return n.Value, nil
	}
}

// ToYAML converts a tree to a YAML node, without writing and parsing text, because the
// library cannot parse every text that it writes.
func ToYAML(tree any) *yaml.Node {
	n := new(yaml.Node)
	switch v := tree.(type) {
	case Object:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		for key, child := range Children(v) {
			n.Content = append(n.Content, ToYAML(key), ToYAML(child))
		}
	case []any:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		for _, child := range v {
			n.Content = append(n.Content, ToYAML(child))
		}
	case string:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!str", v
	default:
		_ = n.Encode(v) // a bool, a number or null
	}
	return n
}
