// Package caught shows that the checks can fail: each rule is broken in turn,
// and the break is noticed.
package caught

import (
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/tests/internal/rebuild"
)

const moduleRoot = "../.."

// negative shows what becomes of the contract when one overlay action is left
// out.
type negative struct {
	// from is the source on which the action has work to do; the zero value is
	// the frozen fragment.
	from source
	// refused is part of the error with which the pipeline stops, when it does.
	refused string
	// holds is true of the contract and not of one without the action.
	holds func(*openapi3.T) bool
}

// overlayActions has one negative test for each action of overlays/.
var overlayActions = map[string]negative{
	"10-failure-response.yaml#failure-is-not-a-success":           {refused: "4XX"},
	"10-failure-response.yaml#failure-without-messages-or-result": {holds: accepts(401, `{"success":false,"errors":[]}`)},

	"20-envelope-collision.yaml#envelope-parts-list":           {from: scrambled, refused: "envelope-parts-copied"},
	"20-envelope-collision.yaml#envelope-parts-copied":         {from: scrambled, refused: "success-is-not-a-failure"},
	"20-envelope-collision.yaml#envelope-parts-any-of-dropped": {from: scrambled, holds: noChoiceIsLeft},
	"20-envelope-collision.yaml#success-is-not-a-failure":      {from: scrambled, refused: "contradict"},
	"20-envelope-collision.yaml#success-part-list":             {from: scrambled, refused: "success-part-copied"},
	"20-envelope-collision.yaml#success-part-copied":           {from: scrambled, refused: "result-is-optional"},
	"20-envelope-collision.yaml#success-part-one-of-dropped":   {from: scrambled, holds: noChoiceIsLeft},

	"30-current-contract.yaml#path-added":           {refused: "path-copied"},
	"30-current-contract.yaml#path-copied":          {refused: "account_identifier"},
	"30-current-contract.yaml#path-dropped":         {refused: "paths"},
	"30-current-contract.yaml#account-id":           {refused: "account_id"},
	"30-current-contract.yaml#certificate-id":       {refused: "mtls_certificate_id"},
	"30-current-contract.yaml#security-dropped":     {holds: schemes("api_token", "api_email+api_key")},
	"30-current-contract.yaml#security-of-the-page": {holds: schemes("api_token", "api_email+api_key")},
	"30-current-contract.yaml#api-token":            {refused: "api_token"},
	"30-current-contract.yaml#api-email":            {from: tokenOnly, refused: "api_email"},
	"30-current-contract.yaml#api-key":              {from: tokenOnly, refused: "api_key"},
	"30-current-contract.yaml#documentation-url":    {holds: refuses(404, `{"success":false,"errors":[{"code":1000,"message":"m","documentation_url":5}]}`)},
	"30-current-contract.yaml#source-pointer":       {holds: refuses(404, `{"success":false,"errors":[{"code":1000,"message":"m","source":{"pointer":5}}]}`)},
	"30-current-contract.yaml#total-pages":          {holds: refuses(200, `{"success":true,"errors":[],"messages":[],"result_info":{"total_pages":"1"}}`)},
	"30-current-contract.yaml#result-is-optional":   {holds: accepts(200, `{"success":true,"errors":[],"messages":[]}`)},
	"30-current-contract.yaml#accepted-permissions": {holds: operation(func(o *openapi3.Operation) bool { return o.Extensions["x-accepted-permissions"] != nil })},

	"40-real-answers.yaml#certificate-ids-are-longer": {holds: longestID("mtls_certificate_id", 36)},
	"40-real-answers.yaml#codes-below-1000":           {holds: accepts(429, `{"success":false,"errors":[{"code":971,"message":"m"}]}`)},
	"40-real-answers.yaml#associations-are-objects":   {holds: refuses(200, `{"success":true,"errors":[],"messages":[],"result":[5]}`)},
	"40-real-answers.yaml#success-is-a-boolean":       {holds: successIsPlain},

	"45-known-values.yaml#known-service": {from: otherExamples, holds: knows("service", "gateway")},
	"45-known-values.yaml#known-status":  {from: otherExamples, holds: knows("status", "pending_deployment")},

	"50-go.yaml#operation-id": {holds: operation(func(o *openapi3.Operation) bool { return o.OperationID == "listMTLSCertificateAssociations" })},
	"50-go.yaml#result-info-may-be-absent": {holds: func(doc *openapi3.T) bool {
		return doc.Components.Schemas["ResultInfo"].Value.Extensions["x-go-type-skip-optional-pointer"] == false
	}},
}

func TestEachOverlayActionHasANegativeTest(t *testing.T) {
	t.Parallel()
	overlays, err := overlay.Load(os.DirFS(moduleRoot), "overlays")
	if err != nil {
		t.Fatal(err)
	}
	actions := map[string]bool{}
	for _, o := range overlays {
		for _, action := range o.Actions {
			actions[action.ID] = true
			if _, ok := overlayActions[action.ID]; !ok {
				t.Errorf("%s: nothing shows that leaving it out is caught", action.ID)
			}
		}
	}
	for id := range overlayActions {
		if !actions[id] {
			t.Errorf("%s: there is no such action", id)
		}
	}
}

func TestLeavingOutAnOverlayActionIsCaught(t *testing.T) {
	t.Parallel()
	for id, tt := range overlayActions {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			whole := sources[tt.from]()
			if whole.err != nil {
				t.Fatalf("with all actions: %v", whole.err)
			}
			if tt.holds != nil && !tt.holds(load(t, whole.stages)) {
				t.Error("the contract itself does not have the property")
			}
			broken, err := whole.stages.Without(moduleRoot, id)
			switch {
			case err != nil && (tt.refused == "" || !strings.Contains(err.Error(), tt.refused)):
				t.Errorf("the pipeline refuses for another reason than %q: %v", tt.refused, err)
			case err != nil:
			case tt.holds == nil:
				t.Error("the pipeline goes through without the action")
			case tt.holds(load(t, broken)):
				t.Error("the property holds without the action")
			}
		})
	}
}

func load(t *testing.T, s rebuild.Stages) *openapi3.T {
	t.Helper()
	doc, err := rebuild.Load(s.Normalised)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// What varies from revision to revision does not reach the contract.
func TestSourcesOfOtherPatternsGiveTheSameContract(t *testing.T) {
	t.Parallel()
	want := sources[fragment]()
	for _, other := range []source{scrambled, tokenOnly, otherExamples} {
		got := sources[other]()
		if want.err != nil || got.err != nil {
			t.Fatal(want.err, got.err)
		}
		if diff := cmp.Diff(want.stages.Normalised, got.stages.Normalised); diff != "" {
			t.Errorf("source %d (-fragment +other)\n%s", other, diff)
		}
	}
}
