// Package rebuild runs the pipeline on the frozen fragment, whole or with an
// overlay action left out, so that tests do not depend on what openapi/ holds.
package rebuild

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/internal/canon"
	"github.com/certuse/cloudflare-mtls/internal/flatten"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/pipeline"
	"github.com/certuse/cloudflare-mtls/internal/specdoc"
	"github.com/certuse/cloudflare-mtls/tests/internal/frozen"
)

// Stages are the forms of the document on its way through the pipeline.
type Stages struct {
	Published, Canonical, Overlaid, Normalised specdoc.Object
	// Satisfied are the overlay actions that the document has no need of.
	Satisfied []string
}

// Published returns the frozen fragment as a document, with the server and the
// security schemes that the fragment only refers to.
func Published(root string) (specdoc.Object, error) {
	op, err := frozen.Read(root)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(map[string]any{
		"openapi": "3.0.3",
		"info":    map[string]any{"title": "Cloudflare API", "version": "4.0.0"},
		"servers": []any{map[string]any{"url": "https://api.cloudflare.com/client/v4"}},
		"paths":   map[string]any{op.Path: map[string]any{"get": op.Operation}},
		"components": map[string]any{"securitySchemes": map[string]any{
			"api_email": map[string]any{"type": "apiKey", "in": "header", "name": "X-Auth-Email"},
			"api_key":   map[string]any{"type": "apiKey", "in": "header", "name": "X-Auth-Key"},
		}},
	})
	if err != nil {
		return nil, err
	}
	return specdoc.Decode(frozen.Path, text)
}

// Run puts a document through the pipeline as the build does, and finds out what
// it satisfies by itself. Any other action that matches nothing is an error.
func Run(root string, document specdoc.Object) (Stages, error) {
	s := Stages{Published: document}
	overlays, err := overlay.Load(os.DirFS(root), pipeline.OverlayDir)
	if err != nil {
		return s, err
	}
	if s.Canonical, err = canon.Canonicalize(document); err != nil {
		return s, err
	}
	_, outcomes, err := overlay.Survey(s.Canonical, overlays)
	if err != nil {
		return s, err
	}
	for _, outcome := range outcomes {
		if outcome.Effect == overlay.Satisfied {
			s.Satisfied = append(s.Satisfied, outcome.Action.ID)
		}
	}
	return s.finish(overlays)
}

// Without runs the pipeline once more from the canonical form, with one overlay
// action left out.
func (s Stages) Without(root, action string) (Stages, error) {
	overlays, err := overlay.Load(os.DirFS(root), pipeline.OverlayDir)
	if err != nil {
		return s, err
	}
	for i := range overlays {
		overlays[i].Actions = slices.DeleteFunc(overlays[i].Actions, func(a overlay.Action) bool { return a.ID == action })
	}
	s.Satisfied = slices.DeleteFunc(slices.Clone(s.Satisfied), func(id string) bool { return id == action })
	return s.finish(overlays)
}

func (s Stages) finish(overlays []overlay.Overlay) (Stages, error) {
	var err error
	if s.Overlaid, err = overlay.Apply(s.Canonical, overlays, s.Satisfied); err != nil {
		return s, err
	}
	s.Normalised, err = pipeline.Finish("rebuilt", s.Overlaid)
	return s, err
}

// Frozen puts the frozen fragment through the pipeline.
func Frozen(root string) (Stages, error) {
	document, err := Published(root)
	if err != nil {
		return Stages{}, err
	}
	return Run(root, document)
}

// Load reads a stage as kin-openapi understands it.
func Load(stage specdoc.Object) (*openapi3.T, error) {
	doc, err := flatten.Load(stage)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return doc, nil
}
