// Package compare classifies what a revision of the published documents changes
// for users of the library.
//
// Compare finds the differences of two forms of each revision, the merged published
// text and the normalised contract, and asks the checker of oasdiff about each of
// them alone: a pair of small documents that differ in nothing else. A difference
// on the wire that neither the checker nor a rule of this package knows counts as
// breaking.
package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Class says how far a change reaches. Larger is worse.
type Class int

// The classes of changes.
const (
	None          Class = iota // nothing changed
	Documentation              // text that says nothing about requests and responses
	Compatible                 // users may ignore it
	Breaking                   // users may rely on what changed
	Refused                    // the document cannot be used; set by the caller of Compare
)

var classNames = [...]string{"none", "documentation", "compatible", "breaking", "refused"}

func (c Class) String() string { return classNames[c] }

// MarshalText returns the name of the class.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Side is one revision in the two forms that are compared. Both are OpenAPI
// 3.0.3 documents, and they spell the path of an operation in the same way.
type Side struct {
	Merged   spec.Object // published text with allOf merged, before the overlays that change its meaning
	Contract spec.Object // normalised contract
}

// Overwrite is an overlay action that changed a place of the published text.
type Overwrite struct {
	Action string // id of the action
	// Expects lists the values that the action declares to replace, null for
	// none. A new value among them changes nothing. Of a required member or a way
	// to authenticate that comes or goes, the value is its name.
	Expects []any
}

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
	Name    string   `json:"name"` // method and path; empty for the document as a whole
	Class   Class    `json:"class"`
	Changes []Change `json:"changes"`
}

// Compare returns the class and the operations of the report on what changes from
// before to after. overwritten returns the overlay actions that changed the place of
// a JSON pointer into after.Merged; with nil, none did.
func Compare(before, after Side, overwritten func(pointer string) []Overwrite) (Report, error) {
	published, err := newPair(before.Merged, after.Merged)
	if err != nil {
		return Report{}, err
	}
	contract, err := newPair(before.Contract, after.Contract)
	if err != nil {
		return Report{}, err
	}
	if err := judge(slices.Concat(published.found, contract.found)); err != nil {
		return Report{}, err
	}
	c := comparison{overwritten, contract}
	r := Report{Warnings: []string{}, Operations: c.report(published.found), Files: []string{}}
	for _, op := range r.Operations {
		r.Class = max(r.Class, op.Class)
	}
	return r, nil
}

// comparison holds what the stages of Compare share.
type comparison struct {
	overwritten func(pointer string) []Overwrite
	contract    *pair
}

// report joins the differences of both forms, so that each is listed once.
func (c *comparison) report(published []*difference) []Operation {
	changes := map[string][]Change{}
	inContract := map[string]int{}
	for _, d := range c.contract.found {
		inContract[d.subject()] = len(changes[d.op])
		change := d.change()
		change.Contract = true
		changes[d.op] = append(changes[d.op], change)
	}
	for _, d := range published {
		at, both := inContract[d.subject()]
		if both && changes[d.op][at].Class >= d.class {
			changes[d.op][at].Published = true
			continue
		}
		change := d.change()
		change.Published = true
		if d.class > Documentation {
			c.explain(&change, d)
		}
		changes[d.op] = append(changes[d.op], change)
	}
	out := []Operation{}
	for name, list := range changes {
		slices.SortStableFunc(list, func(a, b Change) int {
			return cmp.Or(cmp.Compare(b.Class, a.Class), cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Message, b.Message))
		})
		out = append(out, Operation{Name: name, Class: list[0].Class, Changes: list})
	}
	slices.SortFunc(out, func(a, b Operation) int {
		x, method := address(a.Name)
		y, other := address(b.Name)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(method, other))
	})
	return out
}

// explain says why a change of the published text is none of the contract, and
// lowers its class where it cannot reach a user.
func (c *comparison) explain(change *Change, d *difference) {
	lower := func(meaning string) { change.Class, change.Meaning, change.Rule = Documentation, meaning, "" }
	if meaning := c.contract.harmless(d); meaning != "" {
		lower(meaning)
	}
	value := d.after
	if d.in("required") || d.in("security") {
		value = d.key
	}
	for pointer := change.Pointer; pointer != "" && c.overwritten != nil && len(change.HiddenBy) == 0; pointer = pointer[:strings.LastIndexByte(pointer, '/')] {
		for _, o := range c.overwritten(pointer) {
			change.HiddenBy = append(change.HiddenBy, o.Action)
			if change.Class > Documentation && pointer == change.Pointer && slices.ContainsFunc(o.Expects, func(v any) bool { return spec.JSON(v) == spec.JSON(value) }) {
				lower("The overlay expects this value.")
			}
		}
	}
	if change.Class == Breaking {
		change.Meaning = fmt.Sprintf("The contract does not show it: decide whether the overlay is still right. %s", change.Meaning)
	}
}

// harmless says why a change of the published text reaches no user of a contract
// that does not change there. It is empty if the text and the contract disagree.
func (p *pair) harmless(d *difference) string {
	before, after := spec.Child(p.before.operations, d.op), spec.Child(p.after.operations, d.op)
	if before == nil || after == nil {
		return ""
	}
	tokens, now := d.tokens(), d.pair.after.operations[d.op]
	for i := range tokens {
		// The contract may lack a parameter or a member on the way.
		at, path := difference{path: tokens[:i], key: tokens[i]}, tokens[:i+1]
		if !at.in("parameters") && !at.in("properties") || valueAt(before, path) != nil || valueAt(after, path) != nil {
			continue
		}
		required := spec.Child(valueAt(now, path))["required"] == true || spec.Child(valueAt(now, tokens[:i-1]), "required")[tokens[i]] != nil
		switch {
		case !d.request():
			return "The library does not read it."
		case !required:
			return "The library does not send it."
		}
	}
	was, is := valueAt(before, tokens), valueAt(after, tokens)
	if d.key != "" && spec.JSON(d.quiet(was)) == spec.JSON(d.quiet(is)) && spec.JSON(d.quiet(is)) == spec.JSON(d.quiet(d.after)) {
		return "The contract said so before."
	}
	return ""
}
