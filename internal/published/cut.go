package published

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// cut returns a document with the operation and everything that it refers to, directly
// or not. The values are unchanged copies, with two exceptions: a reference to a place
// other than a component, such as another path, is replaced by its target, and what
// skip reports is left out.
func cut(doc spec.Object, found spec.Located) (Text, error) {
	c := &cutter{components: spec.Object{}}
	c.copier = &spec.Copier{Doc: doc, Reference: c.reference, Skip: c.skip}
	item, refused := c.members(found.Item, found.ItemPointer(), found.Method, "parameters", "servers")
	whole := []string{"openapi", "info", "servers", "jsonSchemaDialect"}
	security := spec.List(found.Operation, "security")
	if _, own := found.Operation["security"]; !own {
		whole = append(whole, "security")
		security = spec.List(doc, "security")
	}
	out, err := c.members(doc, "", whole...)
	if err = cmp.Or(refused, err); err != nil {
		return Text{}, err
	}
	out["paths"] = spec.Object{found.Path: item}
	for _, requirement := range security {
		for name := range spec.Child(requirement) {
			// The canonical form refuses a scheme that is not defined.
			if err := c.component("securitySchemes", name); err != nil {
				return Text{}, err
			}
		}
	}
	if len(c.components) > 0 {
		out["components"] = c.components
	}
	slices.Sort(c.leftOut)
	encoded, err := spec.Encode(out)
	return Text{Document: out, Encoded: encoded, LeftOut: slices.Compact(c.leftOut)}, err
}

type cutter struct {
	copier     *spec.Copier
	components spec.Object
	leftOut    []string
}

// members copies those members of o that keys names. pointer is the place of o.
func (c *cutter) members(o spec.Object, pointer string, keys ...string) (_ spec.Object, err error) {
	out := spec.Object{}
	for _, key := range keys {
		if value, ok := o[key]; ok && err == nil {
			out[key], err = c.copier.Copy(value, pointer+"/"+key)
		}
	}
	return out, err
}

// skip leaves out examples and defaults with a PEM block: a possible key must not be
// committed or repeated in generated comments. It also leaves out examples and bounds too
// large to be exact, and examples with references, whose targets are not stored.
func (c *cutter) skip(key string, value any, place spec.Place, pointer string) bool {
	if place != spec.Fields || !slices.Contains([]string{"example", "examples", "default", "minimum", "maximum"}, key) {
		return false
	}
	refers := key == "examples" && strings.Contains(spec.JSON(value), `"$ref":`)
	if _, err := new(spec.Copier).Copy(value, pointer); !refers && (key == "default" || !errors.Is(err, spec.ErrInexact)) && !strings.Contains(spec.JSON(value), "-----BEGIN ") {
		return false
	}
	c.leftOut = append(c.leftOut, pointer)
	return true
}

// reference takes the component that a reference points to or into, and keeps the
// reference. Any other reference is replaced by its target.
func (c *cutter) reference(copier *spec.Copier, ref spec.Reference) (any, error) {
	section, name, ok := spec.ComponentName(ref.Target)
	if _, err := spec.Lookup(copier.Doc, ref.Target); !ok || err != nil {
		return copier.Expand(ref) // an error, if the target is missing
	}
	kept, err := copier.CopyBeside(ref)
	if err != nil {
		return nil, err
	}
	kept["$ref"] = ref.Target
	return kept, c.component(section, name)
}

// component copies a component, once.
func (c *cutter) component(section, name string) (err error) {
	taken := spec.Ensure(c.components, section)
	if _, done := taken[name]; done {
		return nil
	}
	target := spec.Child(c.copier.Doc, "components", section)[name]
	taken[name] = nil // ends the recursion of components that refer to each other
	taken[name], err = c.copier.Copy(target, "/components/"+spec.Escape(section)+"/"+spec.Escape(name))
	return err
}
