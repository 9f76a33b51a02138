// Package compare classifies what a revision of the published documents changes for
// users of the library. It compares two forms, the merged published text and the
// contract, with their previous ones. The checker of oasdiff classifies what no rule of
// this package covers; a difference that neither of them covers is breaking.
package compare

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Class is the severity of a change. Larger is worse.
type Class int

// The classes of changes.
const (
	None          Class = iota // nothing changed
	Documentation              // only documentation changes
	Compatible                 // users may ignore it
	Breaking                   // users may rely on what changed
	Refused                    // the document cannot be used; set by the caller of Compare
)

var classNames = [...]string{"none", "documentation", "compatible", "breaking", "refused"}

func (c Class) String() string { return classNames[c] }

// MarshalText returns the name of the class.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Change is one difference between two revisions.
type Change struct {
	Class     Class    `json:"class"`
	Pointer   string   `json:"pointer"`             // in the new form, or in the old one if the new form lacks the place
	Message   string   `json:"message"`             // the difference
	Meaning   string   `json:"meaning"`             // what it means for users of the library
	Rule      string   `json:"rule,omitempty"`      // check of oasdiff that decided the class, if one did
	Contract  bool     `json:"contract"`            // the contract shows the change
	Published bool     `json:"published"`           // the merged published text shows it
	HiddenBy  []string `json:"hidden_by,omitempty"` // overlay actions that keep it out of the contract
}

// Operation lists the changes of one operation.
type Operation struct {
	Name    string   `json:"name"` // method and path; empty for the whole document
	Class   Class    `json:"class"`
	Changes []Change `json:"changes"`
}

// Compare reports what changes from before to after, in the forms that after has. A
// change that an overlay action hides counts as documentation if the action lists the
// new value in x-overwrites.
func Compare(before, after normalize.Result) (r Report, err error) {
	if after.Merged == nil {
		return r, nil
	}
	if after.Unnamed == nil { // the effect of the overlays is not known
		before.Unnamed = nil
	} else {
		r.Overlays = compareOverlays(before.Outcomes, after.Outcomes)
	}
	published, contract := newPair(before.Merged, after.Merged), newPair(before.Unnamed, after.Unnamed)
	if err := classify(slices.Concat(published.found, contract.found)); err != nil {
		return r, err
	}
	r.Operations = join(contract, published, after.Outcomes)
	for _, op := range r.Operations {
		r.Class = max(r.Class, op.Class)
	}
	return r, nil
}

var pageParameter = regexp.MustCompile(`(?i)^query .*(page|cursor|limit|offset)`) // key of a parameter for the pages of a list

// join lists the differences of both forms by operation. A difference that both show is
// listed once, unless it is worse in the published text.
func join(contract, published *pair, outcomes []overlay.Outcome) (out []Operation) {
	inContract := map[string]*difference{}
	for _, d := range contract.found {
		d.Contract, inContract[d.subject()] = true, d
		if d.before == nil && pageParameter.MatchString(d.key) {
			d.Class, d.Meaning, d.Rule = Breaking, "The library does not send it, so it may read only the first page.", ""
		}
	}
	listed := contract.found
	for _, d := range published.found {
		if same := inContract[d.subject()]; same != nil && same.Class >= d.Class {
			same.Published = true
			continue
		}
		d.Published = true
		if d.Class > Documentation && d.key != "" {
			d.explain(contract, outcomes)
		}
		listed = append(listed, d)
	}
	slices.SortFunc(listed, func(a, b *difference) int {
		return cmp.Or(cmp.Compare(address(a.op), address(b.op)), cmp.Compare(b.Class, a.Class),
			cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Message, b.Message))
	})
	for _, differences := range grouped(listed, func(d *difference) string { return d.op }) {
		op := Operation{Name: differences[0].op, Class: differences[0].Class}
		for _, d := range differences {
			op.Changes = append(op.Changes, d.Change)
		}
		out = append(out, op)
	}
	return out
}

