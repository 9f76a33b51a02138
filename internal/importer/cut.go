package importer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/canon"
	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

const (
	// maxDepth and maxValues bound the walk over the operation and the
	// components it uses. The real one has some 300 values.
	maxDepth  = 500
	maxValues = 200_000
)

// cut returns a document with the operation and what it refers to, directly and
// indirectly. The values are copies of the vendor's, unchanged, with one
// exception: a reference to a place that the cut leaves out, such as another
// path, is replaced by what it refers to.
func cut(doc specdoc.Object, found canon.Found) (specdoc.Object, error) {
	c := cutter{doc: doc, components: specdoc.Object{}}
	item := specdoc.Object{}
	for key, value := range found.Item {
		if key == "get" || key == "parameters" || key == "servers" {
			copied, err := c.copy(value, found.ItemPointer()+"/"+key, specdoc.Fields, 0)
			if err != nil {
				return nil, err
			}
			item[key] = copied
		}
	}
	out := specdoc.Object{
		"openapi": doc["openapi"],
		"info":    specdoc.Clone(doc["info"]),
		"paths":   specdoc.Object{found.Path: item},
	}
	for _, key := range []string{"servers", "jsonSchemaDialect"} {
		if value, ok := doc[key]; ok {
			out[key] = specdoc.Clone(value)
		}
	}
	security, own := found.Operation["security"]
	if !own {
		if security = doc["security"]; security != nil {
			out["security"] = specdoc.Clone(security)
		}
	}
	if err := c.schemes(security); err != nil {
		return nil, err
	}
	if tags := usedTags(doc["tags"], found.Operation["tags"]); len(tags) > 0 {
		out["tags"] = tags
	}
	if len(c.components) > 0 {
		out["components"] = c.components
	}
	return out, nil
}

type cutter struct {
	doc        specdoc.Object
	components specdoc.Object
	values     int
	active     []string // references being replaced, outermost first
}

func (c *cutter) copy(v any, at string, place specdoc.Place, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s: nested deeper than %d levels", shorten(at), maxDepth)
	}
	if c.values++; c.values > maxValues {
		return nil, fmt.Errorf("%s: the operation uses more than %d values", shorten(at), maxValues)
	}
	switch v := v.(type) {
	case specdoc.Object:
		if ref, ok := v["$ref"].(string); ok && place == specdoc.Fields {
			if replacement, err := c.reference(ref, at, depth); replacement != nil || err != nil {
				return replacement, err
			}
		}
		out := make(specdoc.Object, len(v))
		for _, key := range specdoc.SortedKeys(v) {
			copied, err := c.copy(v[key], at+"/"+key, place.Child(key), depth+1)
			if err != nil {
				return nil, err
			}
			out[key] = copied
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			copied, err := c.copy(child, at+"/"+strconv.Itoa(i), place, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = copied
		}
		return out, nil
	default:
		return v, nil
	}
}

// reference takes the component that ref points to, or into. It returns a
// replacement if ref points elsewhere.
func (c *cutter) reference(ref, at string, depth int) (any, error) {
	target, err := canon.Lookup(c.doc, ref)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shorten(at), err)
	}
	tokens := strings.SplitN(strings.TrimPrefix(ref, "#/"), "/", 4)
	if tokens[0] == "components" && len(tokens) >= 3 {
		whole := "#/" + strings.Join(tokens[:3], "/")
		section, name, err := canon.ComponentName(whole)
		if err != nil {
			return nil, err
		}
		return nil, c.component(section, name, depth)
	}
	if slices.Contains(c.active, ref) {
		return nil, fmt.Errorf("%s: %.100q refers to itself", shorten(at), ref)
	}
	c.active = append(c.active, ref)
	defer func() { c.active = c.active[:len(c.active)-1] }()
	return c.copy(target, strings.TrimPrefix(ref, "#"), specdoc.Fields, depth+1)
}

// component copies a component, once.
func (c *cutter) component(section, name string, depth int) error {
	taken, _ := c.components[section].(specdoc.Object)
	if taken == nil {
		taken = specdoc.Object{}
		c.components[section] = taken
	}
	if _, done := taken[name]; done {
		return nil
	}
	components, _ := c.doc["components"].(specdoc.Object)
	defined, _ := components[section].(specdoc.Object)
	target, ok := defined[name]
	if !ok {
		return fmt.Errorf("/components/%s: %.100q is not there", section, name)
	}
	taken[name] = nil // keeps components that refer to each other from looping
	copied, err := c.copy(target, "/components/"+section+"/"+name, specdoc.Fields, depth+1)
	if err != nil {
		return err
	}
	taken[name] = copied
	return nil
}

// schemes copies the security schemes that the requirements name. One that is
// not defined is canon's to refuse.
func (c *cutter) schemes(requirements any) error {
	components, _ := c.doc["components"].(specdoc.Object)
	defined, _ := components["securitySchemes"].(specdoc.Object)
	list, _ := requirements.([]any)
	for _, r := range list {
		requirement, _ := r.(specdoc.Object)
		for _, name := range specdoc.SortedKeys(requirement) {
			if _, ok := defined[name]; !ok {
				continue
			}
			if err := c.component("securitySchemes", name, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// usedTags returns the tag objects that the operation names.
func usedTags(defined, used any) []any {
	names, _ := used.([]any)
	tags, _ := defined.([]any)
	var out []any
	for _, tag := range tags {
		object, _ := tag.(specdoc.Object)
		if name, ok := object["name"].(string); ok && slices.Contains(names, any(name)) {
			out = append(out, specdoc.Clone(tag))
		}
	}
	return out
}

func shorten(pointer string) string {
	const longest = 200
	if len(pointer) <= longest {
		return pointer
	}
	return pointer[:longest/2] + "…" + pointer[len(pointer)-longest/2:]
}
