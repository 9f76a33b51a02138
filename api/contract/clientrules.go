package contract

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

// usableID matches the ids that clients accept, because they become part of a path.
var usableID = regexp.MustCompile(`^[0-9A-Za-z_-]+$`)

// clientRefusals returns violations for what clients refuse although the schema allows
// it. That is a success flag that contradicts the status. In a success, it is also
// errors, another page or object than the requested one, an empty page although there
// are more items, an absent result, and required members that are absent or unusable.
// Of a list, it reports only the first item with violations.
func (x exchange) clientRefusals(status int, value any) []Violation {
	envelope, _ := value.(map[string]any)
	success, ok := envelope["success"].(bool) // its absence breaks the schema
	if want := status == http.StatusOK; ok && success != want {
		return []Violation{{
			Class: BadResponse, Pointer: "/success", Message: "success contradicts the status",
			Expected: strconv.FormatBool(want), Excerpt: strconv.FormatBool(success),
		}}
	}
	if !success {
		return nil
	}
	var vs []Violation
	if errs, _ := envelope["errors"].([]any); len(errs) > 0 {
		vs = append(vs, drift("a success with errors, which clients refuse", "no errors", errs, "errors"))
	}
	schema := apispec.Child(x.operation.Schema(status), "result")
	switch result := envelope["result"].(type) {
	case nil:
		if _, has := envelope["result"]; !has { // null breaks the schema
			vs = append(vs, drift("absent, which clients refuse", "a result", nil, "result"))
		}
	case []any:
		info, _ := envelope["result_info"].(map[string]any)
		vs = append(vs, x.pageViolations(info, len(result))...)
		for i, item := range result {
			object, _ := item.(map[string]any)
			if bad := memberViolations(apispec.Child(schema, ""), object, "result", strconv.Itoa(i)); len(bad) > 0 {
				return append(vs, bad...)
			}
		}
	case map[string]any:
		vs = append(vs, memberViolations(schema, result, "result")...)
		id, hasID := result["id"].(string)
		if subject := x.params[x.operation.Subject()]; hasID && usableID.MatchString(id) && subject != "" && !strings.EqualFold(id, subject) {
			vs = append(vs, drift("another id than the requested one", "the id in the path of the request", id, "result", "id"))
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

// pageViolations compares a page of n items with the requested one.
func (x exchange) pageViolations(info map[string]any, n int) (vs []Violation) {
	if x.operation.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, "page") == nil {
		return nil
	}
	requested, err := strconv.ParseFloat(cmp.Or(x.query.Get("page"), "1"), 64)
	if err != nil {
		return nil // reported with the request
	}
	member := func(name string) float64 {
		number, _ := info[name].(json.Number)
		value, _ := number.Float64() // 0 when the member is absent
		return value
	}
	page, pages, total := member("page"), member("total_pages"), member("total_count")
	if info != nil && page != requested && (page != 0 || requested != 1) {
		vs = append(vs, drift("another page than the requested one", fmt.Sprint("page ", requested), page, "result_info", "page"))
	}
	if n == 0 && (pages > requested || total > 0 && requested == 1) {
		vs = append(vs, drift("an empty page although there are more items", "", nil, "result"))
	}
	return vs
}

// memberViolations returns violations for absent members that the contract marks with
// x-decides, and for an id that cannot be part of a path. Nullable members may be
// absent, and so may strings and booleans other than the id.
func memberViolations(schema *openapi3.SchemaRef, object map[string]any, place ...string) (vs []Violation) {
	if schema == nil || object == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Value.Properties)) {
		member := schema.Value.Properties[name]
		if member.Value.Nullable || !apispec.Decides(member) {
			continue
		}
		value, has := object[name]
		text, isText := value.(string)
		at := append(place[:len(place):len(place)], name)
		types := member.Value.Type
		mayBeAbsent := name != "id" && (types.Is(openapi3.TypeString) || types.Is(openapi3.TypeBoolean))
		switch {
		case !has && !mayBeAbsent:
			vs = append(vs, drift("absent, which clients refuse", strings.Join(types.Slice(), " or "), nil, at...))
		case name == "id" && isText && !usableID.MatchString(text): // the schema refuses other kinds
			vs = append(vs, drift("not an id that can be part of a path", usableID.String(), text, at...))
		}
	}
	return vs
}
