// Package rebuild runs the pipeline on the stored texts or on changed ones,
// optionally without an overlay action.
package rebuild

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/published"
	"github.com/certuse/cloudflare-mtls/internal/spec"
	"github.com/certuse/cloudflare-mtls/tests/internal/publishedfragment"
)

// Stages are the forms of the operations in the pipeline.
type Stages struct {
	Operations spec.Operations
	// Published are the texts by the operation's name.
	Published map[string]spec.Object
	Canonical spec.Object // in the canonical form
	Mergeable spec.Object // after overlays/1-published
	Merged    spec.Object // the merged published text
	Contract  spec.Object // the normalised contract
	// Satisfied are the overlay actions that the texts make unnecessary.
	Satisfied []string
}

// Fragment returns the frozen fragment as a document, with the server and the security
// schemes that the fragment lacks.
func Fragment(root string) (spec.Object, error) {
	op, err := publishedfragment.Read(root)
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
	return spec.Decode(publishedfragment.Path, text)
}

// Stored runs the texts in openapi/ through the pipeline. If change is not nil, it
// first edits the texts in memory; documents has them by operation name.
func Stored(root string, change func(documents map[string]spec.Object)) (Stages, error) {
	source, err := published.ReadSource(os.DirFS(root))
	if err != nil {
		return Stages{}, err
	}
	s := Stages{Operations: source.Operations, Published: source.Documents}
	if change != nil {
		change(s.Published)
	}
	overlays, err := normalize.ReadOverlays(os.DirFS(root))
	if err != nil {
		return s, err
	}
	s, outcomes, err := s.finish(overlays)
	for _, outcome := range outcomes {
		if outcome.Effect == overlay.Satisfied {
			s.Satisfied = append(s.Satisfied, outcome.Action.ID)
		}
	}
	return s, err
}

// Without runs the pipeline once more with one overlay action left out. It fails if that
// changes which of the other actions are satisfied.
func (s Stages) Without(root, action string) (Stages, error) {
	overlays, err := normalize.ReadOverlays(os.DirFS(root))
	if err != nil {
		return s, err
	}
	for _, list := range []*[]overlay.Action{&overlays.Published, &overlays.Contract} {
		*list = slices.DeleteFunc(*list, func(a overlay.Action) bool { return a.ID == action })
	}
	satisfied := slices.DeleteFunc(slices.Clone(s.Satisfied), func(id string) bool { return id == action })
	s, outcomes, err := s.finish(overlays)
	return s, cmp.Or(err, overlay.CheckSatisfied(outcomes, satisfied))
}

// finish runs all stages. Each action must match something.
func (s Stages) finish(overlays normalize.Overlays) (Stages, []overlay.Outcome, error) {
	result, err := normalize.Run(s.Published, s.Operations, overlays)
	s.Canonical, s.Merged, s.Contract = result.Canonical, result.Merged, result.Contract
	if err = cmp.Or(overlay.CheckMatched(result.Outcomes), err); err == nil {
		s.Mergeable, _, err = overlay.Apply(s.Canonical, overlays.Published)
	}
	return s, result.Outcomes, err
}

// Frozen runs the stored texts through the pipeline, with the frozen fragment in
// place of its operation's text.
func Frozen(root string) (Stages, error) {
	fragment, err := Fragment(root)
	if err != nil {
		return Stages{}, err
	}
	return Stored(root, func(documents map[string]spec.Object) {
		documents[publishedfragment.Name] = fragment
	})
}

// Schema returns the schema that an operation has for JSON bodies with a status. The
// vendor may describe a failure for the status, its range, or as the default.
func Schema(o *openapi3.Operation, status int) *openapi3.Schema {
	response := cmp.Or(o.Responses.Status(status), o.Responses.Default())
	return response.Value.Content.Get("application/json").Schema.Value
}

// Load parses a stage with kin-openapi.
func Load(stage spec.Object) (*openapi3.T, error) {
	doc, err := normalize.Load(stage)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return doc, nil
}
