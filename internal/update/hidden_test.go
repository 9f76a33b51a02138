package update

import (
	"errors"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/report"
	"github.com/certuse/cloudflare-mtls/tests/internal/testtree"
)

// What an overlay states was true of the text that it was written for. A new
// text that says otherwise is a decision for people, not a documentation change.
func TestNoOverlayHidesWhatTheTextSaysNow(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	for name, tt := range map[string]struct {
		edits []string
		want  string
	}{
		"count as text":           {[]string{"total_pages: {description: \"How many pages there are.\", example: 9, type: number}", "total_pages: {type: string}"}, `30-current-contract.yaml#total-pages: `},
		"page of an error":        {[]string{"documentation_url: {type: string}", "documentation_url: {type: array, items: {type: string}}"}, `30-current-contract.yaml#documentation-url: `},
		"source of an error":      {[]string{"source: {type: object, properties: {pointer: {type: string}}}", "source: {type: string}"}, `30-current-contract.yaml#source-pointer: `},
		"credentials of the past": {[]string{"api_token: {type: http, scheme: bearer}", "api_token: {type: http, scheme: digest}", "name: \"X-Auth-Email\"", "name: \"X-Auth-User\""}, "neither an API token nor email and key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Prepare(t.Context(), request(root, "new.yaml", changed(t, tt.edits...)))
			if _, ok := errors.AsType[*RefusedError](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want a refusal with %q", err, tt.want)
			}
		})
	}
}

func TestOtherWordsForTheSameNeedNoOverlay(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	take(t, root, "plain.yaml", changed(t))
	r := take(t, root, "parts.yaml", changed(t,
		"    use:\n      properties:\n        service: {\"$ref\": \"#/components/schemas/service\"}\n        status: {\"$ref\": \"#/components/schemas/status\"}\n",
		"    use:\n      allOf:\n        - properties: {service: {\"$ref\": \"#/components/schemas/service\"}}\n        - properties: {status: {\"$ref\": \"#/components/schemas/status\"}}\n"))
	if r.Class > report.Documentation || !r.Go.Identical {
		t.Errorf("class %v, Go %+v, contract %+v", r.Class, r.Go, r.Contract)
	}
}