// explain states why the contract does not show a change of the published text. If the
// change reaches no user, or an action expects its value, it becomes documentation. A
// compatible change of a response that an action hides becomes breaking if it adds a
// member, or changes a part that may name a certificate.
func (d *difference) explain(contract *pair, outcomes []overlay.Outcome) {
	lower := func(meaning string) { d.Class, d.Meaning, d.Rule = Documentation, meaning, "" }
	if meaning := contract.harmless(d); meaning != "" {
		lower(meaning)
	}
	value := d.after.withoutDocumentation()
	_, isList := cmp.Or(d.after, d.before).value.([]any)
	if d.in("required") || d.in("security") {
		value, isList = d.key, true // Overwrites names the members of these sets
	}
	expected := func(v any) bool { return spec.JSON(v) == spec.JSON(value) }
	for pointer := d.Pointer; pointer != "" && d.HiddenBy == nil; pointer = pointer[:strings.LastIndexByte(pointer, '/')] {
		hides := func(at string) bool { return at == pointer || isList && strings.HasPrefix(at, d.Pointer+"/") }
		for _, o := range outcomes {
			if slices.ContainsFunc(o.Changed, hides) {
				d.HiddenBy = append(d.HiddenBy, o.Action.ID)
				if d.Class > Documentation && pointer == d.Pointer && slices.ContainsFunc(o.Action.Overwrites, expected) {
					lower("The overlay expects this value.")
				}
			}
		}
	}
	newMember := d.before == nil && d.in("properties")
	if d.Class == Compatible && d.HiddenBy != nil && !d.request() && (newMember || !slices.Equal(d.certificates(d.before), d.certificates(d.after))) {
		d.Class, d.Meaning, d.Rule = Breaking, "The library may have to read it differently.", ""
	}
	if d.Class == Breaking {
		d.Meaning = "The contract does not show it: decide whether the overlay is still right. " + d.Meaning
	}
}

// certificate matches the text of a part that may name a certificate, such as
// certificate_id, mtls, client_cert, ca_id or clientCert.
var certificate = regexp.MustCompile(`(?i:certificate|mtls)|(\b|_)(?i:certs?|ca)(\b|_)|[a-z]Cert|\b(cert|ca)[A-Z]`)

// certificates returns what may name a certificate in n, which is d.before or d.after:
// its name, members and elements. Each member of a part that may name one counts too.
func (d *difference) certificates(n *node) (out []string) {
	n = cmp.Or(n, &node{})
	if certificate.MatchString(n.key) || n.key != "" && d.in("properties") && slices.ContainsFunc(d.path, certificate.MatchString) {
		out = append(out, n.key)
	}
	for _, v := range spec.Children(n.value) {
		if certificate.MatchString(spec.JSON(v)) {
			out = append(out, spec.JSON(withoutDocumentation(v, n.place)))
		}
	}
	return out
}

// harmless explains why a change of the published text reaches no user, or returns "".
// A part that the contract lacks is harmless in a response if it is removed or names
// the same certificates, and in a request if it is neither required nor has a default.
// Any other change is harmless if the contract said so before, and no choice with a
// certificate is gone.
func (p *pair) harmless(d *difference) string {
	before, after := p.before.member(d.op), p.after.member(d.op)
	if before == nil || after == nil || d.op == "" {
		return ""
	}
	text := []*node{d.pair.after.member(d.op)} // the nodes on the path
	place := spec.Fields
	for i, name := range d.path {
		optional := place == spec.Names && (d.path[i-1] == "parameters" || d.path[i-1] == "properties")
		before, after, place = before.member(name), after.member(name), child(place, name)
		text = append(text, text[i].member(name))
		if !optional || before != nil || after != nil {
			continue
		}
		required := text[i+1].member("required").withoutDocumentation() == true || text[i-1].member("required").member(name) != nil
		if !d.request() && (d.after == nil || slices.Equal(d.certificates(d.before), d.certificates(d.after))) {
			return "The library does not read it."
		}
		if d.request() && !required && d.key != "default" && d.after.member("schema").member("default") == nil {
			return "The library does not send it."
		}
	}
	gone := d.after == nil && strings.HasSuffix(d.key, "Of") && d.certificates(d.before) != nil
	if now := spec.JSON(after.withoutDocumentation()); !gone && spec.JSON(before.withoutDocumentation()) == now && spec.JSON(d.after.withoutDocumentation()) == now {
		return "The contract said so before."
	}
	return ""
}
