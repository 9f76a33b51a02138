package compare

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// headlines say what a class asks of the reader.
var headlines = map[Class]string{
	None:          "nothing changes",
	Documentation: "nothing changes for users but, at most, the documentation",
	Compatible:    "users may ignore what changes",
	Breaking:      "something that users rely on changes: decide before taking it",
	Refused:       "the document cannot be used",
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	p := &printer{}
	headline := headlines[r.Class]
	if r.Class == None && len(r.Files) > 0 {
		headline = "the published text is worded otherwise and means the same"
	}
	p.linef("%s: %s", r.Class, headline)
	if r.Refusal != "" {
		p.linef("because: %s", r.Refusal)
	}
	p.linef("source: %s, OpenAPI %s, licence %s", r.Source.Name, r.Source.OpenAPI, r.Source.License)
	for _, warning := range r.Warnings {
		p.linef("warning: %s", warning)
	}
	changes, operations := together(r.Operations, Operation.text)
	for _, text := range changes {
		p.linef("")
		for _, op := range operations[text] {
			p.linef("%s", cmp.Or(op.Name, "Document"))
		}
		p.lines(text)
	}
	if len(r.Operations) == 0 {
		p.section("Operations", "no change")
	}
	p.section("Overlay actions", r.Overlays.text())
	if r.Refusal == "" {
		p.section("Go", r.Go.text())
		p.section("Files that an update writes", cmp.Or(strings.Join(r.Files, "\n"), "none"))
	}
	_, err := io.WriteString(w, p.String())
	return err
}

type printer struct{ strings.Builder }

// longest is the length of the longest line.
const longest = 2000

// linef prints one line. A refused document can hold anything, also in the names
// that make its places.
func (p *printer) linef(format string, args ...any) {
	p.WriteString(Line(fmt.Sprintf(format, args...), longest) + "\n")
}

// lines prints each line of a text, indented.
func (p *printer) lines(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		p.linef("  %s", line)
	}
}

func (p *printer) section(title, text string) {
	p.linef("")
	p.linef("%s", title)
	p.lines(text)
}

// together groups the items by their titles, which are in the order of the first
// item of each.
func together[T any](items []T, title func(T) string) (titles []string, groups map[string][]T) {
	groups = map[string][]T{}
	for _, item := range items {
		t := title(item)
		if groups[t] == nil {
			titles = append(titles, t)
		}
		groups[t] = append(groups[t], item)
	}
	return titles, groups
}

// text returns the changes of an operation, with pointers from the operation.
// Changes with the same text, and all of prose, are together.
func (op Operation) text() string {
	path, method := address(op.Name)
	root := "/paths/" + spec.Escape(path) + "/" + method
	var lines []string
	titles, changes := together(op.Changes, Change.title)
	for _, title := range titles {
		lines = append(lines, title)
		for _, c := range changes[title] {
			pointer := Line(strings.TrimPrefix(c.Pointer, root), longest)
			lines = append(lines, "      at "+cmp.Or(pointer, "the operation itself"))
		}
	}
	return strings.Join(lines, "\n")
}

func (c Change) title() string {
	if c.Meaning == proseMeaning {
		return c.Class.String() + ": text"
	}
	return fmt.Sprintf("%s: %s\n    %s Shown by %s.", c.Class, c.Message, c.Meaning, c.shows())
}

// shows says which forms of the document show the change.
func (c Change) shows() string {
	switch {
	case c.Contract && c.Published:
		return "the contract and the published text"
	case c.Contract:
		return "the contract"
	case len(c.HiddenBy) > 0:
		return "the published text; hidden by overlays/" + strings.Join(c.HiddenBy, ", overlays/")
	default:
		return "the published text"
	}
}

func (o Overlays) text() string {
	if o.Listed == nil {
		return "not known: the document was refused before"
	}
	var lines []string
	list := func(title string, actions []Action) {
		for i, a := range actions {
			if i == 0 {
				lines = append(lines, title+":")
			}
			lines = append(lines, "  "+a.ID)
		}
	}
	list("match nothing in the new text", o.Unmatched)
	list("satisfied by the new text", o.Satisfied)
	list("needed again", o.Needed)
	return cmp.Or(strings.Join(lines, "\n"), fmt.Sprintf("as before (%d satisfied by the text itself)", len(o.Listed)))
}

func (g Go) text() string {
	switch {
	case g.Identical:
		return "the generated code is the same, byte for byte"
	case g.SameCode:
		return "only comments change in the generated code"
	default:
		return "the generated code changes; all packages compile with it"
	}
}

// Line makes a text that a document's author wrote fit for a terminal: control
// characters become spaces, and it is cut at a number of characters.
func Line(s string, longest int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s))
	if len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return string(runes)
}
