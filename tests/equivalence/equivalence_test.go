package equivalence

import (
	"os"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/tests/internal/jsongen"
	"github.com/certuse/cloudflare-mtls/tests/internal/rebuild"
)

// TestMain draws more documents than the library's default of 100, so that each
// deviation occurs in every run.
func TestMain(m *testing.M) {
	if err := jsongen.Checks("2000"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

var (
	undocumented = []string{"tier", "cursor", "error_chain"}
	addedByPage  = []string{"documentation_url", "source", "total_pages"}
)

// kind is a response with its published schema and that of the contract.
type kind struct {
	name      string
	success   bool
	published *openapi3.Schema
	contract  *openapi3.Schema
	minValid  int // how many drawn documents the published schema must accept
}

// kinds returns the success of the operation for associations, and the failures of all
// operations except getWorkerSettings, whose published failure has success true.
func kinds(t *testing.T) []kind {
	t.Helper()
	out := []kind{{"success", true, publishedSuccess(t), rebuild.Schema(contract(t, associations(t)), 200), 400}}
	for _, op := range stages(t).Operations {
		if op.Name != "getWorkerSettings" {
			out = append(out, kind{op.Name, false, publishedFailure(t, op), rebuild.Schema(contract(t, op), 404), 400})
		}
	}
	return out
}

// The documents have no field that only the documentation page describes, and the
// result of a failure is set to null: TestSchemasDifferOnlyByDeclaredDeviations tests
// these deviations.
func TestEveryPublishedDocumentMatchesTheContract(t *testing.T) {
	t.Parallel()
	for _, k := range kinds(t) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			valid := 0
			rapid.Check(t, func(t *rapid.T) {
				document := jsongen.Document(k.published, jsongen.Options{Extra: undocumented, InvalidPercent: 2}).Draw(t, "document")
				if validate(k.published, document) != nil {
					return
				}
				valid++
				repairAll(document, withoutResult(k))
				if err := validate(k.contract, document); err != nil {
					t.Fatalf("valid as published, but not by the contract: %v", err)
				}
			})
			if valid < k.minValid {
				t.Errorf("only %d documents were valid as published", valid)
			}
		})
	}
}

// A document that only one of the two schemas accepts uses a declared deviation, and
// each deviation occurs.
func TestSchemasDifferOnlyByDeclaredDeviations(t *testing.T) {
	t.Parallel()
	for _, k := range kinds(t) {
		for name, side := range map[string]struct {
			from, to *openapi3.Schema
			extra    []string
			allowed  []deviation
		}{
			// The contract refuses two kinds of published documents: failures with a
			// result, and documents that contradict the types of the documentation page.
			"valid as published":    {k.published, k.contract, addedByPage, stricter(k)},
			"valid by the contract": {k.contract, k.published, undocumented, wider(k)},
		} {
			t.Run(k.name+" "+name, func(t *testing.T) {
				t.Parallel()
				met := map[string]int{}
				rapid.Check(t, func(t *rapid.T) {
					document := jsongen.Document(side.from, jsongen.Options{Extra: side.extra, InvalidPercent: 1}).Draw(t, "document")
					if validate(side.from, document) == nil {
						compare(t, side.to, document, side.allowed, met)
					}
				})
				expectMet(t, met, side.allowed)
			})
		}
	}
}

// compare requires that the schema refuses the document if and only if the document
// uses a deviation, and that the schema accepts the repaired document.
func compare(t *rapid.T, schema *openapi3.Schema, document any, deviations []deviation, met map[string]int) {
	refusal := validate(schema, document)
	repaired := clone(t, document)
	actions := repairAll(repaired, deviations)
	switch {
	case refusal == nil && len(actions) > 0:
		t.Fatalf("uses %v, and is accepted", actions)
	case refusal != nil && len(actions) == 0:
		t.Fatalf("refused without a declared deviation: %v", refusal)
	}
	if err := validate(schema, repaired); err != nil {
		t.Fatalf("refused for more than %v: %v", actions, err)
	}
	for _, action := range actions {
		met[action]++
	}
}

// expectMet logs how many documents used each deviation, and fails if no document used
// one of them.
func expectMet(t *testing.T, met map[string]int, deviations []deviation) {
	t.Helper()
	for _, d := range deviations {
		t.Logf("%5d documents deviate by %s", met[d.action], d.action)
		if met[d.action] == 0 {
			t.Errorf("no document needed %s", d.action)
		}
	}
}
