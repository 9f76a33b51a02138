package normalize

import (
	"fmt"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Canonicalize returns the canonical form of a published document: the same
// meaning in one spelling. It holds the operation of the entry, which doc must
// describe. doc is not changed.
//
// Each rewrite keeps the meaning, for the reason given here, and has a test:
//
//   - Other paths, components and tags are left out: they do not concern the operation.
//   - References are replaced by their targets.
//   - An operation gets what it inherits: the parameters of its path item, and the
//     security and servers of the root.
//   - Path parameters take the names of the list of operations, and come first, in
//     the order of the path: their names are never sent.
//   - Response ranges have capital letters: OpenAPI knows 4XX and not 4xx.
//   - application/json has no parameters: JSON defines none (RFC 8259).
//   - Extensions are left out, except the vendor's permissions and plans: they
//     assert nothing, and generators take some of them for instructions.
//   - Discriminators are left out: an alternative has to match without them, too.
//   - A choice of one becomes allOf, and a keyword with its default is left out.
//   - OpenAPI 3.1 is read as 3.0; differences in expression are refused, except null.
//   - Security schemes are named after what they send: their names are never sent.
//   - Base URLs have no trailing slash: the following path begins with one.
func Canonicalize(doc spec.Object, entry spec.Operation) (spec.Object, error) {
	if err := CheckVersion(doc); err != nil {
		return nil, err
	}
	found, names, err := entry.Find(doc)
	if err != nil {
		return nil, err
	}
	at := found.Pointer()
	op, err := inlined(doc, found)
	if err != nil {
		return nil, err
	}
	if is31(doc) {
		found.Operation = op
		for _, place := range found.Schemas() {
			if err := schemaAs30(place.Holder["schema"], place.Pointer+"/schema"); err != nil {
				return nil, err
			}
		}
	}
	schemes, err := canonicalSecurity(doc, op, at)
	if err != nil {
		return nil, err
	}
	if err := canonicalResponses(op, at); err != nil {
		return nil, err
	}
	if err := canonicalParameters(op, entry, found, names); err != nil {
		return nil, err
	}
	if err := Keywords(op, at); err != nil {
		return nil, err
	}
	out := spec.Object{
		"openapi": Version, "info": canonicalInfo(doc),
		"paths":      spec.Object{entry.Path: spec.Object{found.Method: op}},
		"components": spec.Object{"securitySchemes": schemes},
	}
	if servers := inherited("servers", op, found.Item, doc); servers != nil {
		out["servers"] = canonicalServers(servers)
	}
	delete(op, "servers")
	return out, nil
}

// Combine joins canonical documents, at least one. The info is from
// the first; servers and security schemes are joined.
func Combine(parts ...spec.Object) (spec.Object, error) {
	paths, schemes, servers := spec.Object{}, spec.Object{}, []any{}
	for _, doc := range parts {
		for l := range spec.All(doc) {
			item := spec.Ensure(paths, l.Path)
			if _, twice := item[l.Method]; twice {
				return nil, fmt.Errorf("%s is described twice", l.Title())
			}
			item[l.Method] = l.Operation
		}
		for name, scheme := range spec.Children(spec.Child(doc, "components", "securitySchemes")) {
			if have, ok := schemes[name]; ok && Sent(spec.Child(have)) != Sent(spec.Child(scheme)) {
				return nil, fmt.Errorf("/components/securitySchemes: two different schemes would be called %q", name)
			} else if !ok {
				schemes[name] = scheme
			}
		}
		for _, server := range spec.List(doc, "servers") {
			if !slices.ContainsFunc(servers, func(known any) bool { return address(known) == address(server) }) {
				servers = append(servers, server)
			}
		}
	}
	out := spec.Object{"openapi": Version, "info": parts[0]["info"], "paths": paths, "components": spec.Object{"securitySchemes": schemes}}
	if len(servers) > 0 {
		out["servers"] = servers
	}
	return spec.Clone(out), nil
}

func address(server any) string { return spec.Text(spec.Child(server), "url") }

// canonicalServers returns the servers without trailing slashes in their base URLs.
func canonicalServers(published any) any {
	servers := spec.Clone(published)
	list, _ := servers.([]any)
	for _, server := range list {
		if address(server) != "" {
			spec.Child(server)["url"] = strings.TrimRight(address(server), "/")
		}
	}
	return servers
}

// inlined returns a copy of the operation with every reference replaced and the
// parameters of its path item merged in.
func inlined(doc spec.Object, found spec.Located) (spec.Object, error) {
	copier := newCopier(doc)
	value, err := copier.Copy(found.Operation, found.Pointer())
	if err != nil {
		return nil, err
	}
	op := spec.Child(value)
	if value, err = copier.Copy(found.Item["parameters"], found.ItemPointer()+"/parameters"); err != nil {
		return nil, err
	}
	shared, _ := value.([]any)
	own := spec.List(op, "parameters") // they override inherited ones with the same name and place
	key := func(p any) [2]any { return [2]any{spec.Child(p)["in"], spec.Child(p)["name"]} }
	shared = slices.DeleteFunc(shared, func(s any) bool {
		return slices.ContainsFunc(own, func(o any) bool { return key(o) == key(s) })
	})
	op["parameters"] = slices.Concat(shared, own)
	return op, nil
}

// newCopier returns a copier that replaces references by their targets. OpenAPI 3.0
// ignores the siblings of $ref; in 3.1 they add to the target.
func newCopier(doc spec.Object) *spec.Copier {
	c := &spec.Copier{Doc: doc, Skip: isLeftOut}
	if is31(doc) {
		c.Reference = func(c *spec.Copier, ref spec.Reference) (any, error) {
			target, err := c.Expand(ref)
			if err != nil {
				return nil, err
			}
			siblings, err := c.CopyBeside(ref, "summary", "description")
			if err != nil || len(siblings) == 0 {
				return target, err
			}
			return spec.Object{"allOf": []any{target, siblings}}, nil
		}
	}
	return c
}

// keptExtensions are prefixes of extensions that describe requests: the permissions that a
// token needs, and the plans.
var keptExtensions = []string{"x-cf", "x-api-token-group"}

// isLeftOut reports members that assert nothing.
func isLeftOut(key string, _ any, place spec.Place, _ string) bool {
	if place != spec.Fields {
		return false
	}
	return key == "discriminator" || strings.HasPrefix(key, "x-") &&
		!slices.ContainsFunc(keptExtensions, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// inherited returns the value of key from the first level that has it.
func inherited(key string, levels ...spec.Object) any {
	for _, level := range levels {
		if v, ok := level[key]; ok {
			return v
		}
	}
	return nil
}

// status matches the keys of responses, in both spellings of a range.
var status = regexp.MustCompile(`^([1-5]([0-9]{2}|[xX]{2})|default)$`)

// canonicalResponses writes response ranges with capital letters and removes
// extensions beside the statuses.
func canonicalResponses(op spec.Object, at string) error {
	responses, ok := op["responses"].(spec.Object)
	if !ok {
		return fmt.Errorf("%s/responses: missing", at)
	}
	maps.DeleteFunc(responses, func(key string, _ any) bool { return strings.HasPrefix(key, "x-") })
	for _, key := range spec.SortedKeys(responses) {
		if !status.MatchString(key) {
			return fmt.Errorf("%s/responses/%s: not a status", at, spec.Escape(key))
		}
	}
	return renameKeys(responses, at+"/responses", func(key string) string {
		if key == "default" {
			return key
		}
		return strings.ToUpper(key)
	})
}

// renameKeys renames the members of an object in place.
func renameKeys(o spec.Object, at string, rename func(key string) string) error {
	for _, key := range spec.SortedKeys(o) {
		name := rename(key)
		if name == key {
			continue
		}
		if _, twice := o[name]; twice {
			return fmt.Errorf("%s: %s occurs in two spellings", at, name)
		}
		o[name] = o[key]
		delete(o, key)
	}
	return nil
}

// canonicalParameters gives the path parameters their names in the list of operations
// and puts them first, in the order of the path.
func canonicalParameters(op spec.Object, entry spec.Operation, found spec.Located, names []string) error {
	at := found.Pointer() + "/parameters"
	canonical := entry.Parameters()
	inPath := make([]any, len(canonical))
	var others []any
	for i, p := range spec.List(op, "parameters") {
		param, ok := p.(spec.Object)
		if !ok {
			return fmt.Errorf("%s/%d: not an object", at, i)
		}
		if param["in"] != "path" {
			others = append(others, param)
			continue
		}
		name := spec.Text(param, "name")
		place := slices.Index(names, name)
		if place < 0 || inPath[place] != nil {
			return fmt.Errorf("%s/%d: path parameter %q does not belong to %s exactly once", at, i, name, found.Path)
		}
		param["name"] = canonical[place]
		inPath[place] = param
	}
	if place := slices.Index(inPath, nil); place >= 0 {
		return fmt.Errorf("%s: path parameter %q of %s is not described", at, names[place], found.Path)
	}
	if op["parameters"] = slices.Concat(inPath, others); len(inPath)+len(others) == 0 {
		delete(op, "parameters")
	}
	return nil
}

// defaults are keywords with their default values (OpenAPI 3.0.3, Parameter Object
// and Schema Object; JSON Schema).
var defaults = spec.Object{
	"required": false, "deprecated": false, "allowEmptyValue": false, "allowReserved": false,
	"nullable": false, "readOnly": false, "writeOnly": false, "uniqueItems": false,
	"exclusiveMinimum": false, "exclusiveMaximum": false,
	"minLength": 0.0, "minItems": 0.0, "minProperties": 0.0,
}

// Keywords removes, in place, keywords with their default values from the operation
// at a pointer, turns choices of one into allOf and writes the media type of JSON
// without parameters.
func Keywords(op spec.Object, at string) error {
	return spec.Visit(op, spec.Fields, at, func(o spec.Object, pointer string) error {
		if usual, err := (&openapi3.Parameter{In: spec.Text(o, "in")}).SerializationMethod(); err == nil && o["name"] != nil {
			if o["style"] == usual.Style {
				delete(o, "style")
			}
			if _, styled := o["style"]; !styled && o["explode"] == usual.Explode {
				delete(o, "explode")
			}
		}
		for keyword, value := range defaults {
			if have, ok := o[keyword]; ok && have == value {
				delete(o, keyword)
			}
		}
		joinSingle(o)
		return renameKeys(spec.Child(o, "content"), pointer+"/content", func(key string) string {
			if mediaType, _, err := mime.ParseMediaType(key); err == nil && mediaType == "application/json" {
				return mediaType
			}
			return key
		})
	})
}
