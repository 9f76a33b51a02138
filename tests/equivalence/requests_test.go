package equivalence

import (
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// The contract accepts the published ids and, by the overlay action
// 10-requests.yaml#certificate-ids-are-longer, certificate ids of up to 64 characters.
func TestOnlyCertificateIdsMayBeLongerThanPublished(t *testing.T) {
	t.Parallel()
	eachOperation(t, func(t *testing.T, op spec.Operation) {
		before, names := published(t, op)
		after := contract(t, op)
		for i, name := range spec.PathParameters(op.Path) {
			was, is := before.Parameters.GetByInAndName("path", names[i]), after.Parameters.GetByInAndName("path", name)
			if was == nil || is == nil || !was.Required || !is.Required {
				t.Fatalf("%s: published %+v, in the contract %+v", name, was, is)
			}
			longer := 0
			rapid.Check(t, func(t *rapid.T) {
				n := 70 - rapid.IntRange(0, 70).Draw(t, "short of 70") // long ids come first
				id := rapid.StringOfN(rapid.RuneFrom([]rune("abcdef0123456789-_")), n, n, -1).Draw(t, "id")
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
	})
}

// Email and key, the published way to authenticate, stay valid. The overlay action
// 10-requests.yaml#security-of-the-pages adds the API token.
func TestPublishedSecurityIsOneOfTheContract(t *testing.T) {
	t.Parallel()
	pair, token := openapi3.SecurityRequirement{"api_email": {}, "api_key": {}}, openapi3.SecurityRequirement{"api_token": {}}
	eachOperation(t, func(t *testing.T, op spec.Operation) {
		before, _ := operation(t, stages(t).Canonical, op)
		isPair := func(r openapi3.SecurityRequirement) bool { return cmp.Equal(pair, r) }
		if before.Security == nil || !slices.ContainsFunc(*before.Security, isPair) {
			t.Errorf("published: %v", before.Security)
		}
		if diff := cmp.Diff(&openapi3.SecurityRequirements{token, pair}, contract(t, op).Security); diff != "" {
			t.Errorf("contract (-want +got):\n%s", diff)
		}
	})
}

// Every query parameter that the library sends is in the contract, and only path
// parameters are required. Only an upload has a body.
func TestTheContractHasTheQueryParametersAndBodiesThatAreSent(t *testing.T) {
	t.Parallel()
	eachOperation(t, func(t *testing.T, op spec.Operation) {
		o := contract(t, op)
		for _, name := range op.Query {
			if o.Parameters.GetByInAndName("query", name) == nil {
				t.Errorf("query parameter %s is not in the contract", name)
			}
		}
		for _, p := range o.Parameters {
			if p.Value.In != "path" && p.Value.Required {
				t.Errorf("%s parameter %s is required", p.Value.In, p.Value.Name)
			}
		}
		if hasBody := o.RequestBody != nil; hasBody != (op.Method == "POST") {
			t.Errorf("a request body: %t", hasBody)
		}
	})
}
