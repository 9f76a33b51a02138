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
	p.operations(r.Operations)
	p.heading("Overlay actions")
	p.overlays(r.Overlays)
	if r.Refusal == "" {
		p.heading("Go")
		switch {
		case r.Go.Identical:
			p.linef("  the generated code is the same, byte for byte")
		case r.Go.SameCode:
			p.linef("  only comments change in the generated code")
		default:
			p.linef("  the generated code changes; all packages compile with it")
		}
		p.heading("Files that an update writes")
		for _, file := range r.Files {
			p.linef("  %s", file)
		}
		if len(r.Files) == 0 {
			p.linef("  none")
		}
	}
	_, err := io.WriteString(w, p.String())
	return err
}

type printer struct{ strings.Builder }

// linef prints one line. A refused document can hold anything, also in the names
// that make its places.
func (p *printer) linef(format string, args ...any) {
	const longest = 2000
	p.WriteString(Line(fmt.Sprintf(format, args...), longest) + "\n")
}

func (p *printer) heading(title string) { p.linef(""); p.linef("%s", title) }

// operations prints the changes of each operation. Operations that change in the
// same way, as with a shared envelope, are printed together.
func (p *printer) operations(operations []Operation) {
	var bodies []string
	names := map[string][]string{}
	for _, op := range operations {
		body := &printer{}
		body.changes(op)
		if names[body.String()] == nil {
			bodies = append(bodies, body.String())
		}
		name := op.Name
		if name == "" {
			name = "Document"
		}
		names[body.String()] = append(names[body.String()], name)
	}
	for _, body := range bodies {
		p.linef("")
		for _, name := range names[body] {
			p.linef("%s", name)
		}
		p.WriteString(body)
	}
	if len(operations) == 0 {
		p.heading("Operations")
		p.linef("  no change")
	}
}

// changes prints the changes of one operation, with pointers from the operation.
// Changes with the same text, and all of prose, are printed together.
func (p *printer) changes(op Operation) {
	path, method := address(op.Name)
	root := "/paths/" + spec.Escape(path) + "/" + method
	title := func(c Change) string {
		if c.Meaning == proseMeaning {
			return c.Class.String() + ": text"
		}
		return fmt.Sprintf("%s: %s\n    %s Shown by %s.", c.Class, c.Message, c.Meaning, c.shows())
	}
	var titles []string
	pointers := map[string][]string{}
	for _, c := range op.Changes {
		if pointers[title(c)] == nil {
			titles = append(titles, title(c))
		}
		pointers[title(c)] = append(pointers[title(c)], strings.TrimPrefix(c.Pointer, root))
	}
	for _, title := range titles {
		for line := range strings.Lines(title) {
			p.linef("  %s", strings.TrimRight(line, "\n"))
		}
		for _, pointer := range pointers[title] {
			p.linef("        at %s", cmp.Or(pointer, "the operation itself"))
		}
	}
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

func (p *printer) overlays(o Overlays) {
	if o.Listed == nil {
		p.linef("  not known: the document was refused before")
		return
	}
	p.actions("match nothing in the new text", o.Unmatched)
	p.actions("satisfied by the new text", o.Satisfied)
	p.actions("needed again", o.Needed)
	if len(o.Unmatched)+len(o.Satisfied)+len(o.Needed) == 0 {
		p.linef("  as before (%d satisfied by the text itself)", len(o.Listed))
	}
}

func (p *printer) actions(title string, actions []Action) {
	for i, a := range actions {
		if i == 0 {
			p.linef("  %s:", title)
		}
		p.linef("    %s", a.ID)
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
