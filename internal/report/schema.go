package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// direction says who has to keep to a schema.
type direction int

const (
	request  direction = iota // callers do: a narrower schema breaks them
	response                  // the API does: a wider schema breaks its readers
)

// narrowed and widened tell a change of what a schema accepts.
func (c *comparer) narrowed(d direction, at spot, what string) {
	if d == request {
		c.add(Breaking, at, what, "Requests that were valid may be refused.")
	} else {
		c.add(Compatible, at, what, "Answers keep what was promised.")
	}
}

func (c *comparer) widened(d direction, at spot, what string) {
	if d == request {
		c.add(Compatible, at, what, "Requests stay valid.")
	} else {
		c.add(Breaking, at, what, "Answers may hold values that were excluded.")
	}
}

func (c *comparer) schema(before, after specdoc.Object, at spot, d direction) {
	eachKey(before, after, func(key string) {
		x, y := before[key], after[key]
		switch key {
		case "required":
			c.required(before, after, at, d)
		case "properties":
			c.properties(before, after, at, d)
		case "items":
			c.items(x, y, at, d)
		case "type":
			c.kind(x, y, at, d)
		case "enum":
			c.enum(x, y, at, d)
		case "nullable":
			c.flag(x == true, y == true, at.keyword(key), d, "null")
		case "uniqueItems", "exclusiveMinimum", "exclusiveMaximum":
			c.restriction(key, x == true, y == true, at, d)
		case "additionalProperties":
			c.additional(x, y, at, d)
		case "deprecated":
			c.deprecated(x, y, at)
		default:
			c.keyword(key, x, y, at, d)
		}
	})
}

// keyword compares a keyword that is not about structure.
func (c *comparer) keyword(key string, before, after any, at spot, d direction) {
	_, bounded := bounds[key]
	switch {
	case meaning(before) == meaning(after) && !isProse(key):
	case isProse(key), key == "default" && d == response:
		c.prose(at, key, before, after)
	case bounded:
		c.bound(key, before, after, at, d)
	case before == nil && after != nil && narrows[key]:
		c.narrowed(d, at.keyword(key), fmt.Sprintf("%s: now %s", key, shown(after)))
	case after == nil && narrows[key]:
		c.widened(d, at.keyword(key), fmt.Sprintf("%s: no longer %s", key, shown(before)))
	default:
		c.unknown(at, key, before, after)
	}
}

// narrows lists the keywords whose presence makes a schema accept less.
var narrows = map[string]bool{
	"pattern": true, "format": true, "multipleOf": true, "anyOf": true, "oneOf": true, "not": true,
}

// bounds lists the limits; true is an upper one.
var bounds = map[string]bool{
	"minimum": false, "minLength": false, "minItems": false, "minProperties": false,
	"maximum": true, "maxLength": true, "maxItems": true, "maxProperties": true,
}

func (c *comparer) bound(key string, before, after any, at spot, d direction) {
	x, hadNumber := before.(float64)
	y, hasNumber := after.(float64)
	what := fmt.Sprintf("%s: %s → %s", key, shown(before), shown(after))
	switch {
	case before != nil && !hadNumber || after != nil && !hasNumber:
		c.unknown(at, key, before, after)
	case before == nil, after != nil && (y < x) == bounds[key]:
		c.narrowed(d, at.keyword(key), what)
	default:
		c.widened(d, at.keyword(key), what)
	}
}

func (c *comparer) flag(before, after bool, at spot, d direction, name string) {
	switch {
	case !before && after:
		c.widened(d, at, "may now be "+name)
	case before && !after:
		c.narrowed(d, at, "is no longer "+name)
	}
}

// restriction compares a flag that excludes values where it is set.
func (c *comparer) restriction(key string, before, after bool, at spot, d direction) {
	switch {
	case !before && after:
		c.narrowed(d, at.keyword(key), key+": now true")
	case before && !after:
		c.widened(d, at.keyword(key), key+": no longer true")
	}
}

