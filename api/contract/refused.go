package contract

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/api/internal/document"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// usableID is what clients take for an id: they put it into the path of a request.
var usableID = regexp.MustCompile(`^[0-9A-Za-z_-]+$`)

// refused returns what clients refuse in a success although its schema allows it:
// errors, another page than the one asked for, and ids that cannot be asked about.
// Of a list, the first such id is enough.
func (x exchange) refused(status int, value any) (vs []Violation) {
	envelope, _ := value.(map[string]any)
	if envelope["success"] != true || status != http.StatusOK {
		return nil
	}
	drift := func(message, expected string, found any, place ...string) {
		v := Violation{Class: Drift, Pointer: pointer(place), Message: message, Expected: expected}
		if found != nil {
			v.Excerpt = excerpt(found)
		}
		vs = append(vs, v)
	}
	if errs, _ := envelope["errors"].([]any); len(errs) > 0 {
		drift("a success with errors, which clients refuse", "no errors", errs, "errors")
	}
	info, _ := envelope["result_info"].(map[string]any)
	asked := cmp.Or(x.query.Get("page"), "1")
	if page, said := info["page"].(float64); said && x.takes("page") && strconv.FormatFloat(page, 'f', -1, 64) != asked && (page != 0 || asked != "1") {
		drift("another page than the one asked for", "page "+asked, page, "result_info", "page")
	}
	schema := document.Child(x.operation.Schema(status), "result")
	items, isList := envelope["result"].([]any)
	if !isList {
		object, _ := envelope["result"].(map[string]any)
		id, bad := badID(schema, object)
		subject := x.params[x.operation.Subject()]
		switch {
		case object == nil:
		case bad:
			drift("not an id that can be asked about", usableID.String(), id, "result", "id")
		case id != nil && subject != "" && !strings.EqualFold(fmt.Sprint(id), subject):
			drift("another id than the one asked about", "the id in the path of the request", id, "result", "id")
		}
	}
	for i, item := range items {
		object, _ := item.(map[string]any)
		if id, bad := badID(document.Child(schema, ""), object); object != nil && bad {
			drift("not an id that can be asked about", usableID.String(), id, "result", strconv.Itoa(i), "id")
			break
		}
	}
	return vs
}

// badID returns the id of an object, and whether it is one that the contract marks
// as deciding and that is absent or unusable.
func badID(schema *openapi3.Schema, object map[string]any) (id any, bad bool) {
	at := document.Child(schema, "id")
	if at == nil || at.Nullable || !document.Decides(at) {
		return nil, false
	}
	id = object["id"]
	text, isText := id.(string)
	return id, id == nil || isText && !usableID.MatchString(text) // the schema refuses other kinds
}

// takes reports whether the operation has a query parameter.
func (x exchange) takes(parameter string) bool {
	return x.operation.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, parameter) != nil
}

// numbers returns the numbers of a sound JSON text that clients refuse although
// the schema allows them: integers beyond int64, for which the contract sets no
// bounds, as breaches; and numbers that decide and are not whole, or that float64
// cannot hold exactly, as drift. The text is read because a decoded number has
// lost its last digits.
func (c *checker) numbers(schema *openapi3.Schema, body []byte) (breaches, drift []Violation) {
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	for len(breaches)+len(drift) <= maxViolations {
		token, err := dec.ReadToken()
		if err != nil { // the end: the text was decoded before
			break
		}
		if token.Kind() != '0' {
			continue
		}
		text := token.String()
		n, whole := strictjson.ParseInt([]byte(text))
		if whole && -maxExact <= n && n <= maxExact {
			continue
		}
		v := Violation{Pointer: string(dec.StackPointer()), Excerpt: text}
		switch at := schemaAt(schema, dec.StackPointer()); {
		case at == nil:
		case at.Type.Is(openapi3.TypeInteger) && !whole && !hasFraction(text): // the schema refuses fractions
			v.Class, v.Message, v.Expected = BadResponse, "not an integer of 64 bits", "an integer from -2^63 to 2^63-1"
			breaches = append(breaches, v)
		case at.Type.Is(openapi3.TypeNumber) && document.Decides(at):
			v.Class, v.Message, v.Expected = Drift, "not a count, which clients refuse", "a whole number from -2^53 to 2^53"
			drift = append(drift, v)
		}
	}
	return breaches, drift
}

// maxExact is the largest integer up to which float64 holds every one.
const maxExact = 1 << 53

func hasFraction(text string) bool {
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && f != math.Trunc(f)
}

// schemaAt returns the schema of a place in a body, or nil.
func schemaAt(schema *openapi3.Schema, place jsontext.Pointer) *openapi3.Schema {
	for name := range place.Tokens() {
		if schema != nil && schema.Items != nil {
			name = ""
		}
		schema = document.Child(schema, name)
	}
	return schema
}
