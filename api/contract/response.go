package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

// maxViolations limits the violations that are listed of one response, and of the body
// of one request.
const maxViolations = 20

// CheckResponse checks one response, given as status, header and decompressed body, and
// returns its violations, including drift. The request need not have been sent: its
// method and path select the operation, and its credentials and body are redacted in
// the violations. CheckResponse is for fixtures and recordings. Of the options,
// [WithBasePath], [WithKnownValues] and [WithMaxBytes] matter. The error is about the
// options, or about a request that is nil or has no URL.
func CheckResponse(req *http.Request, status int, header http.Header, body []byte, opts ...Option) ([]Violation, error) {
	c, err := newChecker(opts)
	if err != nil {
		return nil, err
	}
	if req == nil || req.URL == nil {
		return nil, errors.New("contract: the request is nil or has no URL")
	}
	x := c.exchange(req)
	if x.operation == nil {
		return c.outside(req, x), nil
	}
	return c.response(x, status, canonical(header), body), nil
}

// response checks a complete, decompressed body.
func (c *checker) response(x exchange, status int, header http.Header, body []byte) []Violation {
	return c.finish(x, status, header, c.responseBody(x, status, header, body))
}

// finish limits and redacts the violations of a response, and adds the status and Ray
// ID to them.
func (c *checker) finish(x exchange, status int, header http.Header, vs []Violation) []Violation {
	if len(vs) > maxViolations {
		rest := len(vs) - maxViolations
		class := vs[maxViolations].Class // the most severe of the rest, because breaches come first
		vs = append(vs[:maxViolations:maxViolations], Violation{
			Class: class, Message: fmt.Sprintf("at least %d more violations of this response are not listed", rest),
		})
	}
	for i := range vs {
		vs[i].StatusCode, vs[i].RayID = status, header.Get("CF-Ray")
	}
	return x.redactViolations(vs)
}

func (c *checker) responseBody(x exchange, status int, header http.Header, body []byte) []Violation {
	op := x.operation
	if len(body) > c.maxBytes {
		return []Violation{bodyTooLong(c.maxBytes)}
	}
	response := op.Response(status)
	if response == nil {
		return []Violation{{
			Class: Drift, Pointer: "/status", Message: "undocumented status; its body was not checked",
			Expected: joinKeys(op.Operation.Responses.Map()), Excerpt: strconv.Itoa(status),
		}}
	}
	if len(response.Value.Content) == 0 { // the vendor may describe a status by its headers alone
		if len(body) == 0 {
			return nil
		}
		return []Violation{{
			Class: Drift, Message: "undocumented body; it was not checked",
			Expected: "no body", Excerpt: header.Get("Content-Type") + " with " + string(body),
		}}
	}
	if !isJSON(header) || response.Value.Content.Get("application/json") == nil {
		return []Violation{{
			Class: BadResponse, Pointer: "/header/Content-Type", Message: "undocumented content type; the body was not checked",
			Expected: joinKeys(response.Value.Content), Excerpt: header.Get("Content-Type") + " with " + string(body),
		}}
	}
	value, err := apispec.Decode(body)
	if err != nil {
		v := notJSON(err)
		// The whole body, unquoted: the redaction might not find a secret that was cut or
		// quoted.
		v.Class, v.Excerpt = BadResponse, string(body)
		return []Violation{v}
	}
	w := walker{operation: op.ID, known: c.known, reported: make(map[string]bool)}
	w.walk(op.Schema(status), value, nil, nil, false)
	vs := slices.Concat(c.schemaBreaches(op, status, header, body, value), x.clientRefusals(status, value), w.found)
	slices.SortStableFunc(vs, bySeverity)
	return append(vs, c.newValues(w.values, maxViolations-len(vs))...)
}

func joinKeys[V any](documented map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(documented)), " or ")
}

func isJSON(header http.Header) bool {
	mediaType, _, _ := strings.Cut(header.Get("Content-Type"), ";") // clients ignore the parameters
	return strings.EqualFold(strings.TrimSpace(mediaType), "application/json")
}

// schemaBreaches returns violations of the schema. For an invalid body it lists, to
// limit memory, those in the first items of each array or, if these are valid, the first
// one of the body.
func (c *checker) schemaBreaches(op *apispec.Operation, status int, header http.Header, body []byte, value any) []Violation {
	err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: &http.Request{Method: op.Method}, Route: op.Route,
		},
		Status: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, SchemaValidationOptions: schemaOptions},
	})
	if err == nil {
		return nil
	}
	vs := schemaErrors(op.Schema(status), firstItems(value), openapi3.VisitAsResponse())
	if len(vs) == 0 {
		vs = schemaViolations(err)
	}
	if len(vs) == 0 {
		vs = []Violation{{Message: err.Error()}}
	}
	for i := range vs {
		vs[i].Class = BadResponse
	}
	return vs
}

// schemaErrors returns all violations of a schema in a decoded value.
func schemaErrors(schema *openapi3.SchemaRef, value any, as openapi3.SchemaValidationOption) []Violation {
	options := append(schemaOptions[:len(schemaOptions):len(schemaOptions)], openapi3.MultiErrors(), as)
	return schemaViolations(schema.Value.VisitJSON(value, options...))
}

// firstItems copies a decoded value with the first items of each array only.
func firstItems(value any) any {
	switch v := value.(type) {
	case []any:
		out := make([]any, min(len(v), 2*maxViolations))
		for i := range out {
			out[i] = firstItems(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			out[name] = firstItems(member)
		}
		return out
	default:
		return v
	}
}

// notJSON returns a violation with the place where a body is not strict JSON.
func notJSON(err error) Violation {
	v := Violation{Message: "the body is not one strict JSON value", Expected: "one JSON value"}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		v.Pointer = string(syntactic.JSONPointer)
		v.Message += fmt.Sprintf(": %v at byte %d", syntactic.Err, syntactic.ByteOffset)
	}
	return v
}

func bodyTooLong(limit int) Violation {
	return Violation{Class: Unchecked, Message: fmt.Sprintf("the body is longer than the %d bytes that are kept for checking", limit)}
}
