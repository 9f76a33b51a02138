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
	Class Class `json:"class"` // worst of the operations; the caller raises it for what else it finds
	// Refusal is why a document was refused; then the rest is what could be
	// found out before that, or empty.
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

// Overlays reports what the new text means for the overlay actions. Its lists are
// nil if an action could not be applied at all.
type Overlays struct {
	// Satisfied are the actions that the new text makes unnecessary and the old
	// one did not; Needed are those that became necessary again.
	Satisfied []Action `json:"satisfied"`
	Needed    []Action `json:"needed"`
	// Unmatched are those for which the new text has no place and no proof that
	// it needs none; each is a reason to refuse it.
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

// Go reports what changes in the generated code. The exported API of package api
// names nothing of it, so that an update cannot change that API.
type Go struct {
	Identical bool `json:"identical"` // not a byte changes
	SameCode  bool `json:"same_code"` // nothing but comments changes
}

// compareOverlays returns how the outcomes of the same actions on the old and on
// the new text differ. An action without a place in the new text is unmatched,
// and not needed again. One that could not be applied leaves open what the others do.
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
