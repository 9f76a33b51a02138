package update

import (
	"fmt"
	"os"

	"github.com/certuse/cloudflare-mtls/internal/canon"
	"github.com/certuse/cloudflare-mtls/internal/flatten"
	"github.com/certuse/cloudflare-mtls/internal/importer"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/pipeline"
	"github.com/certuse/cloudflare-mtls/internal/provenance"
	"github.com/certuse/cloudflare-mtls/internal/report"
	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// documentName is the file in openapi/ that an update writes.
const documentName = "mtls-certificate-associations.json"

// stages are the forms of one revision that are compared.
type stages struct {
	record    provenance.Record
	canonical specdoc.Object // as published
	outcomes  []overlay.Outcome
	flat      specdoc.Object // after the overlays, without names
	contract  specdoc.Object // normalised
}

// compareStages takes the old and the new revision through the pipeline. What
// is wrong with the new one is a RefusedError, and both have the forms that it
// reached; what is wrong with the old one is a fault of the tree.
func compareStages(req Request, taken *importer.Import) (before, after stages, err error) {
	fsys := os.DirFS(req.Root)
	overlays, err := overlay.Load(fsys, pipeline.OverlayDir)
	if err != nil {
		return stages{}, stages{}, err
	}
	source, err := pipeline.ReadSource(fsys)
	if err != nil {
		return stages{}, stages{}, fmt.Errorf("the tree is not in order before the update: %w", err)
	}
	if before, err = through(source.Name, source.Document, overlays, false); err != nil {
		return stages{}, stages{}, fmt.Errorf("the tree is not in order before the update: %w", err)
	}
	before.record = source.Provenance
	if after, err = through(req.Name, taken.Cut, overlays, true); err != nil {
		return before, after, refuse(err)
	}
	return before, after, nil
}

// through takes a document through the stages. strict demands that each overlay
// action finds its place; one made for a new text need not match the old one.
// With an error it returns the forms that were reached before it: where the
// overlays no longer fit, what changed in the text is what the reader needs.
func through(name string, doc specdoc.Object, overlays []overlay.Overlay, strict bool) (s stages, err error) {
	if s.canonical, err = canon.Canonicalize(doc); err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	overlaid, outcomes, err := overlay.Survey(s.canonical, overlays)
	if err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	s.outcomes = outcomes
	for _, o := range outcomes {
		if strict && o.Effect == overlay.Unmatched {
			return s, fmt.Errorf("%s: overlays/%s matches nothing at %s, and nothing shows that the text satisfies it by itself",
				name, o.Action.ID, o.Action.Target)
		}
	}
	if s.flat, err = flatten.Flatten(overlaid); err != nil {
		return s, fmt.Errorf("%s, after the overlays: %w", name, err)
	}
	if s.contract, err = pipeline.Finish(name, overlaid); err != nil {
		return s, err
	}
	return s, nil
}

func sourceName(req Request, taken *importer.Import) string {
	if req.Source != "" {
		return report.Line(req.Source, 200)
	}
	return report.Line(fmt.Sprintf("%s (%s %s)", req.Name, taken.Title, taken.Version), 200)
}

func licenseOf(req Request, taken *importer.Import) string {
	if req.License != "" {
		return req.License
	}
	return taken.License
}
