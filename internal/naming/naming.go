// Package naming turns the inline objects of a flattened document into named
// components, so that the generated Go has one readable type for each.
//
// A name comes from the place of an object in the answer, never from the
// vendor, whose component names change at random. Objects of the same shape
// (descriptions and examples apart) share one component.
package naming

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// wellKnown names the objects of the operation's answers by their place. An
// object that the vendor adds gets a name made of its parent's and its key's.
var wellKnown = map[string]string{
	"200":                   "AssociationsResponse",
	"200.result[]":          "Association",
	"200.result_info":       "ResultInfo",
	"200.errors[]":          "ResponseInfo",
	"200.errors[].source":   "ResponseInfoSource",
	"200.messages[]":        "Message",
	"200.messages[].source": "MessageSource",
	"4XX":                   "FailureResponse",
	"4XX.errors[]":          "FailureInfo",
	"4XX.errors[].source":   "FailureInfoSource",
	"4XX.messages[]":        "FailureMessage",
	"4XX.messages[].source": "FailureMessageSource",
	"4XX.result_info":       "FailureResultInfo",
}

// maxName is the longest name a component may get; longer ones make Go code
// nobody wants to read.
const maxName = 40

// Name returns doc with each inline object of the operation's responses moved
// to the components; doc is not changed.
func Name(doc specdoc.Object) (specdoc.Object, error) {
	out := specdoc.Clone(doc)
	n := namer{schemas: specdoc.Object{}, byShape: map[string]string{}, owners: map[string]string{}}
	if err := eachAnswer(out, func(status string, media specdoc.Object) error {
		return n.reserve(media["schema"], status)
	}); err != nil {
		return nil, err
	}
	if err := eachAnswer(out, func(status string, media specdoc.Object) (err error) {
		if schema, ok := media["schema"].(specdoc.Object); ok {
			media["schema"], err = n.hoist(schema, status, "Response"+status)
		}
		return err
	}); err != nil {
		return nil, err
	}
	components, _ := out["components"].(specdoc.Object)
	if components == nil {
		components = specdoc.Object{}
		out["components"] = components
	}
	components["schemas"] = n.schemas
	return out, nil
}

// eachAnswer calls do with every form of an answer in JSON, in a fixed order.
// Other forms get no Go type.
func eachAnswer(doc specdoc.Object, do func(status string, media specdoc.Object) error) error {
	paths, _ := doc["paths"].(specdoc.Object)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item, _ := paths[path].(specdoc.Object)
		op, _ := item["get"].(specdoc.Object)
		responses, _ := op["responses"].(specdoc.Object)
		for _, status := range slices.Sorted(maps.Keys(responses)) {
			response, _ := responses[status].(specdoc.Object)
			content, _ := response["content"].(specdoc.Object)
			for _, mediaType := range slices.Sorted(maps.Keys(content)) {
				media, _ := content[mediaType].(specdoc.Object)
				if !isJSON(mediaType) {
					continue
				}
				if err := do(status, media); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func isJSON(mediaType string) bool {
	name, _, _ := strings.Cut(strings.ToLower(mediaType), ";")
	name = strings.TrimSpace(name)
	return name == "application/json" || strings.HasSuffix(name, "+json")
}

type namer struct {
	schemas specdoc.Object
	byShape map[string]string // shape to the component that has it
	owners  map[string]string // name of a component to the shape that has it
}

// reserve gives the shapes at well-known places their names before any object is
// named: an object of the same shape that the vendor adds, and that is met
// earlier, would otherwise give its own name to a type that is there already.
func (n *namer) reserve(v any, place string) error {
	schema, ok := v.(specdoc.Object)
	if !ok {
		return nil
	}
	properties, _ := schema["properties"].(specdoc.Object)
	if name, known := wellKnown[place]; known && len(properties) > 0 {
		shape, err := shapeOf(schema)
		if err != nil {
			return err
		}
		if _, taken := n.byShape[shape]; !taken {
			n.byShape[shape], n.owners[name] = name, shape
		}
	}
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		if err := n.reserve(properties[key], place+"."+key); err != nil {
			return err
		}
	}
	return n.reserve(schema["items"], place+"[]")
}

// hoist names the objects below schema, then schema itself. place is where it
// stands; fallback is its name if the place is not well known.
func (n *namer) hoist(schema specdoc.Object, place, fallback string) (specdoc.Object, error) {
	name := fallback
	if known, ok := wellKnown[place]; ok {
		name = known
	}
	shape, err := shapeOf(schema) // as reserve saw it: its children become references
	if err != nil {
		return nil, err
	}
	properties, _ := schema["properties"].(specdoc.Object)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		if err := n.child(properties, key, place+"."+key, name+camel(key)); err != nil {
			return nil, err
		}
	}
	for _, key := range []string{"items", "additionalProperties", "not"} {
		if err := n.child(schema, key, place+"[]", singular(fallback)); err != nil {
			return nil, err
		}
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		arms, _ := schema[key].([]any)
		for i, arm := range arms {
			if object, ok := arm.(specdoc.Object); ok {
				suffix := strconv.Itoa(i)
				named, err := n.hoist(object, place+"|"+suffix, name+"Variant"+suffix)
				if err != nil {
					return nil, err
				}
				arms[i] = named
			}
		}
	}
	if len(properties) == 0 {
		return schema, nil
	}
	return n.component(schema, shape, name, place)
}

func (n *namer) child(parent specdoc.Object, key, place, fallback string) error {
	object, ok := parent[key].(specdoc.Object)
	if !ok {
		return nil
	}
	named, err := n.hoist(object, place, fallback)
	if err != nil {
		return err
	}
	parent[key] = named
	return nil
}

// component stores schema and returns a reference to it.
func (n *namer) component(schema specdoc.Object, shape, name, place string) (specdoc.Object, error) {
	if known, ok := n.byShape[shape]; ok {
		name = known
	}
	if owner, taken := n.owners[name]; taken && owner != shape {
		return nil, fmt.Errorf("the object at %s needs a name: %s is another object's", place, name)
	}
	if len(name) > maxName {
		return nil, fmt.Errorf("the object at %s needs a name: %s is longer than %d characters", place, name, maxName)
	}
	n.byShape[shape], n.owners[name] = name, shape
	if _, stored := n.schemas[name]; !stored {
		n.schemas[name] = schema
	}
	return specdoc.Object{"$ref": "#/components/schemas/" + name}, nil
}

// shapeOf returns a text that is equal for schemas that accept the same
// documents and make the same Go type.
func shapeOf(schema specdoc.Object) (string, error) {
	data, err := json.Marshal(withoutProse(schema, false), json.Deterministic(true))
	return string(data), err
}

func withoutProse(v any, names bool) any {
	switch v := v.(type) {
	case specdoc.Object:
		out := make(specdoc.Object, len(v))
		for key, child := range v {
			if !names && (key == "description" || key == "example" || key == "title") {
				continue
			}
			out[key] = withoutProse(child, !names && key == "properties")
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = withoutProse(child, false)
		}
		return out
	default:
		return v
	}
}

func camel(key string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(key, func(r rune) bool { return !isAlphanumeric(r) }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// singular names an element after its collection.
func singular(name string) string {
	if one, ok := strings.CutSuffix(name, "s"); ok && !strings.HasSuffix(one, "s") {
		return one
	}
	return name + "Item"
}
