package normalize

import (
	"cmp"
	"fmt"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

const vendor = "https://api.cloudflare.com/"

// Canonical returns the canonical form of the operations of the list: the same meaning
// in one spelling. documents has the published document of each operation by its name,
// and is not changed. Errors name the document in openapi/ and the place in it.
//
// Each rewrite keeps the meaning, for the reason given here, and has a test:
//
//   - Other paths, components and tags are left out: the operations do not use them.
//   - References are replaced by their targets.
//   - An operation gets what it inherits: the parameters of its path item, and the
//     security of the root. Info and servers are those of the first operation.
//   - Path parameters take their names from the list of operations, and come first, in
//     the order of the path: their names are never sent.
//   - Response ranges have capital letters: OpenAPI knows 4XX and not 4xx.
//   - application/json has no parameters: JSON defines none (RFC 8259).
//   - Extensions other than permissions, plans and deprecations are left out: they
//     assert nothing, and generators take some of them for instructions.
//   - Discriminators are left out: an alternative has to match without them, too.
//   - Callbacks are left out: the API sends them, not the client.
//   - Accept, Content-Type and Authorization are left out: OpenAPI ignores them.
//   - A choice of one becomes allOf, and a keyword with its default is left out.
//   - OpenAPI 3.1 is read as 3.0: the type null becomes nullable, annotations that 3.0
//     lacks are left out, and [Load] refuses the rest.
//   - Security schemes are named after what they send: their names are never sent.
//   - Base URLs have no trailing slash: the following path begins with one.
//
// An operation for which handwritten code would have to change is refused.
func Canonical(documents map[string]spec.Object, ops spec.Operations) (spec.Object, error) {
	out := spec.Object{"openapi": Version, "paths": spec.Object{}, "components": spec.Object{"securitySchemes": spec.Object{}}}
	for _, entry := range ops {
		doc, ok := documents[entry.Name]
		if !ok {
			return nil, fmt.Errorf("%s: no text of the operation %s: take a document that has it with 'make spec-update'", entry.Document, entry.Title())
		}
		if err := addCanonical(out, doc, entry); err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Document, err)
		}
	}
	return out, nil
}

// addCanonical adds the canonical form of an operation to out.
func addCanonical(out, doc spec.Object, entry spec.Operation) error {
	if err := checkVersion(doc); err != nil {
		return err
	}
	found, err := entry.Find(doc)
	if err != nil {
		return err
	}
	at, copier := found.Pointer(), newCopier(doc)
	op, err := inlined(copier, found)
	if err != nil {
		return err
	}
	if is31(doc) {
		schemasAs30(op)
	}
	err = cmp.Or(canonicalSecurity(copier, out, op, at), canonicalServers(copier, out, op, found), canonicalResponses(op, at),
		canonicalParameters(op, entry, found), keywords(op, at))
	if err == nil && out["info"] == nil {
		out["info"], err = copier.Copy(doc["info"], "/info")
	}
	spec.Ensure(spec.Child(out, "paths"), entry.Path)[found.Method] = op
	return err
}

// canonicalServers sets the servers of out to those of the first operation. The first
// server must be the vendor's, and the same for all operations.
func canonicalServers(c *spec.Copier, out, op spec.Object, found spec.Located) error {
	value, err := c.Copy(cmp.Or(op["servers"], found.Item["servers"], c.Doc["servers"]), "/servers")
	if err != nil {
		return err
	}
	delete(op, "servers")
	for _, v := range spec.Children(value) {
		if address, ok := spec.Child(v)["url"].(string); ok {
			spec.Child(v)["url"] = strings.TrimRight(address, "/")
		}
	}
	first, _ := spec.At(value, "/0/url")
	address, _ := first.(string)
	if !strings.HasPrefix(address+"/", vendor) || strings.ContainsAny(address, "{}?#") {
		return fmt.Errorf("%s/servers: the first server, %.200q, is not at %s, or its address has variables or a query", found.Pointer(), address, vendor)
	}
	out["servers"] = cmp.Or(out["servers"], value)
	if common, _ := spec.At(out, "/servers/0/url"); common != first {
		return fmt.Errorf("%s/servers: the first server is %.200q, that of other operations %.200q: the client has one address", found.Pointer(), address, common)
	}
	return nil
}