// additional compares what a schema says of members that it does not list.
// Without a word, and with true, they may hold anything.
func (c *comparer) additional(before, after any, at spot, d direction) {
	x, y := object(before), object(after)
	open := func(v any, o specdoc.Object) bool { return v == nil || v == true || o != nil && meaning(o) == "{}" }
	wasOpen, isOpen := open(before, x), open(after, y)
	const members = "members that are not listed "
	here := at.keyword("additionalProperties")
	switch {
	case wasOpen && isOpen, before == false && after == false:
	case isOpen:
		c.widened(d, here, members+"may hold anything")
	case after == false:
		c.narrowed(d, here, members+"are excluded")
	case before == false:
		c.widened(d, here, members+"are no longer excluded: "+shown(after))
	case wasOpen:
		c.narrowed(d, here, members+"only as "+shown(after))
	default:
		c.schema(x, y, spot{here.pointer, at.place + ", other members"}, d)
	}
}

func (c *comparer) kind(before, after any, at spot, d direction) {
	what := fmt.Sprintf("type: %s → %s", shown(before), shown(after))
	at = at.keyword("type")
	switch {
	case text(before) == text(after):
	case before == nil, before == "number" && after == "integer":
		c.narrowed(d, at, what)
	case after == nil, before == "integer" && after == "number":
		c.widened(d, at, what)
	default:
		c.add(Breaking, at, what, "Values are of another type, which code for the old one does not read or send.")
	}
}

func (c *comparer) enum(before, after any, at spot, d direction) {
	x, _ := before.([]any)
	y, _ := after.([]any)
	at = at.keyword("enum")
	switch {
	case before == nil:
		c.narrowed(d, at, "only these values now: "+shown(after))
	case after == nil:
		c.widened(d, at, "any value now, not only: "+shown(before))
	default:
		if added := missing(y, x); len(added) > 0 {
			c.widened(d, at, "values added: "+shown(added))
		}
		if gone := missing(x, y); len(gone) > 0 {
			c.narrowed(d, at, "values removed: "+shown(gone))
		}
	}
}

func (c *comparer) items(before, after any, at spot, d direction) {
	x, y := object(before), object(after)
	switch {
	case before != nil && after != nil:
		c.schema(x, y, at.element(), d)
	case before == nil && len(y) > 0:
		c.narrowed(d, at.element(), "elements are described: "+shown(after))
	case len(x) > 0:
		c.widened(d, at.element(), "elements are no longer described")
	}
}

func (c *comparer) required(before, after specdoc.Object, at spot, d direction) {
	x, _ := before["required"].([]any)
	y, _ := after["required"].([]any)
	// A property that comes or goes is told once, as a property.
	x, y = present(x, before, after), present(y, before, after)
	for _, name := range missing(x, y) {
		property := at.property(fmt.Sprint(name))
		if d == request {
			c.add(Compatible, property, "no longer required", "Requests stay valid.")
		} else {
			c.add(Breaking, property, "no longer required", "Answers without it are valid: check for its absence.")
		}
	}
	for _, name := range missing(y, x) {
		c.narrowed(d, at.property(fmt.Sprint(name)), "now required")
	}
}

// present returns the names that both schemas describe, or neither.
func present(names []any, before, after specdoc.Object) []any {
	return slices.DeleteFunc(slices.Clone(names), func(name any) bool {
		key, _ := name.(string)
		_, was := object(before, "properties")[key]
		_, is := object(after, "properties")[key]
		return was != is
	})
}

func (c *comparer) properties(before, after specdoc.Object, at spot, d direction) {
	x, y := object(before, "properties"), object(after, "properties")
	eachKey(x, y, func(name string) {
		p, q := x[name], y[name]
		property := at.property(name)
		property.place = Line(strings.TrimSpace(property.place), 200)
		switch {
		case p == nil && d == response && contains(list(after["required"]), name):
			c.add(Compatible, property, "added, in every answer: "+shown(assertions(q, specdoc.Fields)),
				"The generated type has a new field. Answers without it are not valid any more: the fixtures of tests need it.")
		case p == nil && d == response:
			c.add(Compatible, property, "added: "+shown(assertions(q, specdoc.Fields)),
				"The generated type has a new field; the body as received has always carried it.")
		case q == nil && d == response:
			c.add(Breaking, property, "removed", "Answers may come without it: the field stays empty.")
		case p == nil || q == nil:
			c.unknown(property, "", p, q)
		default:
			c.schema(object(p), object(q), property, d)
		}
	})
}
