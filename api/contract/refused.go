package contract

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
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
// errors, another page or object than the one asked for, and members that are
// absent or unusable although the result means nothing without them. Of a list, the
// first such item is enough.
func (x exchange) refused(status int, value any) []Violation {
	envelope, _ := value.(map[string]any)
	if envelope["success"] != true || status != http.StatusOK {
		return nil
	}
	var vs []Violation
	if errs, _ := envelope["errors"].([]any); len(errs) > 0 {
		vs = append(vs, drift("a success with errors, which clients refuse", "no errors", errs, "errors"))
	}
	schema := document.Child(x.operation.Schema(status), "result")
	switch result := envelope["result"].(type) {
	case []any:
		info, _ := envelope["result_info"].(map[string]any)
		vs = append(vs, x.badPage(info, len(result))...)
		for i, item := range result {
			object, _ := item.(map[string]any)
			if bad := badMembers(document.Child(schema, ""), object, "result", strconv.Itoa(i)); len(bad) > 0 {
				return append(vs, bad...)
			}
		}
	case map[string]any:
		vs = append(vs, badMembers(schema, result, "result")...)
		id, hasID := result["id"].(string)
		if subject := x.params[x.operation.Subject()]; hasID && usableID.MatchString(id) && subject != "" && !strings.EqualFold(id, subject) {
			vs = append(vs, drift("another id than the one asked about", "the id in the path of the request", id, "result", "id"))
		}
	}
	return vs
}

func drift(message, expected string, found any, place ...string) Violation {
	v := Violation{Class: Drift, Pointer: pointer(place), Message: message, Expected: expected}
	if found != nil {
		v.Excerpt = excerpt(found)
	}
	return v
}

// badPage compares a page of n items with the one that was asked for.
func (x exchange) badPage(info map[string]any, n int) (vs []Violation) {
	if x.operation.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, "page") == nil {
		return nil
	}
	asked, err := strconv.ParseFloat(cmp.Or(x.query.Get("page"), "1"), 64)
	if err != nil {
		return nil // the request's fault
	}
	page, _ := info["page"].(float64)
	pages, _ := info["total_pages"].(float64)
	total, _ := info["total_count"].(float64)
	if info != nil && page != asked && (page != 0 || asked != 1) {
		vs = append(vs, drift("another page than the one asked for", fmt.Sprint("page ", asked), page, "result_info", "page"))
	}
	if n == 0 && (pages > asked || total > 0 && asked == 1) {
		vs = append(vs, drift("an empty page although there are more items", "", nil, "result"))
	}
	return vs
}

// badMembers returns the members of an object that the contract marks as deciding
// and that are absent, and an id that cannot be part of a path. An absent scalar
// other than the id is no fault: it means that the API did not say.
func badMembers(schema *openapi3.Schema, object map[string]any, place ...string) (vs []Violation) {
	if schema == nil || object == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		at := schema.Properties[name].Value
		if at.Nullable || !document.Decides(at) {
			continue
		}
		value, has := object[name]
		text, isText := value.(string)
		there := append(place[:len(place):len(place)], name)
		switch {
		case !has && (name == "id" || !at.Type.Is(openapi3.TypeString) && !at.Type.Is(openapi3.TypeBoolean)):
			vs = append(vs, drift("absent, which clients refuse", strings.Join(at.Type.Slice(), " or "), nil, there...))
		case name == "id" && isText && !usableID.MatchString(text): // the schema refuses other kinds
			vs = append(vs, drift("not an id that can be asked about", usableID.String(), text, there...))
		}
	}
	return vs
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
		if whole && -strictjson.MaxExact <= n && n <= strictjson.MaxExact {
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
