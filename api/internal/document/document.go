// Package document reads the contract for the checker and the fake server.
package document

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"github.com/certuse/cloudflare-mtls/generated"
)

// Document is the contract, ready for checking. It is read-only.
type Document struct {
	// Operations are ordered so that the first one that matches a request is the
	// most specific one.
	Operations []*Operation
	// BasePath is the path of the production server.
	BasePath string
}

// Operation is one operation of the contract.
type Operation struct {
	*routers.Route

	// ID is the operationId.
	ID string
	// Known holds the documented values of the members of a response that are open
	// sets, by their places in the body. A place is a JSON pointer in which * stands
	// for any item of an array and any member of a map.
	Known map[string][]string

	segments []string // of the path template
}

// Load returns the contract of this module. It is a variable so that the tests of
// the checker and of the fake server can set a contract that does not change with
// the vendor's; nothing else sets it.
var Load = sync.OnceValues(func() (*Document, error) { return Parse(generated.OpenAPI()) })

// Parse reads an OpenAPI document.
func Parse(text []byte) (*Document, error) {
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("contract: read the OpenAPI document: %w", err)
	}
	if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("contract: the OpenAPI document: %w", err)
	}
	if len(doc.Servers) == 0 {
		return nil, errors.New("contract: the OpenAPI document has no server")
	}
	// The first server is the production server, whose URL is the client's default.
	server, err := url.Parse(doc.Servers[0].URL)
	if err != nil {
		return nil, fmt.Errorf("contract: server of the OpenAPI document: %w", err)
	}
	d := &Document{BasePath: server.Path}
	paths := doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) { // "{" sorts after the characters of literal segments
		operations := paths[path].Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			op := &Operation{
				Route: &routers.Route{
					Spec: doc, Server: doc.Servers[0],
					Path: path, PathItem: paths[path], Method: method, Operation: operations[method],
				},
				ID: operations[method].OperationID, Known: make(map[string][]string), segments: strings.Split(path, "/"),
			}
			if op.ID == "" {
				return nil, fmt.Errorf("contract: %s %s has no operationId", method, path)
			}
			for _, response := range op.Operation.Responses.Map() {
				op.openSets(jsonSchema(response.Value.Content), "", nil)
			}
			d.Operations = append(d.Operations, op)
		}
	}
	if len(d.Operations) == 0 {
		return nil, errors.New("contract: the OpenAPI document has no operation")
	}
	return d, nil
}

// Operation returns the operation with the id, or nil.
func (d *Document) Operation(id string) *Operation {
	i := slices.IndexFunc(d.Operations, func(op *Operation) bool { return op.ID == id })
	if i < 0 {
		return nil
	}
	return d.Operations[i]
}

// Match returns the operation that a request is for and its path parameters, or
// nil. It compares the path as sent, so that an escaped slash in a parameter does
// not start another segment.
func (d *Document) Match(req *http.Request, basePath string) (*Operation, map[string]string) {
	rest, ok := strings.CutPrefix(req.URL.EscapedPath(), basePath)
	if !ok {
		return nil, nil
	}
	segments := strings.Split(rest, "/")
	for _, op := range d.Operations {
		if cmp.Or(req.Method, http.MethodGet) != op.Method {
			continue
		}
		if params, ok := op.match(segments); ok {
			return op, params
		}
	}
	return nil, nil
}

