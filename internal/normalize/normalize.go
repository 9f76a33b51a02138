// Package normalize turns published text into the contract. Only the list of operations
// and the overlays name operations; the code does not. The stages, in order:
//
//	Canonical      one spelling, the same meaning
//	Overlay        overlays/1-published: corrects what cannot be merged
//	Merge          allOf merged: the merged published text
//	Overlay        overlays/2-contract: everything else that changes the meaning
//	Name           objects become components with short names
package normalize

import (
	"cmp"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// The folders with overlay documents, from the root of the module.
const (
	PublishedOverlays = "overlays/1-published"
	ContractOverlays  = "overlays/2-contract"
)

// Overlays are the overlay actions of a module, by stage.
type Overlays struct{ Published, Contract []overlay.Action }

// ReadOverlays reads the overlay actions of the module in fsys.
func ReadOverlays(fsys fs.FS) (o Overlays, err error) {
	if o.Published, err = overlay.Load(fsys, PublishedOverlays); err != nil {
		return o, err
	}
	o.Contract, err = overlay.Load(fsys, ContractOverlays)
	return o, err
}

// Result holds the forms of a text on its way to the contract. After an error it
// holds those that were reached.
type Result struct {
	Canonical spec.Object       // see [Canonical]
	Merged    spec.Object       // the merged published text
	Unnamed   spec.Object       // the contract without component schemas and references
	Contract  spec.Object       // the normalised contract
	Outcomes  []overlay.Outcome // the effect of each overlay action
}

// Run takes the published documents, keyed by operation name, through all stages. The
// caller checks the effects of the overlay actions.
func Run(documents map[string]spec.Object, ops spec.Operations, overlays Overlays) (r Result, err error) {
	if r.Canonical, err = Canonical(documents, ops); err != nil {
		return r, err
	}
	apply := func(doc spec.Object, actions []overlay.Action) (spec.Object, error) {
		out, outcomes, err := overlay.Apply(doc, actions)
		r.Outcomes = append(r.Outcomes, outcomes...)
		return out, cmp.Or(err, checkExtensions(out))
	}
	mergeable, err := apply(r.Canonical, overlays.Published)
	if err != nil {
		return r, err
	}
	if r.Merged, err = Merge(mergeable); err != nil {
		return r, fmt.Errorf("after %s: %w", PublishedOverlays, err)
	}
	if r.Unnamed, err = apply(r.Merged, overlays.Contract); err != nil {
		return r, err
	}
	dropUnusedSchemes(r.Unnamed)
	contract, err := Name(r.Unnamed, ops)
	if err != nil {
		return r, err
	}
	if _, err := Load(contract); err != nil {
		return r, fmt.Errorf("normalised: %w", err)
	}
	r.Contract = contract
	return r, nil
}

// knownExtension matches the extensions that this project and oapi-codegen read.
var knownExtension = regexp.MustCompile(`^x-(decides|known-values|partial|accepted-permissions|go-[a-z-]+)$`)

// checkExtensions refuses extensions that nothing reads. Only overlays add extensions.
func checkExtensions(contract spec.Object) error {
	return spec.Visit(contract, spec.Fields, "", func(o spec.Object, pointer string) error {
		for key := range o {
			if isLeftOut(key, nil, spec.Fields, pointer) && !knownExtension.MatchString(key) {
				return fmt.Errorf("%s: an overlay adds %s, which nothing reads", pointer, key)
			}
		}
		return nil
	})
}
