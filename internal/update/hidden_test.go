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

// The overlays state the credentials, the permissions and the bound of the ids,
// so that the contract is the same whatever the text says of them.
func TestNoDifferenceThatAnOverlayWritesOverIsMilderThanBreaking(t *testing.T) {
	t.Parallel()
	const (
		summary = "      description: \"Lists which products use a certificate.\"\n"
		groups  = summary + "      x-api-token-group: [\"Account: SSL and Certificates Write\", \"Account: SSL and Certificates Read\"]\n"
	)
	root := copyModule(t, testtree.PipelineInputs...)
	if r := take(t, root, "listed.yaml", changed(t, summary, groups)); r.Class != report.Documentation {
		t.Fatalf("class %v: the overlays state the same permissions", r.Class)
	}
	for name, edits := range map[string][]string{
		"token dropped":          {summary, groups, "{api_token: []}, ", ""},
		"token with email":       {summary, groups, "{api_token: []}", "{api_token: [], api_email: []}"},
		"token sent otherwise":   {summary, groups, "api_token: {type: http, scheme: bearer}", "api_token: {type: http, scheme: basic}"},
		"email and key dropped":  {summary, groups, "{api_email: [], api_key: []}, ", ""},
		"another way":            {summary, groups, "{user_service_key: []}]", "{user_service_key: []}, {user_service_key: [], api_token: []}]"},
		"permission dropped":     {summary, strings.Replace(groups, ", \"Account: SSL and Certificates Read\"", "", 1)},
		"permission added":       {summary, strings.Replace(groups, "[", "[Other, ", 1)},
		"permissions not listed": {},
		"id may be shorter":      {summary, groups, "maxLength: 36", "maxLength: 16"},
	} {
		plan, err := Prepare(t.Context(), request(root, "new.yaml", changed(t, edits...)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if plan.Report.Class != report.Breaking {
			t.Errorf("%s: class %v, want breaking: %+v", name, plan.Report.Class, plan.Report.Published)
		}
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