func (o *Operation) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(o.segments) {
		return nil, false
	}
	params := make(map[string]string)
	for i, want := range o.segments {
		name, isParam := strings.CutPrefix(want, "{")
		if !isParam {
			if segments[i] != want {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(segments[i])
		if err != nil || value == "" {
			return nil, false
		}
		params[strings.TrimSuffix(name, "}")] = value
	}
	return params, true
}

// Subject returns the name of the path parameter that the operation is about: the
// one that ends the path. It is empty for other paths.
func (o *Operation) Subject() string {
	last := o.segments[len(o.segments)-1]
	name, isParam := strings.CutPrefix(last, "{")
	if !isParam {
		return ""
	}
	return strings.TrimSuffix(name, "}")
}

// Statuses names the documented statuses.
func (o *Operation) Statuses() string {
	return strings.Join(slices.Sorted(maps.Keys(o.Operation.Responses.Map())), " or ")
}

// Response returns what is documented for a status, or nil.
func (o *Operation) Response(status int) *openapi3.ResponseRef {
	if response := o.Operation.Responses.Status(status); response != nil {
		return response
	}
	return o.Operation.Responses.Default()
}

// Schema returns the schema of JSON responses with this status, or nil.
func (o *Operation) Schema(status int) *openapi3.Schema {
	response := o.Response(status)
	if response == nil {
		return nil
	}
	return jsonSchema(response.Value.Content)
}

// BodySchema returns the schema of JSON request bodies, or nil.
func (o *Operation) BodySchema() *openapi3.Schema {
	if o.Operation.RequestBody == nil {
		return nil
	}
	return jsonSchema(o.Operation.RequestBody.Value.Content)
}

func jsonSchema(content openapi3.Content) *openapi3.Schema {
	media := content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil
	}
	return media.Schema.Value
}

// knownValues is the extension that lists values of an open set.
const knownValues = "x-known-values"

// openSets records the values that the contract lists for strings of a response
// and makes their schemas accept others: a value that the vendor adds is drift,
// with a list as without one. Extensions beside a reference become those of the
// schema.
func (o *Operation) openSets(schema *openapi3.Schema, place string, above []*openapi3.Schema) {
	if schema == nil || slices.Contains(above, schema) {
		return
	}
	above = append(above, schema)
	for name, property := range schema.Properties {
		schema.Properties[name] = o.openSet(property, place+"/"+Escape(name), above)
	}
	schema.Items = o.openSet(schema.Items, place+"/*", above)
	schema.AdditionalProperties.Schema = o.openSet(schema.AdditionalProperties.Schema, place+"/*", above)
}

func (o *Operation) openSet(ref *openapi3.SchemaRef, place string, above []*openapi3.Schema) *openapi3.SchemaRef {
	if ref == nil {
		return nil
	}
	if len(ref.Extensions) > 0 { // beside a reference
		marked := *ref.Value
		marked.Extensions = maps.Clone(marked.Extensions)
		if marked.Extensions == nil {
			marked.Extensions = make(map[string]any)
		}
		maps.Copy(marked.Extensions, ref.Extensions)
		ref = openapi3.NewSchemaRef("", &marked)
	}
	listed, _ := ref.Value.Extensions[knownValues].([]any)
	listed = slices.Concat(listed, ref.Value.Enum)
	if !ref.Value.Type.Is(openapi3.TypeString) || len(listed) == 0 {
		o.openSets(ref.Value, place, above)
		return ref
	}
	for _, value := range append(listed, ref.Value.Example) {
		if text, ok := value.(string); ok && !slices.Contains(o.Known[place], text) {
			o.Known[place] = append(o.Known[place], text)
		}
	}
	open := *ref.Value // the schema may be shared with a request, where the list is closed
	open.Enum, open.Extensions = nil, maps.Clone(open.Extensions)
	if open.Extensions == nil {
		open.Extensions = make(map[string]any)
	}
	open.Extensions[knownValues] = listed
	return openapi3.NewSchemaRef("", &open)
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// Escape writes a name as a part of a JSON pointer.
func Escape(name string) string { return pointerEscaper.Replace(name) }

// Child returns the schema of a member of an object or, when name is empty, of
// the items of an array; nil without one.
func Child(schema *openapi3.Schema, name string) *openapi3.Schema {
	if schema == nil {
		return nil
	}
	ref := schema.Items
	if name != "" {
		ref = schema.Properties[name]
	}
	if ref == nil && name != "" {
		ref = schema.AdditionalProperties.Schema
	}
	if ref == nil {
		return nil
	}
	return ref.Value
}

// Decides reports whether the contract marks a member as one that decides what a
// response means. Clients read such members strictly.
func Decides(schema *openapi3.Schema) bool { return marked(schema, "x-decides") }

// Partial reports whether the contract describes only the members of an object
// that clients read.
func Partial(schema *openapi3.Schema) bool { return marked(schema, "x-partial") }

func marked(schema *openapi3.Schema, extension string) bool {
	is, _ := schema.Extensions[extension].(bool)
	return is
}
