package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// Reaching marks which changes of the published text are changes of the
// contract too, and says of the others why they are not, and whether an overlay
// wrote over them. text is the new published text (see Loosen), overlaid what
// the overlays make of it.
func Reaching(published, contract []Change, text, overlaid specdoc.Object) []PublishedChange {
	out := make([]PublishedChange, 0, len(published))
	overlaid = aligned(overlaid, text)
	decided := Compare(text, overlaid)
	for _, p := range published {
		same := func(c Change) bool { return subject(c) == subject(p) }
		at := slices.IndexFunc(contract, same)
		change := PublishedChange{Change: p}
		change.ReachesUsers = slices.ContainsFunc(contract, func(c Change) bool { return same(c) && c.Class == p.Class })
		switch {
		case change.ReachesUsers || p.Class == Documentation:
		case at >= 0:
			change.Overwritten = true
			change.Meaning = "Users see another difference, as the contract tells: the overlays say otherwise at this place, so find out which is true."
		default:
			change.Meaning, change.Overwritten = hidden(p, decided, text, overlaid)
		}
		out = append(out, change)
	}
	return out
}

// hidden says why a change of the text is none of the contract, and whether that
// is because an overlay writes another value. decided are the differences that
// the overlays make to the text.
func hidden(p Change, decided []Change, text, overlaid specdoc.Object) (meaning string, overwritten bool) {
	const none = "Users see no difference: "
	switch inText, inContract := stands(text, p.Pointer), stands(overlaid, p.Pointer); {
	case !inContract && inText:
		return none + "the overlays leave this place out.", false
	case !inContract:
		return none + "the contract was without it before.", false
	}
	for _, d := range decided {
		if d.Class > Documentation && subject(d) == subject(p) {
			return fmt.Sprintf("The overlays say otherwise (%s): find out which is true.", d.What), true
		}
	}
	for _, d := range decided {
		// Of what is new as a whole, each part may be another in the contract.
		if d.Class > Documentation && strings.HasPrefix(p.What, "added") && strings.HasPrefix(d.Pointer, p.Pointer+"/") {
			return fmt.Sprintf("The contract had it before, and the overlays say otherwise in part (%s: %s): find out which is true.", d.Place, d.What), true
		}
	}
	return none + "the contract said so before.", false
}

// aligned returns the contract with the path and the parameters' names of the
// text, which the overlays change for all places at once.
func aligned(contract, text specdoc.Object) specdoc.Object {
	path, op := operation(text)
	_, renamed := operation(contract)
	renamed = specdoc.Clone(renamed)
	names, _ := op["parameters"].([]any)
	parameters, _ := renamed["parameters"].([]any)
	for i := range min(len(names), len(parameters)) {
		if p := object(parameters[i]); p != nil {
			p["name"] = object(names[i])["name"]
		}
	}
	out := specdoc.Object{}
	for key, value := range contract {
		out[key] = value
	}
	out["paths"] = specdoc.Object{path: specdoc.Object{"get": renamed}}
	return out
}

// stands reports whether a document has something at a JSON pointer.
func stands(doc any, pointer string) bool {
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch holder := doc.(type) {
		case specdoc.Object:
			child, ok := holder[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]
			if !ok {
				return false
			}
			doc = child
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(holder) {
				return false
			}
			doc = holder[i]
		default:
			return false
		}
	}
	return true
}

// Unjudged returns changes of the published text of which nobody knows whether
// they reach users.
func Unjudged(published []Change) []PublishedChange {
	out := make([]PublishedChange, 0, len(published))
	for _, p := range published {
		out = append(out, PublishedChange{Change: p, ReachesUsers: true})
	}
	return out
}

// subject is what a change is about: its place and, as the ways to authenticate
// have one place in common, which of them.
func subject(c Change) string {
	place := belowPath(c.Pointer)
	if strings.HasSuffix(place, "get/security") {
		_, way, _ := strings.Cut(c.What, ": ")
		place += " " + way
	}
	return place
}

// belowPath cuts the path from a pointer: the overlays rename it.
func belowPath(pointer string) string {
	rest, ok := strings.CutPrefix(pointer, "/paths/")
	if !ok {
		return pointer
	}
	_, below, _ := strings.Cut(rest, "/")
	return below
}
