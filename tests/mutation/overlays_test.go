// Package mutation tests the checks themselves: each rule is broken in turn, and a
// check must fail.
package mutation

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/spec"
	"github.com/certuse/cloudflare-mtls/tests/internal/rebuild"
)

const moduleRoot = "../.."

// negative is the expected effect of leaving out one overlay action.
type negative struct {
	// from are the documents on which the action has an effect; the zero value means
	// the stored ones.
	from source
	// refused is part of the error with which the pipeline stops, if it does.
	refused string
	// holds is true of the contract and false without the action.
	holds property
}

const failure = `{"success":false,"errors":[]}`

// overlayActions has one negative test for each action of overlays/.
var overlayActions = map[string]negative{
	"1-published/10-failure-response.yaml#failure-is-not-a-success": {refused: "contradiction"},

	"1-published/20-envelope-collision.yaml#envelope-has-the-result-info":  {from: anyOfEnvelope, holds: has(associations, "result_info.count")},
	"1-published/20-envelope-collision.yaml#result-info-is-no-alternative": {from: anyOfEnvelope, holds: plain(associations)},
	"1-published/20-envelope-collision.yaml#success-is-not-a-failure":      {from: anyOfEnvelope, holds: plain(associations)},

	"2-contract/10-requests.yaml#security-dropped":      {holds: schemes("api_token", "api_email+api_key")},
	"2-contract/10-requests.yaml#security-of-the-pages": {holds: schemes("api_token", "api_email+api_key")},
	"2-contract/10-requests.yaml#api-token":             {from: pairOnly, refused: "api_token"},
	"2-contract/10-requests.yaml#api-email":             {from: tokenOnly, refused: "api_email"},
	"2-contract/10-requests.yaml#api-key":               {from: tokenOnly, refused: "api_key"},
	"2-contract/10-requests.yaml#accepted-permissions": {holds: at(associations, func(o *openapi3.Operation) bool {
		return o.Extensions["x-accepted-permissions"] != nil
	})},
	"2-contract/10-requests.yaml#certificate-ids-are-longer": {holds: longestID("mtls_certificate_id", 36)},
	"2-contract/10-requests.yaml#account-ids-are-texts": {holds: everywhere(func(o *openapi3.Operation) bool {
		id := o.Parameters.GetByInAndName("path", "account_id")
		return id == nil || id.Schema.Value.Type.Is("string")
	})},
	"2-contract/10-requests.yaml#delete-without-a-body":   {holds: at("DELETE "+certificate, func(o *openapi3.Operation) bool { return o.RequestBody == nil })},
	"2-contract/10-requests.yaml#filter-by-type":          {refused: "filter-by-any-type", holds: sends(certificates, "type", []any{"custom"})},
	"2-contract/10-requests.yaml#filter-by-any-type":      {from: revision2026, holds: sends(certificates, "type", []any{"new"})},
	"2-contract/10-requests.yaml#certificates-page":       {holds: sends(certificates, "page", 2.0)},
	"2-contract/10-requests.yaml#certificates-per-page":   {holds: sends(certificates, "per_page", 50.0)},
	"2-contract/10-requests.yaml#pages-projects-page":     {holds: sends(pagesProjects, "page", 2.0)},
	"2-contract/10-requests.yaml#pages-projects-per-page": {holds: sends(pagesProjects, "per_page", 10.0)},
	"2-contract/10-requests.yaml#zones-of-an-account":     {from: revision2022, holds: sends(zones, "account.id", "a")},
	"2-contract/10-requests.yaml#zones-page":              {from: revision2022, holds: sends(zones, "page", 2.0)},
	"2-contract/10-requests.yaml#zones-per-page":          {from: revision2022, holds: sends(zones, "per_page", 50.0)},
	"2-contract/10-requests.yaml#page-numbers-are-numbers": {from: revision2026, holds: everywhere(func(o *openapi3.Operation) bool {
		page, perPage := o.Parameters.GetByInAndName("query", "page"), o.Parameters.GetByInAndName("query", "per_page")
		return page == nil || page.Schema.Value.Type.Is("number") && perPage.Schema.Value.Type.Is("number")
	})},
	"2-contract/10-requests.yaml#private-key-is-optional": {from: revision2022, holds: at("POST "+certificates, func(o *openapi3.Operation) bool {
		return o.RequestBody.Value.Content.Get("application/json").Schema.Value.VisitJSON(map[string]any{"ca": true, "certificates": "c"}) == nil
	})},

	"2-contract/20-envelope.yaml#settings-without-an-envelope": {from: revision2022, refused: "envelope-of-settings", holds: has(settings, "result.bindings")},
	"2-contract/20-envelope.yaml#envelope-of-settings":         {from: revision2022, refused: "settings"},
	"2-contract/20-envelope.yaml#documentation-url":            {holds: refuses(associations, 404, `{"success":false,"errors":[{"code":1000,"message":"m","documentation_url":5}]}`)},
	"2-contract/20-envelope.yaml#source-pointer":               {holds: refuses(associations, 404, `{"success":false,"errors":[{"code":1000,"message":"m","source":{"pointer":5}}]}`)},
	"2-contract/20-envelope.yaml#codes-below-1000":             {holds: accepts(associations, 429, `{"success":false,"errors":[{"code":971,"message":"m"}]}`)},
	"2-contract/20-envelope.yaml#success-is-a-boolean": {holds: everywhere(func(o *openapi3.Operation) bool {
		return len(rebuild.Schema(o, 200).Properties["success"].Value.Enum)+len(rebuild.Schema(o, 404).Properties["success"].Value.Enum) == 0
	})},
	"2-contract/20-envelope.yaml#success-decides":    {holds: decides(associations, "success")},
	"2-contract/20-envelope.yaml#result-is-optional": {holds: accepts(associations, 200, `{"success":true,"errors":[],"messages":[]}`)},
	"2-contract/20-envelope.yaml#result-decides":     {holds: decides(associations, "result")},
	"2-contract/20-envelope.yaml#result-info-has-numbers": {holds: both(
		refuses(associations, 200, `{"success":true,"errors":[],"messages":[],"result_info":{"total_pages":"1"}}`),
		decides(certificates, "result_info.count", "result_info.page", "result_info.per_page", "result_info.total_count", "result_info.total_pages"))},
	"2-contract/20-envelope.yaml#result-info-may-be-absent": {holds: at(associations, func(o *openapi3.Operation) bool {
		return extension(member(o, "result_info"), "x-go-type-skip-optional-pointer") == false
	})},
	"2-contract/20-envelope.yaml#failure-without-messages-or-result": {holds: accepts(associations, 401, failure)},
	"2-contract/20-envelope.yaml#failure-result-dropped": {from: revision2022, refused: "the text says type", holds: everywhere(func(o *openapi3.Operation) bool {
		return len(rebuild.Schema(o, 404).Properties["result"].Value.AnyOf) == 0
	})},
	"2-contract/20-envelope.yaml#failure-without-a-result": {holds: refuses(zones, 404, `{"success":false,"errors":[],"result":{}}`)},

	"2-contract/30-associations.yaml#associations-are-objects": {holds: refuses(associations, 200, success(`[5]`))},
	"2-contract/30-associations.yaml#service-of-the-page":      {from: otherExamples, holds: both(knows(associations, "result[].service", "gateway"), decides(associations, "result[].service"))},
	"2-contract/30-associations.yaml#status-of-the-page":       {from: otherExamples, holds: both(knows(associations, "result[].status", "pending_deployment"), decides(associations, "result[].status"))},

	"2-contract/31-certificates.yaml#certificates-are-objects":   {refused: "needs a name", holds: refuses(certificates, 200, success(`[5]`))},
	"2-contract/31-certificates.yaml#listed-certificate":         {refused: "certificates-of-any-type", holds: decides(certificates, "result[].id", "result[].ca", "result[].type")},
	"2-contract/31-certificates.yaml#single-certificate":         {refused: "needs a name", holds: both(decides(certificate, "result.id", "result.ca", "result.type"), decides("DELETE "+certificate, "result.id"))},
	"2-contract/31-certificates.yaml#uploaded-certificate":       {refused: "needs a name", holds: decides("POST "+certificates, "result.id", "result.ca", "result.type")},
	"2-contract/31-certificates.yaml#certificates-of-any-type":   {from: revision2026, holds: accepts(certificate, 200, success(`{"type":"new"}`))},
	"2-contract/31-certificates.yaml#no-update-of-a-certificate": {refused: "needs a name", holds: lacks("POST "+certificates, "result.updated_at")},

	"2-contract/32-hostnames.yaml#hostnames-decide": {holds: decides(hostnames, "result.hostnames")},

	"2-contract/33-zones.yaml#zone-dropped": {holds: lacks(zones, "result[].account")},
	"2-contract/33-zones.yaml#zone-as-read": {refused: "items", holds: decides(zones, "result[].id")},

	"2-contract/34-workers.yaml#worker-dropped":   {holds: lacks(workers, "result[].logpush")},
	"2-contract/34-workers.yaml#worker-as-read":   {refused: "items", holds: decides(workers, "result[].id")},
	"2-contract/34-workers.yaml#settings-dropped": {refused: "needs a name", holds: accepts(settings, 200, success(`{"bindings":[{"type":"new","name":"N"}]}`))},
	"2-contract/34-workers.yaml#settings-as-read": {holds: decides(settings, "result.bindings", "result.bindings[].type", "result.bindings[].certificate_id")},

	"2-contract/35-pages.yaml#project-dropped": {holds: lacks(pagesProjects, "result[].short_id")},
	"2-contract/35-pages.yaml#project-as-read": {refused: "items", holds: decides(pagesProjects, "result[].deployment_configs", "result[].deployment_configs.production.mtls_certificates")},

	"2-contract/36-hyperdrive.yaml#config-dropped": {holds: lacks(hyperdrive, "result[].caching")},
	"2-contract/36-hyperdrive.yaml#config-as-read": {refused: "items", holds: decides(hyperdrive, "result[].origin", "result[].mtls.ca_certificate_id", "result[].mtls.mtls_certificate_id")},

	"2-contract/37-gateway.yaml#configuration-dropped": {refused: "configuration-as-read", holds: lacks(gateway, "result.created_at")},
	"2-contract/37-gateway.yaml#configuration-as-read": {holds: decides(gateway, "result.settings.certificate.id", "result.settings.certificate.in_use", "result.settings.custom_certificate.id", "result.settings.custom_certificate.enabled")},

	"2-contract/38-posture.yaml#rule-dropped": {holds: lacks(posture, "result[].schedule")},
	"2-contract/38-posture.yaml#rule-as-read": {refused: "items", holds: decides(posture, "result[].type", "result[].input.certificate_id")},

	"2-contract/40-contract-check.yaml#known-services":       {holds: marked(associations, "result[].service", "x-known-values")},
	"2-contract/40-contract-check.yaml#known-statuses":       {holds: marked(associations, "result[].status", "x-known-values")},
	"2-contract/40-contract-check.yaml#known-types-listed":   {refused: "needs a name", holds: marked(certificates, "result[].type", "x-known-values")},
	"2-contract/40-contract-check.yaml#known-types":          {refused: "needs a name", holds: marked(certificate, "result.type", "x-known-values")},
	"2-contract/40-contract-check.yaml#lists-read-in-part":   {holds: marked(zones, "result[]", "x-partial")},
	"2-contract/40-contract-check.yaml#objects-read-in-part": {holds: marked(settings, "result", "x-partial")},
}

