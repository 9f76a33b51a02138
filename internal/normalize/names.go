package normalize

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oapi-codegen/oapi-codegen/v2/pkg/codegen"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// envelope names the objects that the responses of all operations share. If several
// shapes occur at one place, the most frequent one gets this name. The names of the
// others begin with the operation's noun, followed by the status if it is not 200.
var envelope = map[string]string{
	"errors[]":          "ResponseInfo",
	"errors[].source":   "ResponseInfoSource",
	"messages[]":        "Message",
	"messages[].source": "MessageSource",
	"result_info":       "ResultInfo",
}

// maxName is the length limit of a component name.
const maxName = 40

// Name returns doc with the operationIds of the list, and with each inline object
// of its JSON bodies moved to the components, so that the generated Go has one
// readable type for each. doc must be merged and is not changed.
//
// A name comes from the place of an object and from the list of operations, never
// from the vendor, whose component names change at random. Objects of the same
// shape (annotations apart) share one component.
func Name(doc spec.Object, ops spec.Operations) (spec.Object, error) {
	out := spec.Clone(doc)
	n := namer{schemas: spec.Object{}, byShape: map[string]string{}, owners: map[string]string{}}
	bodies, err := bodiesOf(out, ops)
	if err != nil {
		return nil, err
	}
	n.reserve(bodies)
	for _, b := range bodies {
		if b.holder["schema"], err = n.named(b.schema(), b, "", b.name()); err != nil {
			return nil, err
		}
	}
	spec.Ensure(out, "components")["schemas"] = n.schemas
	return out, nil
}

// body is a JSON body of an operation.
type body struct {
	operation spec.Operation
	status    string      // of a response, "" for a request
	holder    spec.Object // has the schema as its member "schema"
	pointer   string      // of the schema
}

func (b body) schema() spec.Object { return spec.Child(b.holder, "schema") }

// bodiesOf returns the JSON bodies of doc in the order of the list of operations, and
// sets the operationIds. Other media types get no Go type.
func bodiesOf(doc spec.Object, ops spec.Operations) ([]body, error) {
	var out []body
	for _, op := range ops {
		found, err := op.Find(doc)
		if err != nil {
			return nil, err
		}
		found.Operation["operationId"] = op.Name
		add := func(status string, v any, pointer string) {
			at := found.Pointer() + pointer + "/content/application~1json/schema"
			if b := (body{op, status, spec.Child(v, "content", "application/json"), at}); b.schema() != nil {
				out = append(out, b)
			}
		}
		add("", found.Operation["requestBody"], "/requestBody")
		for status, response := range spec.Children(found.Operation["responses"]) {
			add(status, response, "/responses/"+status)
		}
	}
	return out, nil
}

// name returns the name of the body itself, if [body.nameAt] returns none.
func (b body) name() string {
	noun := b.operation.Noun
	if spec.Child(b.schema(), "properties", "result")["type"] == "array" {
		noun = plural(noun)
	}
	switch b.status {
	case "":
		return noun + "Request"
	case "200":
		return noun + "Response"
	default:
		return noun + "Response" + codegen.ToCamelCase(b.status)
	}
}

// nameAt returns the fixed name of the object at a place in the body. shared reports
// whether operations share this name, ok whether the place has a fixed name.
func (b body) nameAt(place string) (name string, shared, ok bool) {
	success := strings.HasPrefix(b.status, "2")
	if name, ok = b.operation.Names[place]; ok && success {
		return name, false, true
	}
	if name, ok = envelope[place]; ok && b.status != "" {
		return name, true, true
	}
	switch {
	case b.status == "":
		return "", false, false
	case !success:
		return "FailureResponse", true, place == ""
	default:
		return b.operation.Noun, false, place == "result[]" || place == "result"
	}
}

type namer struct {
	schemas spec.Object
	byShape map[string]string // names of components by their shapes
	owners  map[string]string // shapes by the names of their components
}

