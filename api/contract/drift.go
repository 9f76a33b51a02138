package contract

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/api/internal/document"
)

// maxSeen bounds how many new values a transport remembers in order to report
// each once. Past it, values are reported of each response rather than never.
const maxSeen = 1000

// drift returns the fields and values of a decoded body that the contract does not have. Room is
// how many violations of the response are still listed.
func (c *checker) drift(op *document.Operation, status int, value any, room int) []Violation {
	w := walker{operation: op.ID, known: c.known, reported: make(map[string]bool)}
	w.walk(op.Schema(status), value, nil, nil, false)
	return append(w.fields, c.unseen(w.values, room-len(w.fields))...)
}

// walker finds undocumented fields and new values: one of each for each place in
// the schema, so that an array does not repeat it.
type walker struct {
	operation string
	known     map[string][]string
	reported  map[string]bool
	fields    []Violation
	values    []newValue
}

// newValue is the violation about a value that is not documented at its place.
type newValue struct {
	key [sha256.Size]byte // of fixed size, unlike the value
	Violation
}

// walk reads a value at a path in the body, and at a place in the schema. Within an
// object that the contract describes in part, every further member is allowed.
func (w *walker) walk(schema *openapi3.SchemaRef, value any, path, place []string, partial bool) {
	if schema == nil {
		return
	}
	partial = partial || document.Partial(schema)
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			w.walk(document.Child(schema, ""), item, append(path, strconv.Itoa(i)), append(place, "*"), partial)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			here, there := append(path, name), append(place, name)
			if schema.Value.Properties[name] == nil {
				there = append(place, "*")
			}
			if child := document.Child(schema, name); child != nil {
				w.walk(child, v[name], here, there, partial)
			} else if len(schema.Value.Properties) > 0 && !partial {
				w.undocumented(pointer(here), pointer(append(place, name)), v[name])
			}
		}
	case string:
		at := document.Place(w.operation, pointer(place))
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

func (w *walker) undocumented(path, place string, value any) {
	if !w.reported[place] {
		w.reported[place] = true
		w.fields = append(w.fields, Violation{Class: Drift, Pointer: path, Message: "undocumented field", Excerpt: excerpt(value)})
	}
}

// unseen returns the violations about values that were never reported before.
// Those past room are not listed, so another response may report them.
func (c *checker) unseen(values []newValue, room int) (vs []Violation) {
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

func byPointer(a, b Violation) int { return strings.Compare(a.Pointer, b.Pointer) }
