package contract

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// enumLike are the fields of an association that are open sets in the contract
// but take few values in practice.
var enumLike = []string{"service", "status"}

// maxSeen bounds how many new values a transport remembers in order to report
// each once. Past it, values are reported each time rather than never.
const maxSeen = 1000

// drift returns what the contract does not speak of in a decoded body.
func (c *checker) drift(status int, value any) []Violation {
	w := walker{reported: make(map[string]bool)}
	w.walk(c.doc.responseSchema(status), value, nil, nil)
	return append(w.found, c.newValues(value)...)
}

// walker finds undocumented fields: one for each place in the schema, so that an
// array does not repeat it.
type walker struct {
	reported map[string]bool
	found    []Violation
}

func (w *walker) walk(schema *openapi3.Schema, value any, path, place []string) {
	if schema == nil {
		return
	}
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			w.walk(child(schema, ""), item, append(path, strconv.Itoa(i)), append(place, "*"))
		}
	case map[string]any:
		if len(schema.Properties) == 0 { // the contract leaves the object open
			return
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			here, there := append(path, name), append(place, name)
			if property := child(schema, name); property != nil {
				w.walk(property, v[name], here, there)
				continue
			}
			key := pointer(there)
			if !w.reported[key] && schema.Properties[name] == nil {
				w.reported[key] = true
				w.found = append(w.found, Violation{
					Class: Drift, Pointer: pointer(here), Message: "undocumented field", Excerpt: excerpt(v[name]),
				})
			}
		}
	}
}

// newValues returns values of enum-like fields that were never seen before.
func (c *checker) newValues(value any) (vs []Violation) {
	envelope, _ := value.(map[string]any)
	rows, _ := envelope["result"].([]any)
	for i, row := range rows {
		association, _ := row.(map[string]any)
		for _, field := range enumLike {
			text, ok := association[field].(string)
			if !ok || c.known[field][text] || !c.firstSeen(field, text) {
				continue
			}
			vs = append(vs, Violation{
				Class: Drift, Pointer: pointer([]string{"result", strconv.Itoa(i), field}),
				Message: "new value of an enum-like field", Expected: known(c.known[field]), Excerpt: excerpt(text),
			})
		}
	}
	return vs
}

func (c *checker) firstSeen(field, text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := sha256.Sum256([]byte(field + "\x00" + text)) // of fixed size, unlike the text
	if c.seen[key] {
		return false
	}
	if len(c.seen) < maxSeen {
		c.seen[key] = true
	}
	return true
}

func known(values map[string]bool) string {
	return "one of " + strings.Join(slices.Sorted(maps.Keys(values)), ", ")
}

func byPointer(a, b Violation) int { return strings.Compare(a.Pointer, b.Pointer) }