// reserve names the shapes at the places that nameAt knows, before any other object is
// named. Otherwise an existing type would be renamed when the vendor adds an object of
// the same shape earlier in the document. Of several shapes at a shared place, the most
// frequent one gets the shared name.
func (n *namer) reserve(bodies []body) {
	type candidate struct{ name, shape string }
	count, rank := map[candidate]int{}, map[candidate]int{}
	var order []candidate
	for _, b := range bodies {
		eachObject(b.schema(), "", func(place string, schema spec.Object) {
			name, shared, ok := b.nameAt(place)
			if !ok {
				return
			}
			c := candidate{name, shapeOf(schema)}
			if count[c]++; count[c] == 1 {
				order = append(order, c)
			}
			if shared { // the other names come first
				rank[c] = 1
			}
		})
	}
	slices.SortStableFunc(order, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(rank[a], rank[b]), cmp.Compare(count[b], count[a]))
	})
	for _, c := range order {
		if n.byShape[c.shape] == "" && n.owners[c.name] == "" {
			n.byShape[c.shape], n.owners[c.name] = c.name, c.shape
		}
	}
}

// eachObject calls visit for each object in a schema that has properties.
func eachObject(schema spec.Object, place string, visit func(place string, schema spec.Object)) {
	if len(spec.Child(schema, "properties")) > 0 {
		visit(place, schema)
	}
	for _, s := range spec.Subschemas(schema) {
		at, _ := below(s, place, "")
		eachObject(s.Value, at, visit)
	}
}

// below returns the place of s, whose parent is at place, such as "result[].source",
// and the name that derives from the parent's name.
func below(s spec.Subschema, place, parent string) (at, name string) {
	switch {
	case s.Keyword == "properties":
		return strings.TrimPrefix(place+"."+s.Name, "."), parent + codegen.ToCamelCase(s.Name)
	case s.Name != "":
		return place + "|" + s.Name, parent + "Variant" + s.Name
	default:
		return place + "[]", singular(parent)
	}
}

// named names the objects below schema, then schema itself. place is its place in the
// body; fallback is its name if the place has none.
func (n *namer) named(schema spec.Object, b body, place, fallback string) (spec.Object, error) {
	name, shared, ok := b.nameAt(place)
	if !ok {
		name = fallback
	}
	shape := shapeOf(schema) // as in reserve, before its children become references
	if owner, taken := n.owners[name]; shared && taken && owner != shape {
		name = b.operation.Noun + strings.TrimPrefix(codegen.ToCamelCase(b.status), "200") + name
		if place == "" {
			name = fallback
		}
	}
	for _, s := range spec.Subschemas(schema) {
		at, fallback := below(s, place, name)
		named, err := n.named(s.Value, b, at, fallback)
		if err != nil {
			return nil, err
		}
		s.Set(named)
	}
	if len(spec.Child(schema, "properties")) == 0 {
		return schema, nil
	}
	return n.component(schema, shape, name, fmt.Sprintf("%s: %q", b.pointer, place))
}

// component stores schema and returns a reference to it.
func (n *namer) component(schema spec.Object, shape, name, place string) (spec.Object, error) {
	if known, ok := n.byShape[shape]; ok {
		name = known
	}
	if owner, taken := n.owners[name]; taken && owner != shape || len(name) > maxName {
		return nil, fmt.Errorf("the object at %s needs a name in %s: %s is another object's, or longer than %d characters", place, spec.OperationsFile, name, maxName)
	}
	n.byShape[shape], n.owners[name] = name, shape
	ref := spec.Object{"$ref": "#/components/schemas/" + name}
	for _, key := range ofProperty {
		if value, ok := schema[key]; ok {
			ref[key] = value
			delete(schema, key)
		}
	}
	if _, stored := n.schemas[name]; !stored {
		n.schemas[name] = schema
	}
	return ref, nil
}

// ofProperty are the extensions that describe a property and not the object that is
// its value. They stay beside the reference.
var ofProperty = []string{"x-decides", "x-go-type-skip-optional-pointer"}

// shapeOf returns a schema as text, without annotations and without the schema's own
// ofProperty extensions.
func shapeOf(schema spec.Object) string {
	bare := spec.Child(spec.Filter(schema, spec.Fields, func(place spec.Place, key string) bool {
		return place != spec.Fields || !slices.Contains(annotations, key)
	}))
	for _, key := range ofProperty {
		delete(bare, key)
	}
	return spec.JSON(bare)
}

// singular names an element after its collection.
func singular(name string) string {
	if one, ok := strings.CutSuffix(name, "s"); ok && !strings.HasSuffix(one, "s") {
		return one
	}
	return name + "Item"
}

// plural names a collection after its element.
func plural(name string) string {
	if one, ok := strings.CutSuffix(name, "y"); ok {
		return one + "ies"
	}
	return name + "s"
}
