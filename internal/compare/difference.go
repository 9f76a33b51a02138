package compare

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// pair is the same form of two revisions.
type pair struct{ before, after form }

// difference is the smallest part of an operation that differs. An operation that
// one revision lacks is one difference with an empty path and key.
type difference struct {
	pair          *pair
	op            string
	path          []string // of the object that holds the difference, in normal form
	key           string   // member of that object
	item          string   // of that member, where it is a list or properties
	before, after any
	required      [2]bool  // of a property that comes or goes: whether it is required
	together      []string // fields that differ as one, the key among them

	class   Class
	meaning string
	rule    string
}

// walker collects the differences of one operation after the other.
type walker struct {
	pair  *pair
	op    string
	found []*difference
}

// differences returns what differs in the two documents.
func (p *pair) differences() []*difference {
	w := &walker{pair: p}
	x, y := p.before.doc, p.after.doc
	w.object([]string{"info"}, object(x, "info"), object(y, "info"), specdoc.Names)
	w.object(nil, specdoc.Object{"servers": x["servers"]}, specdoc.Object{"servers": y["servers"]}, specdoc.Names)
	for w.op = range keys(p.before.operations, p.after.operations) {
		before, after := object(p.before.operations, w.op), object(p.after.operations, w.op)
		if before == nil || after == nil {
			w.add(nil, "", p.before.operations[w.op], p.after.operations[w.op])
			continue
		}
		w.object(nil, before, after, specdoc.Fields)
	}
	return w.found
}

func (w *walker) add(path []string, key string, before, after any) *difference {
	d := &difference{pair: w.pair, op: w.op, path: slices.Clone(path), key: key, before: before, after: after}
	w.found = append(w.found, d)
	return d
}

// object compares two objects at one place, member by member.
func (w *walker) object(path []string, before, after specdoc.Object, place specdoc.Place) {
	together := choice(before, after, place)
	for key := range keys(before, after) {
		x, y := member(path, before, key), member(path, after, key)
		was, is := object(x), object(y)
		switch below := child(place, key); {
		case slices.Contains(together, key):
			if key == "type" {
				w.add(path, key, picked(before, together), picked(after, together)).together = together
			}
		case text(x) == text(y), key == rawKey:
		case place == specdoc.Fields && (key == "properties" || key == "security" || key == "required" && x != true && y != true):
			w.items(path, key, before, after)
		case place == specdoc.Fields && below == specdoc.Names && !isProse(key),
			was != nil && is != nil && below != specdoc.Data && key != "not":
			w.object(append(path, key), was, is, below)
		default:
			w.add(path, key, x, y)
		}
	}
}

// choice returns the fields of schemas of which one has a type and the other a
// choice of types: neither field says anything without the other.
func choice(before, after specdoc.Object, place specdoc.Place) []string {
	chooses := func(o specdoc.Object) bool { return o["anyOf"] != nil || o["oneOf"] != nil }
	if place != specdoc.Fields || (before["type"] == nil) == (after["type"] == nil) || !chooses(before) && !chooses(after) {
		return nil
	}
	return []string{"type", "format", "anyOf", "oneOf"}
}

func picked(o specdoc.Object, fields []string) specdoc.Object {
	out := specdoc.Object{}
	for _, field := range fields {
		if v, ok := o[field]; ok {
			out[field] = v
		}
	}
	return out
}

// items compares members of which each item comes and goes by itself: properties,
// and the sets of what is required and of the ways to authenticate.
func (w *walker) items(path []string, key string, before, after specdoc.Object) {
	x, y := object(before, key), object(after, key)
	for item := range keys(x, y) {
		was, is := x[item], y[item]
		required := [2]bool{object(before, "required")[item] != nil, object(after, "required")[item] != nil}
		switch {
		case key == "required" && (object(before, "properties")[item] == nil) != (object(after, "properties")[item] == nil):
		case object(was) != nil && object(is) != nil:
			w.object(append(path, key, item), object(was), object(is), specdoc.Fields)
		case was != is:
			d := w.add(path, key, was, is)
			d.item, d.required = item, required
		}
	}
}

// member returns a member of the object at a path. A status without a response of
// its own has that of its range, or else the default.
func member(path []string, holder specdoc.Object, key string) any {
	if v, ok := holder[key]; ok || len(path) != 1 || path[0] != "responses" {
		return v
	}
	if v, ok := holder[key[:1]+"XX"]; ok {
		return v
	}
	return holder["default"]
}

// tokens returns the path of the difference itself.
func (d *difference) tokens() []string {
	out := slices.Clone(d.path)
	for _, token := range []string{d.key, d.item} {
		if token != "" && !(token == d.item && d.key != "properties") {
			out = append(out, token)
		}
	}
	return out
}

