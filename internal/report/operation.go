package report

import (
	"fmt"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/canon"
	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// Compare returns the changes from one document to another. Both describe the
// one operation without references or allOf (see Loosen).
func Compare(before, after specdoc.Object) []Change {
	c := &comparer{}
	c.info(object(before, "info"), object(after, "info"))
	c.servers(before["servers"], after["servers"])
	oldPath, oldOp := operation(before)
	newPath, newOp := operation(after)
	at := spot{"/paths/" + specdoc.Escape(newPath) + "/get", "operation"}
	if oldPath != newPath {
		c.add(Breaking, at, fmt.Sprintf("path: %s → %s", oldPath, newPath), "Requests go to another address.")
	}
	c.operation(oldOp, newOp, at)
	c.schemes(object(before, "components", "securitySchemes"), object(after, "components", "securitySchemes"))
	order(c.changes)
	return c.changes
}

func operation(doc specdoc.Object) (string, specdoc.Object) {
	paths := object(doc, "paths")
	for _, path := range specdoc.SortedKeys(paths) {
		return path, object(paths, path, "get")
	}
	return "", nil
}

type comparer struct{ changes []Change }

func (c *comparer) add(class Class, at spot, what, meaning string) {
	c.changes = append(c.changes, Change{class, at.pointer, at.place, what, meaning})
}

func (c *comparer) prose(at spot, key string, before, after any) {
	if text(before) != text(after) && !strings.HasPrefix(key, "x-go-") {
		c.add(Documentation, at.keyword(key), fmt.Sprintf("%s: %s → %s", key, shown(before), shown(after)), proseMeaning)
	}
}

// proseMeaning is the meaning of changes that are not worth a line of their own.
const proseMeaning = "Nothing changes but the documentation."

func (c *comparer) info(before, after specdoc.Object) {
	at := spot{"/info", "document"}
	eachKey(before, after, func(key string) {
		if key == "license" && text(before[key]) != text(after[key]) {
			c.add(Documentation, at.keyword(key), fmt.Sprintf("licence: %s → %s", shown(before[key]), shown(after[key])),
				"Check that the text may still be kept and distributed here.")
			return
		}
		c.prose(at, key, before[key], after[key])
	})
}

func (c *comparer) servers(before, after any) {
	first := func(v any) any {
		servers, _ := v.([]any)
		if len(servers) == 0 {
			return nil
		}
		return object(servers[0])["url"]
	}
	at := spot{"", "servers"}
	if x, y := first(before), first(after); x != y {
		c.add(Breaking, spot{"/servers/0/url", at.place}, fmt.Sprintf("url: %s → %s", shown(x), shown(y)), "The library's default address is not the vendor's any more.")
		return
	}
	urls := func(v any) []any {
		servers, _ := v.([]any)
		var out []any
		for _, server := range servers {
			out = append(out, object(server)["url"])
		}
		return out
	}
	came, gone := missing(urls(after), urls(before)), missing(urls(before), urls(after))
	for what, these := range map[string][]any{"added: ": came, "removed: ": gone} {
		if len(these) > 0 {
			c.add(Documentation, at.keyword("servers"), what+shown(these), "The library's default address is the first server, as before.")
		}
	}
	if len(came)+len(gone) == 0 {
		c.prose(at, "servers", before, after)
	}
}

func (c *comparer) operation(before, after specdoc.Object, at spot) {
	c.permissions(before, after, at)
	eachKey(before, after, func(key string) {
		x, y := before[key], after[key]
		switch key {
		case canon.TokenPermissions, acceptedPermissions, requiredPermissions: // compared above
		case "parameters":
			c.parameters(x, y, at.keyword(key))
		case "responses":
			c.responses(object(x), object(y), at.keyword(key))
		case "security":
			c.security(x, y, at.keyword(key))
		case "deprecated":
			c.deprecated(x, y, at)
		default:
			if isProse(key) {
				c.prose(at, key, x, y)
			} else {
				c.unknown(at, key, x, y)
			}
		}
	})
}

// The extensions that list permissions. The overlays state acceptedPermissions,
// which stands for canon.TokenPermissions where the text is without it.
const (
	acceptedPermissions = "x-accepted-permissions"
	requiredPermissions = "x-cfPermissionsRequired"
)

// permissions compares what a token must be allowed to do.
func (c *comparer) permissions(before, after specdoc.Object, at spot) {
	accepted := func(op specdoc.Object) any {
		for _, key := range []string{canon.TokenPermissions, acceptedPermissions} {
			if value, ok := op[key]; ok {
				return union(list(value))
			}
		}
		return nil
	}
	for key, value := range map[string]func(specdoc.Object) any{
		acceptedPermissions: accepted,
		requiredPermissions: func(op specdoc.Object) any { return op[requiredPermissions] },
	} {
		if x, y := value(before), value(after); meaning(x) != meaning(y) {
			c.add(Breaking, at.keyword(key), fmt.Sprintf("permissions: %s → %s", shown(x), shown(y)), "Tokens in use may lack a permission.")
		}
	}
}

func (c *comparer) deprecated(before, after any, at spot) {
	switch {
	case before != true && after == true:
		c.add(Compatible, at.keyword("deprecated"), "announced to go away", "It works for now; look for what replaces it.")
	case before == true && after != true:
		c.add(Compatible, at.keyword("deprecated"), "no longer announced to go away", "It stays.")
	}
}

// unknown tells a difference that no rule knows.
func (c *comparer) unknown(at spot, key string, before, after any) {
	if meaning(before) != meaning(after) {
		c.add(Breaking, at.keyword(key), fmt.Sprintf("%s: %s → %s", key, shown(before), shown(after)),
			"No rule tells what this means; it counts as breaking until someone has looked at it.")
	}
}

// security compares the ways to authenticate, of which a request needs one.
func (c *comparer) security(before, after any, at spot) {
	x, _ := before.([]any)
	y, _ := after.([]any)
	for _, way := range missing(union(x), y) {
		c.add(Breaking, at, "no longer accepted: "+shownWay(way), "Callers with these credentials may be refused.")
	}
	for _, way := range missing(union(y), x) {
		c.add(Compatible, at, "newly accepted: "+shownWay(way), "Credentials in use stay valid.")
	}
}

func shownWay(v any) string { return strings.Join(specdoc.SortedKeys(object(v)), " with ") }

func (c *comparer) schemes(before, after specdoc.Object) {
	eachKey(before, after, func(name string) {
		x, y := before[name], after[name]
		at := spot{"/components/securitySchemes/" + specdoc.Escape(name), "scheme " + name}
		switch {
		case x == nil || y == nil: // what the operation makes of it is told there
		case meaning(x) != meaning(y):
			c.add(Breaking, at, fmt.Sprintf("%s → %s", shown(x), shown(y)), "Credentials have to be sent in another way.")
		default:
			c.prose(at, "description", object(x)["description"], object(y)["description"])
		}
	})
}
