// Package apispec reads the contract for packages contract and apitest.
package apispec

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/generated"
)

// Document is the contract, ready for checking. It is read-only.
type Document struct {
	// Operations are sorted: the first that matches a request is the most specific one.
	Operations []*Operation
	// BasePath is the path of the production server.
	BasePath string
	// Known holds the documented values of members of responses, by [Place]. Other
	// values are valid too.
	Known map[string][]string
}

// Operation is one operation of the contract.
type Operation struct {
	*routers.Route

	// ID is the operationId.
	ID string

	segments []string // of the path template
}

// Load returns the contract of this module. It is a variable so that tests can set a
// fixed contract.
var Load = sync.OnceValues(func() (*Document, error) { return Parse(generated.OpenAPI()) })

// Parse reads an OpenAPI document. It leaves out patterns that Go's regular expressions
// lack, such as (?!a): they cannot be checked.
func Parse(text []byte) (*Document, error) {
	var tree any
	err := json.Unmarshal(text, &tree)
	if err == nil {
		removePatterns(tree)
		text, err = json.Marshal(tree)
	}
	if err != nil {
		return nil, fmt.Errorf("contract: read the OpenAPI document: %w", err)
	}
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
	d := &Document{BasePath: server.Path, Known: make(map[string][]string)}
	paths := doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) { // "{" sorts after the characters of literal segments
		operations := paths[path].Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			op := &Operation{
				Route: &routers.Route{
					Spec: doc, Server: doc.Servers[0],
					Path: path, PathItem: paths[path], Method: method, Operation: operations[method],
				},
				ID: operations[method].OperationID, segments: strings.Split(path, "/"),
			}
			if op.ID == "" {
				return nil, fmt.Errorf("contract: %s %s has no operationId", method, path)
			}
			for _, response := range op.Operation.Responses.Map() {
				d.openSets(op.ID, "", jsonSchema(response.Value.Content))
			}
			d.Operations = append(d.Operations, op)
		}
	}
	if len(d.Operations) == 0 {
		return nil, errors.New("contract: the OpenAPI document has no operation")
	}
	return d, nil
}

// removePatterns removes the patterns below v that the library cannot compile.
func removePatterns(v any) {
	switch v := v.(type) {
	case map[string]any:
		pattern, _ := v["pattern"].(string)
		if openapi3.NewStringSchema().WithPattern(pattern).Validate(context.Background()) != nil {
			delete(v, "pattern")
		}
		for _, child := range v {
			removePatterns(child)
		}
	case []any:
		for _, child := range v {
			removePatterns(child)
		}
	}
}

// Operation returns the operation with the id, or nil.
func (d *Document) Operation(id string) *Operation {
	i := slices.IndexFunc(d.Operations, func(op *Operation) bool { return op.ID == id })
	if i < 0 {
		return nil
	}
	return d.Operations[i]
}

// Match returns the operation of a request and its path parameters, or nil. It compares
// the escaped path, so that an escaped slash in a parameter does not start another
// segment.
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

// Subject returns the name of the path parameter at the end of the path, or "".
func (o *Operation) Subject() string {
	name, isParam := strings.CutPrefix(o.segments[len(o.segments)-1], "{")
	if !isParam {
		return ""
	}
	return strings.TrimSuffix(name, "}")
}

// Response returns the documented response for a status, or nil.
func (o *Operation) Response(status int) *openapi3.ResponseRef {
	return cmp.Or(o.Operation.Responses.Status(status), o.Operation.Responses.Default())
}

// Schema returns the schema of JSON responses with this status, or nil.
func (o *Operation) Schema(status int) *openapi3.SchemaRef {
	if response := o.Response(status); response != nil {
		return jsonSchema(response.Value.Content)
	}
	return nil
}

// BodySchema returns the schema of JSON request bodies, or nil.
func (o *Operation) BodySchema() *openapi3.SchemaRef {
	if body := o.Operation.RequestBody; body != nil {
		return jsonSchema(body.Value.Content)
	}
	return nil
}

func jsonSchema(content openapi3.Content) *openapi3.SchemaRef {
	if media := content.Get("application/json"); media != nil {
		return media.Schema
	}
	return nil
}