// inlined returns a copy of the operation with every reference replaced and the
// parameters of its path item merged in.
func inlined(c *spec.Copier, found spec.Located) (spec.Object, error) {
	value, err := c.Copy(found.Operation, found.Pointer())
	if err != nil {
		return nil, err
	}
	op := spec.Child(value)
	if value, err = c.Copy(found.Item["parameters"], found.ItemPointer()+"/parameters"); err != nil {
		return nil, err
	}
	shared, _ := value.([]any)
	own := spec.List(op, "parameters") // override inherited parameters with the same name and place
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

// keptExtensions are prefixes of extensions for permissions, plans and deprecations.
var keptExtensions = []string{"x-cf", "x-api-token-group"}

// isLeftOut reports whether a member asserts nothing, or is one of info in 3.1 only.
func isLeftOut(key string, _ any, place spec.Place, pointer string) bool {
	return place == spec.Fields && (key == "discriminator" || key == "callbacks" || pointer == "/info/summary" || pointer == "/info/license/identifier" ||
		strings.HasPrefix(key, "x-") && !slices.ContainsFunc(keptExtensions, func(prefix string) bool { return strings.HasPrefix(key, prefix) }))
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
	return renameKeys(responses, at+"/responses", func(key string) string { return strings.ReplaceAll(key, "x", "X") })
}

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
// and puts them first, in the order of the path. It refuses a required parameter that
// the library does not send.
func canonicalParameters(op spec.Object, entry spec.Operation, found spec.Located) error {
	at := found.Pointer() + "/parameters"
	canonical, names := spec.PathParameters(entry.Path), spec.PathParameters(found.Path)
	inPath := make([]any, len(canonical))
	var others []any
	for i, p := range spec.List(op, "parameters") {
		param, ok := p.(spec.Object)
		if !ok {
			return fmt.Errorf("%s/%d: not an object", at, i)
		}
		name := spec.Text(param, "name")
		if param["in"] == "header" && slices.Contains([]string{"accept", "content-type", "authorization"}, strings.ToLower(name)) {
			continue
		}
		if param["in"] != "path" {
			if param["required"] == true && (param["in"] != "query" || !slices.Contains(entry.Query, name)) {
				return fmt.Errorf("%s: a new required parameter, %.100q in %.20q: this library would not send it", at, name, param["in"])
			}
			others = append(others, param)
			continue
		}
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
	op["parameters"] = slices.Concat(inPath, others)
	return nil
}

// defaults are keywords with their default values (OpenAPI 3.0.3, Parameter Object
// and Schema Object; JSON Schema).
var defaults = spec.Object{
	"required": false, "deprecated": false, "allowEmptyValue": false, "allowReserved": false,
	"nullable": false, "readOnly": false, "writeOnly": false, "uniqueItems": false,
	"exclusiveMinimum": false, "exclusiveMaximum": false,
	"minLength": 0.0, "minItems": 0.0, "minProperties": 0.0, "additionalProperties": true,
}

var emptyByDefault = []string{"required", "parameters", "tags", "properties", "headers", "additionalProperties"}

// keywords removes, in place, keywords with their default values from the operation
// at a pointer, turns choices of one into allOf and writes the media type of JSON
// without parameters.
func keywords(op spec.Object, at string) error {
	return spec.Visit(op, spec.Fields, at, func(o spec.Object, pointer string) error {
		if usual, err := (&openapi3.Parameter{In: spec.Text(o, "in")}).SerializationMethod(); err == nil && o["name"] != nil {
			if o["style"] == usual.Style {
				delete(o, "style")
			}
			if _, styled := o["style"]; !styled && o["explode"] == usual.Explode {
				delete(o, "explode")
			}
		}
		maps.DeleteFunc(o, isDefault)
		joinSingle(o)
		return renameKeys(spec.Child(o, "content"), pointer+"/content", func(key string) string {
			if mediaType, _, err := mime.ParseMediaType(key); err == nil && mediaType == "application/json" {
				return mediaType
			}
			return key
		})
	})
}

func isDefault(keyword string, value any) bool {
	list, isList := value.([]any)
	object, isObject := value.(spec.Object)
	if isList || isObject {
		return len(list)+len(object) == 0 && slices.Contains(emptyByDefault, keyword)
	}
	usual, ok := defaults[keyword]
	return ok && value == usual
}
