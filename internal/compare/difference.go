package compare

import (
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// pair is the same form of two revisions.
type pair struct {
	before, after form
	found         []*difference
	refusals      map[string]bool // places of schemas whose old example is no longer valid
}

// difference is the smallest part of an operation that differs. An operation that
// one revision lacks is one difference with an empty path and key.
type difference struct {
	pair          *pair
	op            string
	path          []string // of the object that holds the difference, in normal form
	key           string   // member of that object
	before, after any

	class   Class
	meaning string
	rule    string
}

// newPair returns two documents in normal form, with what differs in them.
func newPair(before, after spec.Object) (p *pair, err error) {
	p = &pair{refusals: map[string]bool{}}
	if p.before, err = newForm(before); err != nil {
		return nil, err
	}
	if p.after, err = newForm(after); err != nil {
		return nil, err
	}
	p.compare("", []string{"info"}, spec.Child(before, "info"), spec.Child(after, "info"), spec.Data)
	p.compare("", nil, spec.Object{"servers": before["servers"]}, spec.Object{"servers": after["servers"]}, spec.Data)
	for _, op := range spec.SortedKeys(p.before.operations, p.after.operations) {
		was, is := spec.Child(p.before.operations, op), spec.Child(p.after.operations, op)
		if was == nil || is == nil {
			p.add(op, nil, "", p.before.operations[op], p.after.operations[op])
			continue
		}
		p.compare(op, nil, was, is, spec.Fields)
	}
	return p, nil
}

func (p *pair) add(op string, path []string, key string, before, after any) {
	p.found = append(p.found, &difference{pair: p, op: op, path: slices.Clone(path), key: key, before: before, after: after})
}

// compare adds the differences of two objects at one place, member by member.
func (p *pair) compare(op string, path []string, before, after spec.Object, place spec.Place) {
	for _, key := range spec.SortedKeys(before, after) {
		x, y := member(path, before, key), member(path, after, key)
		was, is := spec.Child(x), spec.Child(y)
		named := place == spec.Fields && child(place, key) == spec.Names && (x == nil || was != nil) && (y == nil || is != nil)
		parts := was != nil && is != nil && (place == spec.Names || slices.Contains([]string{"schema", "items", "additionalProperties", "requestBody"}, key))
		switch {
		case spec.JSON(x) == spec.JSON(y), key == rawKey:
		case place != spec.Data && (parts || named && !isProse(key)):
			p.compare(op, append(path, key), was, is, child(place, key))
		default:
			p.add(op, path, key, x, y)
		}
	}
}

// member returns a member of the object at a path. A status without a response of
// its own has that of its range, or else the default.
func member(path []string, holder spec.Object, key string) any {
	if v, ok := holder[key]; ok || len(path) != 1 || path[0] != "responses" {
		return v
	}
	if v, ok := holder[key[:1]+"XX"]; ok {
		return v
	}
	return holder["default"]
}

// lookup returns what an operation has at a path, and the JSON pointer of it.
func lookup(op any, path []string) (v any, pointer string) {
	v = op
	at := spec.Fields
	for i, key := range path {
		v = member(path[:i], spec.Child(v), key)
		if at == spec.Names && v == true {
			return v, pointer // an element of a list, which has no place of its own
		}
		at = child(at, key)
		if raw, ok := spec.Child(v)[rawKey].(string); ok {
			key = raw
		}
		pointer += "/" + spec.Escape(key)
	}
	return v, pointer
}

func valueAt(op any, path []string) any {
	v, _ := lookup(op, path)
	return v
}

// tokens returns the path of the difference itself.
func (d *difference) tokens() []string { return append(slices.Clone(d.path), d.key) }

// subject identifies what a difference is about, the same in both forms.
func (d *difference) subject() string { return d.op + "\x00" + strings.Join(d.tokens(), "\x00") }

// change returns the difference as the report lists it.
func (d *difference) change() Change {
	c := Change{Class: d.class, Message: d.message(), Meaning: d.meaning, Rule: d.rule}
	side := d.pair.after
	if d.after == nil {
		side = d.pair.before
	}
	path, method := address(d.op)
	if d.op != "" {
		c.Pointer = "/paths/" + spec.Escape(path) + "/" + method
	}
	if d.key != "" {
		_, below := lookup(side.operations[d.op], d.tokens())
		c.Pointer += below
	}
	return c
}

// address returns the path and the method of an operation as a document has them.
func address(op string) (path, method string) {
	method, path, _ = strings.Cut(op, " ")
	return path, strings.ToLower(method)
}

// request reports whether callers have to keep to what differs, and not the API.
func (d *difference) request() bool {
	return d.tokens()[0] == "parameters" || d.tokens()[0] == "requestBody"
}

// at reports how the members of the object that holds the difference are to be read.
func (d *difference) at() spec.Place {
	place := spec.Fields
	for _, key := range d.path {
		place = child(place, key)
	}
	return place
}

// in reports whether the difference is a member of the named map or set.
func (d *difference) in(name string) bool {
	return d.at() == spec.Names && d.path[len(d.path)-1] == name
}

// child is Place.Child for documents in normal form, where lists of what has a
// name are objects.
func child(at spec.Place, key string) spec.Place {
	if at == spec.Fields && (key == "parameters" || key == "required" || key == "security") {
		return spec.Names
	}
	return at.Child(key)
}

// message words the difference.
func (d *difference) message() string {
	subject := Line(d.key, 200)
	for name, noun := range map[string]string{"properties": "member ", "required": "required member ", "security": "credentials "} {
		if d.in(name) {
			subject = noun + subject
		}
	}
	before, after := Line(spec.JSON(d.quiet(d.before)), 100), Line(spec.JSON(d.quiet(d.after)), 100)
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

// quiet returns what a value of the difference says about requests and responses.
func (d *difference) quiet(v any) any { return published(v, child(d.at(), d.key)) }
