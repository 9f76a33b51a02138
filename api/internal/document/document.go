// Package document reads the contract for the checker and the fake server.
package document

import (
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
	Route    *routers.Route
	BasePath string

	segments []string            // of the path template
	known    map[string][]string // values documented for the enum-like fields
}

// EnumLike are the fields of an association that are open sets in the contract
// but take few values in practice.
var EnumLike = []string{"service", "status"}

// Load returns the contract of this module. It is a variable for the tests of the
// checker and of the fake server, which look at them under a contract that stays
// as it is when the vendor's does not; nothing else sets it.
var Load = sync.OnceValues(func() (*Document, error) { return Parse(generated.OpenAPI()) })

// Parse reads an OpenAPI document with one path, and a GET at it.
func Parse(text []byte) (*Document, error) {
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("contract: read the OpenAPI document: %w", err)
	}
	if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("contract: the OpenAPI document: %w", err)
	}
	if len(doc.Servers) == 0 || doc.Paths.Len() != 1 {
		return nil, errors.New("contract: the OpenAPI document has no server or more than one path")
	}
	// The first server is the production server, whose URL the client has for its
	// default; others may follow.
	server, err := url.Parse(doc.Servers[0].URL)
	if err != nil {
		return nil, fmt.Errorf("contract: server of the OpenAPI document: %w", err)
	}
	for path, item := range doc.Paths.Map() {
		if item.Get == nil {
			return nil, fmt.Errorf("contract: %s has no GET", path)
		}
		d := &Document{
			Route: &routers.Route{
				Spec: doc, Server: doc.Servers[0],
				Path: path, PathItem: item, Method: http.MethodGet, Operation: item.Get,
			},
			segments: strings.Split(path, "/"),
			BasePath: server.Path,
		}
		d.openSets()
		return d, nil
	}
	return nil, errors.New("contract: the OpenAPI document has no path")
}

// Match returns the path parameters of a request to the contract's operation.
// It compares the path as it goes over the wire, so that an escaped slash in a
// parameter does not become a segment.
func (d *Document) Match(req *http.Request, basePath string) (map[string]string, bool) {
	rest, ok := strings.CutPrefix(req.URL.EscapedPath(), basePath)
	got := strings.Split(rest, "/")
	if !ok || req.Method != d.Route.Method || len(got) != len(d.segments) {
		return nil, false
	}
	params := make(map[string]string)
	for i, want := range d.segments {
		name, isParam := strings.CutPrefix(want, "{")
		if !isParam {
			if got[i] != want {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(got[i])
		if err != nil || value == "" {
			return nil, false
		}
		params[strings.TrimSuffix(name, "}")] = value
	}
	return params, true
}

// Statuses names the documented statuses.
func (d *Document) Statuses() string {
	return strings.Join(slices.Sorted(maps.Keys(d.Route.Operation.Responses.Map())), " or ")
}

// Response returns what is documented for a status, or nil.
func (d *Document) Response(status int) *openapi3.ResponseRef {
	responses := d.Route.Operation.Responses
	if response := responses.Status(status); response != nil {
		return response
	}
	return responses.Default()
}

// Schema returns the schema of JSON answers with this status, or nil.
func (d *Document) Schema(status int) *openapi3.Schema {
	response := d.Response(status)
	if response == nil {
		return nil
	}
	media := response.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil
	}
	return media.Schema.Value
}

// openSets takes the lists of values that the enum-like fields may have out of
// the schema. What such a list says is what is known today: a service that the
// vendor adds tomorrow is drift and breaks nothing, as without a list.
func (d *Document) openSets() {
	d.known = make(map[string][]string)
	row := Child(Child(d.Schema(http.StatusOK), "result"), "")
	for _, name := range EnumLike {
		field := Child(row, name)
		if field == nil {
			continue
		}
		for _, value := range append([]any{field.Example}, field.Enum...) {
			if text, ok := value.(string); ok {
				d.known[name] = append(d.known[name], text)
			}
		}
		open := *field // the list may be shared with a field that it does close
		open.Enum = nil
		row.Properties[name] = openapi3.NewSchemaRef("", &open)
	}
}

// KnownValues returns the values of the enum-like fields that are documented, for
// options to add to.
func (d *Document) KnownValues() map[string]map[string]bool {
	known := make(map[string]map[string]bool)
	for _, name := range EnumLike {
		known[name] = make(map[string]bool)
		for _, value := range d.known[name] {
			known[name][value] = true
		}
	}
	return known
}

// Child returns the schema of a property, or of the items when name is empty.
func Child(schema *openapi3.Schema, name string) *openapi3.Schema {
	if schema == nil {
		return nil
	}
	ref := schema.Items
	if name != "" {
		ref = schema.Properties[name]
	}
	if ref == nil {
		return nil
	}
	return ref.Value
}
