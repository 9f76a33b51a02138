package equivalence

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/tests/internal/rebuild"
)

// renamed are the path parameters as published, by their names in the contract.
var renamed = map[string]string{"account_id": "account_identifier", "mtls_certificate_id": "identifier"}

// onlyOperation returns the operation of the contract.
func onlyOperation(t *testing.T) *openapi3.Operation {
	t.Helper()
	doc, err := rebuild.Load(stages(t).Normalised)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range doc.Paths.Map() {
		return item.Get
	}
	t.Fatal("the contract has no path")
	return nil
}

// The ids of the contract are those of the published text, and besides them only
// the longer certificate ids of 40-real-answers.yaml#certificate-ids-are-longer.
func TestIdsOfTheContractAreThePublishedOnes(t *testing.T) {
	t.Parallel()
	published, contract := readPublished(t), onlyOperation(t)
	if len(published.Parameters) != len(renamed) || len(contract.Parameters) != len(renamed) {
		t.Fatalf("%d published parameters, %d in the contract", len(published.Parameters), len(contract.Parameters))
	}
	for name, before := range renamed {
		was, is := published.Parameters.GetByInAndName("path", before), contract.Parameters.GetByInAndName("path", name)
		if was == nil || is == nil || !was.Required || !is.Required {
			t.Fatalf("%s: published %+v, in the contract %+v", name, was, is)
		}
		longer := 0
		rapid.Check(t, func(t *rapid.T) {
			n := 70 - rapid.IntRange(0, 70).Draw(t, "short of 70") // long ones first
			id := rapid.StringN(n, n, -1).Draw(t, "id")
			wasValid, isValid := was.Schema.Value.VisitJSON(id) == nil, is.Schema.Value.VisitJSON(id) == nil
			deviates := name == "mtls_certificate_id" && n > 32 && n <= 64
			if isValid != (wasValid || deviates) {
				t.Fatalf("%s of %d characters: published %t, in the contract %t", name, n, wasValid, isValid)
			}
			if deviates {
				longer++
			}
		})
		if t.Logf("%s: %d longer ids", name, longer); name == "mtls_certificate_id" && longer == 0 {
			t.Error("no id needed the deviation")
		}
	}
}

// The published way to authenticate still counts; the page adds the token
// (30-current-contract.yaml#security-of-the-page).
func TestPublishedSecurityIsOneOfTheContract(t *testing.T) {
	t.Parallel()
	pair, token := openapi3.SecurityRequirement{"api_email": {}, "api_key": {}}, openapi3.SecurityRequirement{"api_token": {}}
	if diff := cmp.Diff(&openapi3.SecurityRequirements{pair}, readPublished(t).Security); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&openapi3.SecurityRequirements{token, pair}, onlyOperation(t).Security); diff != "" {
		t.Errorf("contract (-want +got):\n%s", diff)
	}
}
