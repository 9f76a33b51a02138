package compare

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// pair holds the same form of two revisions.
type pair struct {
	before, after *node
	found         []*difference
}

// difference is the smallest part of an operation that differs. For an operation that
// one revision lacks, the path is empty.
type difference struct {
	Change
	pair          *pair
	op            string
	path          []string // names from the operation to the part
	key           string   // the last of them
	holder        *node    // parent of the part, in either revision
	before, after *node    // nil if absent
}

// newPair returns two documents in normal form with their differences.
func newPair(before, after spec.Object) *pair {
	p := &pair{before: newForm(before), after: newForm(after)}
	p.compare(nil, p.before, p.after)
	return p
}

// compare adds the differences of two nodes, member by member. The path begins with
// the name of an operation.
func (p *pair) compare(path []string, before, after *node) {
	holder := cmp.Or(before, after)
	members := maps.Clone(holder.members)
	maps.Copy(members, cmp.Or(after, before).members)
	for _, key := range slices.Sorted(maps.Keys(members)) {
		was, is := before.member(key), after.member(key)
		both := was != nil && is != nil
		divided := (was == nil || was.members != nil) && (is == nil || is.members != nil)
		named := child(holder.place, key) == spec.Names && !isDocumentation(key)
		path := append(slices.Clone(path), key)
		switch {
		case both && spec.JSON(was.value) == spec.JSON(is.value):
		case divided && (named || both && (holder.place == spec.Names || slices.Contains(parts, key))):
			p.compare(path, was, is)
		default:
			d := &difference{pair: p, op: path[0], path: path[1:], holder: holder, before: was, after: is}
			if len(d.path) > 0 {
				d.key = key
			}
			d.Pointer, d.Message = cmp.Or(is, was).pointer, d.message()
			p.found = append(p.found, d)
		}
	}
}

// parts are the fields that are compared member by member, as maps of names are.
var parts = []string{"info", "schema", "items", "additionalProperties", "requestBody"}

// subject identifies the part that differs, equally in both forms.
func (d *difference) subject() string { return d.op + "\x00" + strings.Join(d.path, "\x00") }

// address returns the JSON pointer of an operation from its name.
func address(op string) string {
	method, path, _ := strings.Cut(op, " ")
	return spec.Located{Path: path, Method: strings.ToLower(method)}.Pointer()
}

// request reports whether the part belongs to requests, not to responses.
func (d *difference) request() bool { return d.path[0] == "parameters" || d.path[0] == "requestBody" }

// in reports whether the difference is a member of the named map or set.
func (d *difference) in(name string) bool { return d.holder.holds(name) }

func (d *difference) message() string {
	subject := Line(d.key, 200)
	for name, noun := range map[string]string{"properties": "member ", "required": "required member ", "security": "credentials "} {
		if d.in(name) {
			subject = noun + subject
		}
	}
	before, after := spec.JSON(d.before.withoutDocumentation()), spec.JSON(d.after.withoutDocumentation())
	same := 0
	for same < min(len(before), len(after)) && before[same] == after[same] {
		same++
	}
	if same > 80 { // long values begin shortly before they differ
		before, after = "…"+before[same-40:], "…"+after[same-40:]
	}
	before, after = Line(before, 100), Line(after, 100)
	switch {
	case d.key == "" && d.after == nil:
		return "operation withdrawn"
	case d.key == "":
		return "operation added"
	case d.before == nil:
		return strings.TrimSuffix(subject+" added: "+after, ": true")
	case d.after == nil:
		return strings.TrimSuffix(subject+" removed: "+before, ": true")
	}
	return subject + ": " + before + " → " + after
}