// openSets makes the strings of a response open sets, because a value that the vendor
// adds does not break the contract. It records the values that a schema lists, and its
// example, in d.Known, and makes the schema accept others. See [Place] for place.
func (d *Document) openSets(operation, place string, schema *openapi3.SchemaRef, ancestors ...*openapi3.Schema) {
	if schema == nil || slices.Contains(ancestors, schema.Value) { // a schema may contain itself
		return
	}
	ancestors = append(ancestors, schema.Value)
	for name, property := range schema.Value.Properties {
		d.openSets(operation, place+"/"+Escape(name), property, ancestors...)
	}
	d.openSets(operation, place+"/*", schema.Value.Items, ancestors...)
	d.openSets(operation, place+"/*", schema.Value.AdditionalProperties.Schema, ancestors...)
	listed := listedValues(schema)
	if !schema.Value.Type.Is(openapi3.TypeString) || len(listed) == 0 {
		return
	}
	d.addKnown(Place(operation, place), append(listed, schema.Value.Example))
	removeEnum(schema, listed)
}

// knownValues is the extension that lists values of an open set.
const knownValues = "x-known-values"

// listedValues returns the values that a schema lists in x-known-values or as enum.
func listedValues(schema *openapi3.SchemaRef) []any {
	known, _ := extension(schema, knownValues).([]any)
	return slices.Concat(known, schema.Value.Enum)
}

// addKnown adds the strings among values to d.Known, once each.
func (d *Document) addKnown(key string, values []any) {
	for _, value := range values {
		if text, ok := value.(string); ok && !slices.Contains(d.Known[key], text) {
			d.Known[key] = append(d.Known[key], text)
		}
	}
}

// removeEnum removes the enum from a copy of the schema, because requests may use the
// schema too. It keeps the values in x-known-values, because several operations may
// share the reference, and each operation has its own key in d.Known.
func removeEnum(schema *openapi3.SchemaRef, values []any) {
	copied := *schema.Value
	copied.Enum = nil
	extensions := map[string]any{}
	maps.Copy(extensions, schema.Extensions)
	extensions[knownValues] = values
	schema.Value, schema.Extensions = &copied, extensions
}

// Place returns the key of a member in the known values: the operation and the place in
// the body of its responses. A place is a JSON pointer in which * means any item of an
// array and any member of a map.
func Place(operation, place string) string { return operation + " " + place }

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// Escape escapes a name for use in a JSON pointer.
func Escape(name string) string { return pointerEscaper.Replace(name) }

// Decode decodes one strict JSON value, without duplicate names or invalid UTF-8, into
// the types that schemas check. Numbers are of type [json.Number], with all digits, and
// in the range of float64.
func Decode(text []byte) (value any, err error) {
	number := func(dec *jsontext.Decoder, value *any) error {
		if dec.PeekKind() != '0' {
			return errors.ErrUnsupported // use the default
		}
		text, err := dec.ReadValue()
		if err == nil {
			_, err = strconv.ParseFloat(string(text), 64)
		}
		*value = json.Number(text)
		return err
	}
	err = jsonv2.Unmarshal(text, &value, jsonv2.WithUnmarshalers(jsonv2.UnmarshalFromFunc(number)))
	return value, err
}

// Child returns the schema of the named member of an object. If name is empty, it
// returns the schema of the items of an array. Without a schema, it returns nil.
func Child(schema *openapi3.SchemaRef, name string) *openapi3.SchemaRef {
	switch {
	case schema == nil:
		return nil
	case name == "":
		return schema.Value.Items
	case schema.Value.Properties[name] != nil:
		return schema.Value.Properties[name]
	default:
		return schema.Value.AdditionalProperties.Schema
	}
}

// Decides reports whether the contract marks a member with x-decides. Clients read
// these members strictly.
func Decides(schema *openapi3.SchemaRef) bool { return extension(schema, "x-decides") == true }

// Partial reports whether the contract marks an object with x-partial: it then
// describes only some members, those that clients read.
func Partial(schema *openapi3.SchemaRef) bool { return extension(schema, "x-partial") == true }

// extension returns the value of an extension of a schema or of the reference to it.
func extension(schema *openapi3.SchemaRef, name string) any {
	if value, ok := schema.Extensions[name]; ok {
		return value
	}
	return schema.Value.Extensions[name]
}