// lookup returns what an operation has at a path, and the JSON pointer of it.
func lookup(op specdoc.Object, path []string) (v any, pointer string) {
	v = op
	for i, key := range path {
		v = member(path[:i], object(v), key)
		if raw, ok := object(v)[rawKey].(string); ok {
			key = raw
		}
		pointer += "/" + specdoc.Escape(key)
	}
	return v, pointer
}

// pointer returns the JSON pointer of the difference in the new document, or in
// the old one if the new one lacks it.
func (d *difference) pointer() string {
	side := d.pair.after
	if d.after == nil {
		side = d.pair.before
	}
	_, pointer := lookup(object(side.operations, d.op), d.tokens())
	method, path, _ := strings.Cut(d.op, " ")
	if d.op != "" {
		pointer = "/paths/" + specdoc.Escape(path) + "/" + strings.ToLower(method) + pointer
	}
	return pointer
}

// subject identifies what a difference is about, the same in both forms.
func (d *difference) subject() string {
	return strings.Join(append(slices.Clone(d.path), d.op, d.key, d.item), "\x00")
}

// root returns the member of the operation in which the difference stands.
func (d *difference) root() string { return append(slices.Clone(d.path), d.key)[0] }

// request reports whether callers have to keep to what differs, and not the API.
func (d *difference) request() bool { return d.root() == "parameters" || d.root() == "requestBody" }

// at tells how the members of the object that holds the difference are to be read.
func (d *difference) at() specdoc.Place {
	place := specdoc.Fields
	for _, key := range d.path {
		place = child(place, key)
	}
	return place
}

// named reports whether the key of the difference is a name, and no field.
func (d *difference) named() bool { return d.at() == specdoc.Names }

// quiet returns what a value of the difference says about requests and responses.
func (d *difference) quiet(v any) any {
	if d.item != "" {
		return published(v, specdoc.Fields)
	}
	return published(v, child(d.at(), d.key))
}

// child is Place.Child for documents in normal form, where parameters have names.
func child(at specdoc.Place, key string) specdoc.Place {
	if at == specdoc.Fields && key == "parameters" {
		return specdoc.Names
	}
	return at.Child(key)
}

// place names the place for people.
func (d *difference) place() string {
	tokens := d.tokens()
	out := "operation"
	switch {
	case d.op == "":
		return "document"
	case len(tokens) > 1 && d.root() == "responses":
		out = "response " + tokens[1]
	case len(tokens) > 1 && d.root() == "parameters":
		out = tokens[1] + " parameter"
	case d.root() == "requestBody":
		out = "request body"
	}
	separator := ": "
	at := specdoc.Fields
	for i, token := range tokens[:max(len(tokens)-1, 0)] {
		next := tokens[i+1]
		switch {
		case at != specdoc.Fields:
		case token == "properties":
			out += separator + next
			separator = "."
		case token == "headers":
			out += ", header " + next
		case token == "items":
			out += "[]"
		case token == "additionalProperties":
			out += ", other members"
		}
		at = child(at, token)
	}
	return Line(out, 200)
}

// message words the difference.
func (d *difference) message() string {
	subject := strings.TrimSpace(Line(strings.Join([]string{d.key, d.item}, " "), 200))
	if d.key == "properties" {
		subject = "member " + Line(d.item, 100)
	}
	switch {
	case d.key == "" && d.after == nil:
		return "the operation is withdrawn"
	case d.key == "":
		return "the operation is new"
	case d.item != "" && d.key != "properties" && d.before == nil:
		return subject + " added"
	case d.item != "" && d.key != "properties":
		return subject + " removed"
	case d.before == nil:
		return fmt.Sprintf("%s added: %s", subject, shown(d.quiet(d.after)))
	case d.after == nil:
		return fmt.Sprintf("%s removed: %s", subject, shown(d.quiet(d.before)))
	default:
		return fmt.Sprintf("%s: %s → %s", subject, shown(d.quiet(d.before)), shown(d.quiet(d.after)))
	}
}

// keys yields the keys of two objects in a fixed order.
func keys(a, b specdoc.Object) iter.Seq[string] {
	all := maps.Clone(a)
	if all == nil {
		all = specdoc.Object{}
	}
	maps.Copy(all, b)
	return slices.Values(specdoc.SortedKeys(all))
}

// whole returns the path of the difference with the item of a set.
func (d *difference) whole() []string {
	if d.item == "" || d.key == "properties" {
		return d.tokens()
	}
	return append(d.tokens(), d.item)
}

// change returns the difference as the report lists it.
func (d *difference) change() Change {
	return Change{Class: d.class, Pointer: d.pointer(), Place: d.place(), Message: d.message(), Meaning: d.meaning, Rule: d.rule}
}
