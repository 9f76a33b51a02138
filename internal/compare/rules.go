package compare

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oasdiff/oasdiff/checker"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

const documentationMeaning = "Nothing changes but the documentation."
const unknown = "No rule covers this difference: it counts as breaking until it has been reviewed."

// setClassBy classifies a difference by the checker's findings about it. A difference
// without a finding counts as breaking.
func (d *difference) setClassBy(findings []checker.Change) {
	d.Class, d.Meaning = Breaking, unknown
	if len(findings) > 0 {
		worst := slices.MaxFunc(findings, func(a, b checker.Change) int { return cmp.Compare(a.GetLevel(), b.GetLevel()) })
		d.setClass(worst.GetLevel() >= checker.WARN)
		d.Rule = worst.GetId()
	}
}

// setClass sets the class of the difference, and its meaning for requests or responses.
func (d *difference) setClass(breaks bool) {
	d.Class = Compatible
	if breaks {
		d.Class = Breaking
	}
	switch {
	case d.request() && breaks:
		d.Meaning = "Requests that were valid may be refused."
	case d.request():
		d.Meaning = "Requests stay valid."
	case breaks:
		d.Meaning = "Responses may differ from what was promised."
	default:
		d.Meaning = "Responses keep what was promised."
	}
}

// applyRule classifies a difference by the rules of this package, and reports whether
// one of them applies. Oasdiff's checker classifies the other differences.
func (d *difference) applyRule() bool {
	rule := func(class Class, meaning string) bool {
		d.Class, d.Meaning = class, meaning
		return true
	}
	removed, field := d.after == nil, d.holder.place == spec.Fields
	switch {
	// Only the address of the first server is used. The version of the whole document
	// does not concern these operations.
	case d.op == "" && d.key == "servers" && first(d.before) != first(d.after):
		return rule(Breaking, "The library's default address is no longer the vendor's.")
	case d.op == "" && d.key == "servers":
		return rule(Documentation, "The library's default address is the first server, as before.")
	case d.op == "" && d.key == "license":
		return rule(Documentation, "Check that the text may still be kept and distributed here.")
	case d.op == "":
		return rule(Documentation, documentationMeaning)

	case d.key == "" && removed:
		return rule(Breaking, "The vendor withdrew the operation: calls may fail. Its stored text stays in use until its entry in "+
			spec.OperationsFile+" changes. For a document that holds a part of the operations, say PARTIAL=1.")
	case d.key == "":
		return rule(Compatible, "The library can support it.")
	case d.in("security"):
		return rule(d.credentials())
	case field && slices.Contains(permissionLists, d.key):
		return rule(d.permissions())
	case field && d.key == "x-cfPlanAvailability" && !removed && lost(spec.Child(d.before.withoutDocumentation()), spec.Child(d.after.withoutDocumentation())):
		return rule(Breaking, "Accounts with a plan that lost it may be refused.")
	case field && (d.key == "deprecated" || d.key == "x-cfDeprecation") && removed:
		return rule(Compatible, "It is no longer deprecated.")
	case field && (d.key == "deprecated" || d.key == "x-cfDeprecation"):
		// The checker requires a sunset date, which this vendor does not publish.
		return rule(Compatible, "It works for now; look for what replaces it.")
	case field && isDocumentation(d.key), spec.JSON(d.before.withoutDocumentation()) == spec.JSON(d.after.withoutDocumentation()):
		return rule(Documentation, documentationMeaning)
	case d.path[0] == "parameters" && (field && d.key == "default" || d.before == nil && d.after.member("schema").member("default") != nil):
		return rule(Breaking, "A request without the parameter may have another result.")
	case field && d.key == "default" && !d.request():
		return rule(Documentation, "The library sets no defaults in responses.")

	case field && (d.key == "writeOnly" && d.request() || d.key == "readOnly" && !d.request()):
		return rule(Documentation, "It changes nothing in this direction.")

	// The checker treats the removal of an optional response member as harmless.
	case d.in("properties") && removed && !d.request():
		return rule(Breaking, "Responses may come without it: the field stays empty.")

	// The checker knows neither ranges of statuses nor the contract check.
	case d.in("responses") && removed:
		return rule(Breaking, "The contract check refuses such responses.")
	case d.in("responses") && strings.HasPrefix(d.key, "2"):
		return rule(Breaking, "The library does not know this success status.")
	case d.in("responses"):
		return rule(Compatible, "A response is newly described; it stays an error.")
	}
	breaks, known := d.breaks()
	if known && field {
		d.setClass(breaks)
	}
	return known && field
}

