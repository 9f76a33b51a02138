package compare

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/certuse/cloudflare-mtls/internal/overlay"
)

// Report is what an update changes. Its JSON form is meant for CI jobs.
type Report struct {
	Class Class `json:"class"` // worst of the operations; the caller raises it for other findings
	// Refusal is the reason of a refused document; then the rest holds what was found
	// before the refusal, or is empty.
	Refusal    string      `json:"refusal,omitempty"`
	Source     Source      `json:"source,omitzero"`
	Operations []Operation `json:"operations"` // that change, by path and method
	Overlays   Overlays    `json:"overlays"`
	Files      []string    `json:"files"`     // that are written, from the root of the module
	SameCode   bool        `json:"same_code"` // at most comments of the generated Go code change
}

// Source describes the document of a new revision.
type Source struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	OpenAPI string `json:"openapi"`
	License string `json:"license"`
}

// Overlays reports the effect of the new text on the overlay actions, by their ids. Its
// lists are nil if the document was refused before all actions were applied.
type Overlays struct {
	Satisfied []string `json:"satisfied"` // unnecessary with the new text, but not with the old one
	Needed    []string `json:"needed"`    // necessary again
	Unmatched []string `json:"unmatched"` // nothing to change in the new text, and x-satisfied-when matches nothing: a reason to refuse
	Listed    []string `json:"listed"`    // all that the new text satisfies, as recorded in the provenance
}

// compareOverlays compares the outcomes of the actions on the old and on the new text.
// An unmatched action is listed in Unmatched only.
func compareOverlays(before, after []overlay.Outcome) Overlays {
	satisfied := map[string]bool{}
	for _, o := range before {
		satisfied[o.Action.ID] = o.Effect == overlay.Satisfied
	}
	out := Overlays{Listed: []string{}}
	for _, o := range after {
		id, now := o.Action.ID, o.Effect == overlay.Satisfied
		if now {
			out.Listed = append(out.Listed, id)
		}
		switch was := satisfied[id]; {
		case o.Effect == overlay.Unmatched:
			out.Unmatched = append(out.Unmatched, id)
		case now && !was:
			out.Satisfied = append(out.Satisfied, id)
		case was && !now:
			out.Needed = append(out.Needed, id)
		}
	}
	return out
}

// headlines state what a class requires of the reader.
var headlines = map[Class]string{
	None:          "nothing changes",
	Documentation: "at most the documentation changes for users",
	Compatible:    "users may ignore what changes",
	Breaking:      "something that users rely on changes: decide before taking it",
	Refused:       "the document cannot be used",
}

// Text returns the report for people.
func (r *Report) Text() string {
	var out strings.Builder
	add := func(lines ...string) {
		for _, line := range lines {
			// A refused document can hold any text, also in the names of its places.
			out.WriteString(Line(line, 2000) + "\n")
		}
	}
	headline := headlines[r.Class]
	if r.Class == None && len(r.Files) > 0 {
		headline = "the published text is worded otherwise and means the same"
	}
	add(r.Class.String() + ": " + headline)
	if r.Refusal != "" {
		add("because: " + r.Refusal)
		if r.Source == (Source{}) {
			return out.String() // nothing else is known
		}
	}
	add(fmt.Sprintf("source: %s, OpenAPI %s, licence %s", r.Source.Name, r.Source.OpenAPI, r.Source.License))
	// Operations with equal changes, such as those of a shared envelope, are grouped.
	for _, operations := range grouped(r.Operations, func(op Operation) string { return strings.Join(op.lines(), "\n") }) {
		add("")
		for _, op := range operations {
			add(cmp.Or(op.Name, "Document"))
		}
		add(operations[0].lines()...)
	}
	if len(r.Operations) == 0 {
		add("", "Operations", "  no change")
	}
	add("", "Overlay actions")
	add(r.Overlays.lines()...)
	if r.Refusal == "" {
		code := "the generated code changes; all packages compile with it"
		switch {
		case !slices.ContainsFunc(r.Files, func(file string) bool { return path.Ext(file) == ".go" }):
			code = "the generated code is the same, byte for byte"
		case r.SameCode:
			code = "only comments change in the generated code"
		}
		add("", "Go", "  "+code, "", "Files that an update writes")
		for _, file := range r.Files {
			add("  " + file)
		}
		if len(r.Files) == 0 {
			add("  none")
		}
	}
	return out.String()
}

// lines lists the unmatched actions, and those with another effect than before.
func (o Overlays) lines() (out []string) {
	effects := []string{"matches nothing in the new text", "satisfied by the new text", "needed again"}
	for i, ids := range [][]string{o.Unmatched, o.Satisfied, o.Needed} {
		for _, id := range ids {
			out = append(out, "  "+effects[i]+": "+id)
		}
	}
	switch {
	case o.Listed == nil:
		out = append(out, "  unknown: the document was refused before all were applied")
	case len(out) == 0:
		out = append(out, fmt.Sprintf("  as before (%d satisfied by the text itself)", len(o.Listed)))
	}
	return out
}

// grouped groups the items with the same title, ordered by their first item.
func grouped[T any](items []T, title func(T) string) [][]T {
	var groups [][]T
	index := map[string]int{}
	for _, item := range items {
		i, ok := index[title(item)]
		if !ok {
			i = len(groups)
			index[title(item)] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], item)
	}
	return groups
}

// lines lists the changes by title, with pointers relative to the operation.
func (op Operation) lines() []string {
	var out []string
	for _, changes := range grouped(op.Changes, Change.title) {
		for line := range strings.SplitSeq(changes[0].title(), "\n") {
			out = append(out, "  "+line)
		}
		for _, c := range changes {
			out = append(out, "        at "+cmp.Or(strings.TrimPrefix(c.Pointer, address(op.Name)), "the operation itself"))
		}
	}
	return out
}

// title describes a change without its place.
func (c Change) title() string {
	if c.Meaning == documentationMeaning {
		return c.Class.String() + ": text"
	}
	shows := "the published text"
	switch {
	case c.Contract && c.Published:
		shows = "the contract and the published text"
	case c.Contract:
		shows = "the contract"
	case len(c.HiddenBy) > 0:
		shows += "; hidden by overlays/" + strings.Join(c.HiddenBy, ", overlays/")
	}
	return fmt.Sprintf("%s: %s\n    %s Shown by %s.", c.Class, c.Message, c.Meaning, shows)
}

// Line makes text of a document safe for a terminal: control characters become
// spaces, and long text is cut.
func Line(s string, longest int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return ' '
	}, s))
	if len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return string(runes)
}
