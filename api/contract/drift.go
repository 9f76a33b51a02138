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

// drift returns what the contract does not speak of in a decoded body. Room is
// how many violations of the response are still listed.
func (c *checker) drift(status int, value any, room int) []Violation {
	w := walker{reported: make(map[string]bool)}
	w.walk(c.doc.Schema(status), value, nil, nil)
	return append(w.found, c.newValues(value, room-len(w.found))...)
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
			w.walk(document.Child(schema, ""), item, append(path, strconv.Itoa(i)), append(place, "*"))
		}
	case map[string]any:
		if len(schema.Properties) == 0 { // the contract leaves the object open
			return
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			here, there := append(path, name), append(place, name)
			if property := document.Child(schema, name); property != nil {
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

// newValues returns values of enum-like fields that were never reported before,
// each once. Those past room are not listed, so another response may report them.
func (c *checker) newValues(value any, room int) (vs []Violation) {
	envelope, _ := value.(map[string]any)
	rows, _ := envelope["result"].([]any)
	here := make(map[[sha256.Size]byte]bool)
	for i, row := range rows {
		association, _ := row.(map[string]any)
		for _, field := range document.EnumLike {
			text, ok := association[field].(string)
			if !ok || c.known[field][text] {
				continue
			}
			key := sha256.Sum256([]byte(field + "\x00" + text)) // of fixed size, unlike the text
			if here[key] || !c.firstSeen(key, len(vs) < room) {
				continue
			}
			here[key] = true
			vs = append(vs, Violation{
				Class: Drift, Pointer: pointer([]string{"result", strconv.Itoa(i), field}),
				Message: "new value of an enum-like field; WithKnownValues makes it known", Expected: known(c.known[field]), Excerpt: excerpt(text),
			})
		}
	}
	return vs
}

// firstSeen tells whether a value was never reported, and notes that it is now
// if it is listed.
func (c *checker) firstSeen(key [sha256.Size]byte, listed bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[key] {
		return false
	}
	if listed && len(c.seen) < maxSeen {
		c.seen[key] = true
	}
	return true
}

func known(values map[string]bool) string {
	return "one of " + strings.Join(slices.Sorted(maps.Keys(values)), ", ")
}

func byPointer(a, b Violation) int { return strings.Compare(a.Pointer, b.Pointer) }