func TestEachOverlayActionHasANegativeTest(t *testing.T) {
	t.Parallel()
	overlays, err := normalize.ReadOverlays(os.DirFS(moduleRoot))
	if err != nil {
		t.Fatal(err)
	}
	actions := map[string]bool{}
	for _, action := range slices.Concat(overlays.Published, overlays.Contract) {
		actions[action.ID] = true
		if _, ok := overlayActions[action.ID]; !ok {
			t.Errorf("%s: no test leaves it out", action.ID)
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

var union = regexp.MustCompile(`\[('[^']+'(?:,'[^']+')+)\]`)

// An action whose target lists several names, as in ['errors','messages'], changes
// something at each of them. The pipeline itself requires only one change.
func TestEachNameInATargetIsChanged(t *testing.T) {
	t.Parallel()
	whole := sources[stored]()
	overlays, err := normalize.ReadOverlays(os.DirFS(moduleRoot))
	if whole.err != nil || err != nil {
		t.Fatal(whole.err, err)
	}
	names := 0
	result, err := normalize.Run(whole.stages.Published, whole.stages.Operations, overlays)
	for _, o := range result.Outcomes {
		if o.Effect != overlay.Applied {
			continue
		}
		for _, group := range union.FindAllStringSubmatch(o.Action.Target, -1) {
			for name := range strings.SplitSeq(group[1], ",") {
				names++
				segment := "/" + spec.Escape(strings.Trim(name, "'")) + "/"
				if !slices.ContainsFunc(o.Changed, func(pointer string) bool { return strings.Contains(pointer+"/", segment) }) {
					t.Errorf("%s: %s changes nothing: take it out of the target", o.Action.ID, name)
				}
			}
		}
	}
	if err != nil || names == 0 {
		t.Errorf("%d names, %v", names, err)
	}
}

func load(t *testing.T, s rebuild.Stages) *openapi3.T {
	t.Helper()
	doc, err := rebuild.Load(s.Contract)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Differences between revisions do not reach the contract, except documentation and
// parameters that the library does not send.
func TestDocumentsOfOtherRevisionsGiveTheSameContract(t *testing.T) {
	t.Parallel()
	want := sources[stored]()
	for _, other := range []source{anyOfEnvelope, tokenOnly, pairOnly, otherExamples, revision2022, revision2026} {
		got := sources[other]()
		if want.err != nil || got.err != nil {
			t.Fatal(want.err, got.err)
		}
		if diff := cmp.Diff(meaning(want.stages.Contract), meaning(got.stages.Contract)); diff != "" {
			t.Errorf("source %d (-stored +other)\n%s", other, diff)
		}
	}
}

// meaning returns a contract without documentation. Of the parameters of zones, it
// keeps only the names of those that the library sends: the texts of 2022 have no
// parameters, and the overlays add these without other details.
func meaning(contract spec.Object) spec.Object {
	out := spec.Clone(contract)
	list := descend(out, "paths", zones, "get")
	var sent []string
	for _, parameter := range list["parameters"].([]any) {
		if name := parameter.(spec.Object)["name"].(string); slices.Contains([]string{"account.id", "page", "per_page"}, name) {
			sent = append(sent, name)
		}
	}
	slices.Sort(sent)
	list["parameters"] = sent
	_ = spec.Visit(out, spec.Fields, "", func(o spec.Object, _ string) error {
		for _, prose := range []string{"description", "example", "title"} {
			delete(o, prose)
		}
		return nil
	})
	return out
}