// breaks reports whether adding or removing a keyword breaks users, if that alone
// decides it. The checker treats a first enumeration or choice as added values, and
// ignores the other keywords here.
func (d *difference) breaks() (breaks, known bool) {
	added, removed := d.before == nil, d.after == nil
	switch d.key {
	case "readOnly", "writeOnly":
		return added, true
	case "enum", "not", "anyOf", "oneOf", "items", "uniqueItems", "additionalProperties":
		if d.key == "additionalProperties" && (d.before.withoutDocumentation() == false || d.after.withoutDocumentation() == false) {
			return (d.after.withoutDocumentation() == false) == d.request(), true
		}
		return added == d.request(), added != removed
	}
	return false, false
}

// excludesExample reports whether an example of the old text is no longer valid: then
// the contract check would refuse ordinary responses.
func (d *difference) excludesExample() bool {
	if d.in("properties") {
		return false
	}
	was, is := d.pair.before.member(d.op), d.pair.after.member(d.op)
	for _, name := range d.path {
		if was == nil || is == nil {
			return false
		}
		example, ok := spec.Child(was.value)["example"]
		if ok && was.place == spec.Fields && accepts(was, example) && !accepts(is, example) {
			return true
		}
		was, is = was.member(name), is.member(name)
	}
	return false
}

// permissionLists are the extensions that list permissions of API tokens.
var permissionLists = []string{"x-accepted-permissions", "x-cfPermissionsRequired", "x-api-token-group"}

// permissions classifies a change of the permissions of a token. The vendor lists
// alternatives, so an addition to a list is harmless.
func (d *difference) permissions() (Class, string) {
	before, isList := d.before.withoutDocumentation().([]any)
	after, _ := d.after.withoutDocumentation().([]any)
	gone := slices.ContainsFunc(before, func(v any) bool { return !slices.Contains(after, v) })
	switch {
	case d.before == nil:
		return Compatible, "The permissions of tokens are newly listed."
	case d.after == nil:
		return Documentation, "The permissions of tokens are no longer listed."
	case isList && !gone:
		return Compatible, "Tokens in use stay sufficient."
	default:
		return Breaking, "Tokens in use may lack the permission."
	}
}

// lost reports whether a plan that had an operation lacks it.
func lost(before, after spec.Object) bool {
	return slices.ContainsFunc(spec.SortedKeys(before), func(plan string) bool { return before[plan] == true && after[plan] != true })
}

// credentials classifies an added or removed way to authenticate.
func (d *difference) credentials() (Class, string) {
	if d.before == nil {
		return Compatible, "Credentials in use stay valid."
	}
	sent := strings.Split(d.key, " with ")
	for way := range d.pair.after.member(d.op).member("security").members {
		unsent := func(needed string) bool { return !slices.Contains(sent, needed) }
		if !slices.ContainsFunc(strings.Split(way, " with "), unsent) {
			return Compatible, "Callers with these credentials are still accepted."
		}
	}
	return Breaking, "Callers with these credentials may be refused."
}

// accepted returns an operation's ways to authenticate, by what is sent. In the
// canonical form, operations inherit nothing, and none allows anonymous access.
func accepted(doc, op spec.Object) spec.Object {
	out := spec.Object{}
	for _, requirement := range spec.List(op, "security") {
		var sent []string
		for name, scopes := range spec.Child(requirement) {
			what := normalize.Sent(spec.Child(doc, "components", "securitySchemes", name))
			if list, _ := scopes.([]any); len(list) > 0 {
				what += " " + spec.JSON(scopes)
			}
			sent = append(sent, what)
		}
		slices.Sort(sent)
		out[strings.Join(sent, " with ")] = true
	}
	return out
}

func first(servers *node) any {
	address, _ := spec.At(servers.withoutDocumentation(), "/0/url")
	return address
}
