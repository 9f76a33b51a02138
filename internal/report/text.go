package report

import (
	"fmt"
	"io"
	"strings"
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
	p.compared(r)
	if r.Refusal != "" {
		_, err := io.WriteString(w, p.String())
		return err
	}
	p.heading("Go")
	p.goChanges(r.Go)
	p.heading("Files that an update writes")
	for _, file := range r.Files {
		p.linef("  %s", file)
	}
	if len(r.Files) == 0 {
		p.linef("  none")
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// compared prints what changed in the documents. Of one that was refused before
// its contract was known, that is the published text, all of it.
func (p *printer) compared(r *Report) {
	title, known := "Published text, where the overlays keep the change from users", r.Contract != nil
	p.heading("Contract, as users of this library get it")
	if known {
		p.changes(r.Contract)
	} else {
		title = "Published text"
		p.linef("  not known: the document was refused before")
	}
	p.heading(title)
	var shown []Change
	for _, c := range r.Published {
		if !known || !c.ReachesUsers {
			shown = append(shown, c.Change)
		}
	}
	p.changes(shown)
	p.heading("Overlay actions")
	if r.Overlays.Listed == nil {
		p.linef("  not known: the document was refused before")
		return
	}
	p.actions("match nothing in the new text", r.Overlays.Unmatched)
	p.actions("satisfied by the new text", r.Overlays.Satisfied)
	p.actions("needed again", r.Overlays.Needed)
	if len(r.Overlays.Unmatched)+len(r.Overlays.Satisfied)+len(r.Overlays.Needed) == 0 {
		p.linef("  as before (%d satisfied by the text itself)", len(r.Overlays.Listed))
	}
}

type printer struct{ strings.Builder }

// linef prints one line. A refused document can hold anything, also in the names
// that make its places.
func (p *printer) linef(format string, args ...any) {
	const longest = 2000
	p.WriteString(Line(fmt.Sprintf(format, args...), longest) + "\n")
}

func (p *printer) heading(title string) { p.WriteString("\n" + title + "\n") }

// changes prints changes, those that say the same of several places together.
// Prose is told by its places only.
func (p *printer) changes(changes []Change) {
	if len(changes) == 0 {
		p.linef("  no change")
		return
	}
	var prose []string
	type kind struct{ what, meaning string }
	printed := map[kind]bool{}
	for i, c := range changes {
		if c.Meaning == proseMeaning {
			prose = append(prose, c.Place)
			continue
		}
		this := kind{c.What, c.Meaning}
		if printed[this] {
			continue
		}
		printed[this] = true
		label := c.Class.String()
		if c.Class == Documentation {
			label = proseLabel
		}
		p.linef("  %-11s %s", label, c.What)
		for _, other := range changes[i:] {
			if (kind{other.What, other.Meaning}) == this {
				p.linef("      %s", other.Place)
				p.linef("        %s", other.Pointer)
			}
		}
		p.linef("      %s", c.Meaning)
	}
	if len(prose) > 0 {
		places := "places"
		if len(prose) == 1 {
			places = "place"
		}
		p.linef("  %-11s %d %s: %s", proseLabel, len(prose), places, strings.Join(distinct(prose), ", "))
	}
}

const proseLabel = "prose"

func (p *printer) actions(title string, actions []Action) {
	for i, a := range actions {
		if i == 0 {
			p.linef("  %s:", title)
		}
		p.linef("    %s", a.ID)
	}
}

func (p *printer) goChanges(g Go) {
	if g.Identical {
		p.linef("  the generated code is the same, byte for byte")
		return
	}
	if g.SameCode {
		p.linef("  only comments change in the generated code")
		return
	}
	p.linef("  the generated code changes, and the module compiles with it")
}

// distinct returns the elements of sorted lists once each, in order.
func distinct(all []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range all {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
