package contract

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

// document is the contract, ready for checking. It is read-only.
type document struct {
	route    *routers.Route
	segments []string // of the path template
	basePath string
	known    map[string][]string // values documented for the enum-like fields
}

var loadDocument = sync.OnceValues(func() (*document, error) {
	return parseDocument(generated.OpenAPI())
})

func parseDocument(text []byte) (*document, error) {
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
		d := &document{
			route: &routers.Route{
				Spec: doc, Server: doc.Servers[0],
				Path: path, PathItem: item, Method: http.MethodGet, Operation: item.Get,
			},
			segments: strings.Split(path, "/"),
			basePath: server.Path,
		}
		d.openSets()
		return d, nil
	}
	return nil, errors.New("contract: the OpenAPI document has no path")
}

// match returns the path parameters of a request to the contract's operation.
// It compares the path as it goes over the wire, so that an escaped slash in a
// parameter does not become a segment.
func (d *document) match(req *http.Request, basePath string) (map[string]string, bool) {
	rest, ok := strings.CutPrefix(req.URL.EscapedPath(), basePath)
	got := strings.Split(rest, "/")
	if !ok || req.Method != d.route.Method || len(got) != len(d.segments) {
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

// statuses names the documented statuses.
func (d *document) statuses() string {
	return strings.Join(slices.Sorted(maps.Keys(d.route.Operation.Responses.Map())), " or ")
}

// response returns what is documented for a status, or nil.
func (d *document) response(status int) *openapi3.ResponseRef {
	responses := d.route.Operation.Responses
	if response := responses.Status(status); response != nil {
		return response
	}
	return responses.Default()
}

// responseSchema returns the schema of JSON answers with this status, or nil.
func (d *document) responseSchema(status int) *openapi3.Schema {
	response := d.response(status)
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
func (d *document) openSets() {
	d.known = make(map[string][]string)
	row := child(child(d.responseSchema(http.StatusOK), "result"), "")
	for _, name := range enumLike {
		field := child(row, name)
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

// knownValues returns the values of the enum-like fields that are documented, for
// options to add to.
func (d *document) knownValues() map[string]map[string]bool {
	known := make(map[string]map[string]bool)
	for _, name := range enumLike {
		known[name] = make(map[string]bool)
		for _, value := range d.known[name] {
			known[name][value] = true
		}
	}
	return known
}

// child returns the schema of a property, or of the items when name is empty.
func child(schema *openapi3.Schema, name string) *openapi3.Schema {
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
