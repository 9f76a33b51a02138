package compare

import (
	"path"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
)

// Report is what an update changes. Its JSON form is meant for CI jobs.
type Report struct {
	Class Class `json:"class"` // worst of the operations; the caller raises it for other findings
	// Refusal is the reason of a refused document; then the rest holds what was found
	// before the refusal, or is empty.
	Refusal    string      `json:"refusal,omitempty"`
	Source     Source      `json:"source,omitzero"`
	Warnings   []string    `json:"warnings"`
	Operations []Operation `json:"operations"` // that change, by path and method
	Overlays   Overlays    `json:"overlays"`
	Go         Go          `json:"go"`
	Files      []string    `json:"files"` // that are written, from the root of the module
}

// Source describes a document that was taken.
type Source struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	OpenAPI string `json:"openapi"`
	Title   string `json:"title"`
	Version string `json:"version"`
	License string `json:"license"`
}

// Overlays reports the effect of the new text on the overlay actions. Its lists are
// nil if an action could not be applied at all.
type Overlays struct {
	// Satisfied are the actions that the new text makes unnecessary and the old
	// one did not; Needed are those that became necessary again.
	Satisfied []Action `json:"satisfied"`
	Needed    []Action `json:"needed"`
	// Unmatched are actions without a place in the new text and without proof that
	// they are unnecessary; each is a reason to refuse the text.
	Unmatched []Action `json:"unmatched"`
	// Listed are all actions that the new text satisfies, as recorded in the
	// provenance.
	Listed []string `json:"listed"`
}

// Action is an overlay action.
type Action struct {
	ID          string `json:"id"`
	Description string `json:"description"`
}

// Go reports changes of the generated code. The exported API of package api names no
// generated type, so an update cannot change that API.
type Go struct {
	Identical bool `json:"identical"` // identical bytes
	SameCode  bool `json:"same_code"` // only comments change
}

// compareOverlays compares the outcomes of the actions on the old and on the new
// text. An action without a place in the new text is unmatched, and not needed again.
// After one that could not be applied, the others are unknown.
func compareOverlays(before, after []overlay.Outcome) (out Overlays) {
	complete := func(o overlay.Outcome) bool {
		return o.Effect == overlay.Unmatched || strings.HasPrefix(o.Action.ID, path.Base(normalize.ContractOverlays))
	}
	if !slices.ContainsFunc(after, complete) {
		return out
	}
	satisfied := map[string]bool{}
	for _, o := range before {
		satisfied[o.Action.ID] = o.Effect == overlay.Satisfied
	}
	out.Listed = []string{}
	for _, o := range after {
		action := Action{ID: o.Action.ID, Description: strings.Join(strings.Fields(o.Action.Description), " ")}
		now := o.Effect == overlay.Satisfied
		if now {
			out.Listed = append(out.Listed, o.Action.ID)
		}
		switch was := satisfied[o.Action.ID]; {
		case o.Effect == overlay.Unmatched:
			out.Unmatched = append(out.Unmatched, action)
		case now && !was:
			out.Satisfied = append(out.Satisfied, action)
		case was && !now:
			out.Needed = append(out.Needed, action)
		}
	}
	return out
}
