package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/go-json-experiment/json"
	"gopkg.in/yaml.v3"
)

// maxDepth limits the nesting of a YAML document. The library limits the expansion of
// aliases.
const maxDepth = 1000

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

// FromYAML converts a YAML node to a tree and gives its scalars the types that they
// have in JSON: a key that YAML reads as a number or a boolean (an unquoted 200 among
// the responses) is text, as is a date.
func FromYAML(node *yaml.Node) (tree any, err error) {
	if err := setTypes(node, 0); err != nil {
		return nil, err
	}
	err = node.Decode(&tree)
	return tree, err
}

func setTypes(n *yaml.Node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("line %d: nested deeper than %d levels", n.Line, maxDepth)
	}
	for i, child := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			if err := setTypes(child, depth+1); err != nil {
				return err
			}
			continue
		}
		if child.Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: a key that is not a scalar", child.Line)
		}
		if child.Tag == "!!merge" {
			return fmt.Errorf("line %d: YAML merge keys are not part of OpenAPI's YAML", child.Line)
		}
		child.Tag = "!!str"
	}
	if n.Kind != yaml.ScalarNode {
		return nil
	}
	switch n.Tag {
	case "!!null", "!!bool":
	case "!!int", "!!float":
		n.Tag = "!!float"
		var f float64
		if err := n.Decode(&f); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return fmt.Errorf("line %d: %q is not a number that JSON has", n.Line, n.Value)
		}
	default:
		n.Tag = "!!str"
	}
	return nil
}

// ToYAML converts a tree to a YAML document node with sorted keys.
func ToYAML(tree any) (_ *yaml.Node, err error) {
	defer Guard(&err, "turning the document into YAML")
	data, err := json.Marshal(tree, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encoding the document: %w", err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		return nil, fmt.Errorf("turning the document into YAML: %w", err)
	}
	return &node, nil
}
