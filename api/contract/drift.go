package contract

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// maxSeen limits the new values that a transport remembers. Further ones are reported
// for each response.
const maxSeen = 1000

// walker finds undocumented fields, new values, and numbers that clients refuse in a
// decoded body. The schema allows all of these. For each place in the schema, it lists
// each new value once, and only the first other violation.
type walker struct {
	operation string
	known     map[string][]string
	reported  map[string]bool
	found     []Violation
	values    []newValue
}

// newValue is the violation of a value that is not documented at its place.
type newValue struct {
	key [sha256.Size]byte // of fixed size, unlike the value
	Violation
}

// walk checks a value at a path in the body and a place in the schema. partial allows
// undocumented members, as within an object that the contract describes in part.
func (w *walker) walk(schema *openapi3.SchemaRef, value any, path, place []string, partial bool) {
	if schema == nil {
		return
	}
	partial = partial || apispec.Partial(schema)
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			w.walk(apispec.Child(schema, ""), item, append(path, strconv.Itoa(i)), append(place, "*"), partial)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			memberPath, memberPlace := append(path, name), append(place, name)
			if schema.Value.Properties[name] == nil {
				memberPlace = append(place, "*")
			}
			if child := apispec.Child(schema, name); child != nil {
				w.walk(child, v[name], memberPath, memberPlace, partial)
			} else if len(schema.Value.Properties) > 0 && !partial {
				w.report(Violation{Class: Drift, Message: "undocumented field", Excerpt: excerpt(v[name])}, memberPath, append(place, name))
			}
		}
	case json.Number:
		w.number(schema, v, path, place)
	case string:
		at := apispec.Place(w.operation, pointer(place))
		known := w.known[at]
		if len(known) == 0 || slices.Contains(known, v) {
			return
		}
		if key := at + " " + v; !w.reported[key] {
			w.reported[key] = true
			w.values = append(w.values, newValue{sha256.Sum256([]byte(key)), Violation{
				Class: Drift, Pointer: pointer(path), Message: "new value; WithKnownValues makes it known",
				Expected: "one of " + strings.Join(slices.Sorted(slices.Values(known)), ", "), Excerpt: excerpt(v),
			}})
		}
	}
}

// number reports a number that clients refuse although the validation accepts it: for
// type integer, one beyond int64 or a fraction that float64 rounds to an integer; for
// type number with x-decides, one that is not a whole number from -2^53 to 2^53.
func (w *walker) number(schema *openapi3.SchemaRef, text json.Number, path, place []string) {
	n, whole := strictjson.ParseInt([]byte(text))
	if whole && -strictjson.MaxExact <= n && n <= strictjson.MaxExact {
		return
	}
	f, _ := text.Float64() // in range: the body was decoded
	v := Violation{Excerpt: text.String()}
	switch {
	case schema.Value.Type.Is(openapi3.TypeInteger) && !whole && f == math.Trunc(f): // the validation refuses any other fraction
		v.Class, v.Message, v.Expected = BadResponse, "not a 64-bit integer", "an integer from -2^63 to 2^63-1"
	case schema.Value.Type.Is(openapi3.TypeNumber) && apispec.Decides(schema):
		v.Class, v.Message, v.Expected = Drift, "clients refuse this number", "a whole number from -2^53 to 2^53"
	default:
		return
	}
	w.report(v, path, place)
}

// report records the first violation at each place.
func (w *walker) report(v Violation, path, place []string) {
	key := pointer(place)
	if w.reported[key] {
		return
	}
	w.reported[key] = true
	v.Pointer = pointer(path)
	w.found = append(w.found, v)
}

// newValues returns the violations of values that were not reported before. It records
// the first ones, up to room, as reported: the caller lists no others.
func (c *checker) newValues(values []newValue, room int) (vs []Violation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, value := range values {
		if c.seen[value.key] {
			continue
		}
		if len(vs) < room && len(c.seen) < maxSeen {
			c.seen[value.key] = true
		}
		vs = append(vs, value.Violation)
	}
	return vs
}

// bySeverity orders violations by class, then by place.
func bySeverity(a, b Violation) int {
	return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Pointer, b.Pointer))
}
