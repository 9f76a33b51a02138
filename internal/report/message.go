package report

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

func (c *comparer) parameters(before, after any, at spot) {
	byName := func(v any) specdoc.Object {
		out := specdoc.Object{}
		parameters, _ := v.([]any)
		for i, p := range parameters {
			p := object(p)
			out[fmt.Sprintf("%v %v", p["in"], p["name"])] = specdoc.Object{"parameter": p, "index": i}
		}
		return out
	}
	x, y := byName(before), byName(after)
	eachKey(x, y, func(key string) {
		p, q := object(x, key, "parameter"), object(y, key, "parameter")
		holder := y
		if q == nil {
			holder = x
		}
		spot := spot{fmt.Sprintf("%s/%v", at.pointer, object(holder, key)["index"]), "parameter " + key}
		switch {
		case p == nil && q["required"] == true:
			c.add(Breaking, spot, "added, and required", "Requests without it are refused.")
		case p == nil:
			c.add(Compatible, spot, "added, optional", "The library does not send it; the API takes its default.")
		case q == nil && p["in"] == "path":
			c.add(Breaking, spot, "removed", "Requests go to another address.")
		case q == nil:
			c.add(Compatible, spot, "removed", "The library does not send it.")
		default:
			c.parameter(p, q, spot)
		}
	})
}

func (c *comparer) parameter(before, after specdoc.Object, at spot) {
	eachKey(before, after, func(key string) {
		x, y := before[key], after[key]
		switch {
		case key == "required" && x != true && y == true:
			c.add(Breaking, at.keyword(key), "now required", "Requests without it are refused.")
		case key == "required" && x == true && y != true:
			c.add(Compatible, at.keyword(key), "no longer required", "Requests stay valid.")
		case key == "required":
		case key == "schema":
			c.schema(object(x), object(y), at.keyword(key), request)
		case key == "deprecated":
			c.deprecated(x, y, at)
		case isProse(key):
			c.prose(at, key, x, y)
		default:
			c.unknown(at, key, x, y)
		}
	})
}

func (c *comparer) responses(before, after specdoc.Object, at spot) {
	eachKey(before, after, func(status string) {
		x, y := before[status], after[status]
		spot := spot{at.pointer + "/" + specdoc.Escape(status), "answer " + status}
		switch {
		case x == nil && strings.HasPrefix(status, "2"):
			c.add(Breaking, spot, "added", "There is a new kind of success, which the library does not know.")
		case x == nil:
			c.add(Compatible, spot, "added", "A failure is described that was not; it is an error all the same.")
		case y == nil:
			c.add(Breaking, spot, "removed", "What was promised about these answers is not any more.")
		default:
			c.response(object(x), object(y), spot)
		}
	})
}

func (c *comparer) response(before, after specdoc.Object, at spot) {
	eachKey(before, after, func(key string) {
		x, y := before[key], after[key]
		switch {
		case key == "content":
			c.content(object(x), object(y), at.keyword(key))
		case key == "headers":
			c.headers(object(x), object(y), at.keyword(key))
		case key == "links":
			if meaning(x) != meaning(y) {
				c.add(Documentation, at.keyword(key), fmt.Sprintf("links: %s → %s", shown(x), shown(y)), "The library follows no links.")
			} else {
				c.prose(at, key, x, y)
			}
		case isProse(key):
			c.prose(at, key, x, y)
		default:
			c.unknown(at, key, x, y)
		}
	})
}

// readHeaders are the headers of answers that the library reads, besides those
// of HTTP itself, which a description of an API leaves out.
var readHeaders = map[string]bool{"Retry-After": true, "Ratelimit": true, "Cf-Ray": true}

// headers compares the headers that are described. What the library does not
// read, no user gets from it.
func (c *comparer) headers(before, after specdoc.Object, at spot) {
	byName := func(headers specdoc.Object) specdoc.Object {
		out := specdoc.Object{}
		for name, header := range headers {
			out[http.CanonicalHeaderKey(name)] = specdoc.Object{"name": name, "header": header}
		}
		return out
	}
	x, y := byName(before), byName(after)
	eachKey(x, y, func(name string) {
		was, is := object(x, name, "header"), object(y, name, "header")
		holder := x
		if y[name] != nil {
			holder = y
		}
		written, _ := object(holder, name)["name"].(string)
		spot, title := at.keyword(written), "header "+Line(name, 60)
		switch {
		case x[name] == nil:
			c.add(Compatible, spot, title+" described", "Nothing that is relied on changes.")
		case meaning(was) == meaning(is) && y[name] != nil:
			c.prose(spot, "description", was["description"], is["description"])
		case !readHeaders[name]:
			c.add(Compatible, spot, title+": "+described(was, is), "The library does not read it.")
		default:
			c.add(Breaking, spot, title+": "+described(was, is), "The library reads it: see whether it still understands it.")
		}
	})
}

func described(was, is specdoc.Object) string {
	if is == nil {
		return "no longer described"
	}
	return shown(assertions(was, specdoc.Fields)) + " → " + shown(assertions(is, specdoc.Fields))
}

func (c *comparer) content(before, after specdoc.Object, at spot) {
	eachKey(before, after, func(mediaType string) {
		x, y := before[mediaType], after[mediaType]
		spot := at.keyword(mediaType)
		switch {
		case x == nil:
			c.add(Compatible, spot, "also as "+Line(mediaType, 60), "The library asks for JSON.")
		case y == nil:
			c.add(Breaking, spot, "no longer as "+Line(mediaType, 60), "Answers may come in a form that the library does not read.")
		default:
			c.media(object(x), object(y), spot)
		}
	})
}

func (c *comparer) media(before, after specdoc.Object, at spot) {
	eachKey(before, after, func(key string) {
		switch {
		case key == "schema":
			c.schema(object(before[key]), object(after[key]), at.keyword(key), response)
		case isProse(key):
			c.prose(at, key, before[key], after[key])
		default:
			c.unknown(at, key, before[key], after[key])
		}
	})
}
