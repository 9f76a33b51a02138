package equivalence

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/internal/spec"
	"github.com/certuse/cloudflare-mtls/tests/internal/jsongen"
	"github.com/certuse/cloudflare-mtls/tests/internal/rebuild"
)

// readCorpus returns error bodies whose shapes occur in practice, by file name without
// extension.
func readCorpus(t *testing.T) map[string]any {
	t.Helper()
	files, err := filepath.Glob("testdata/failures/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d error bodies, %v", len(files), err)
	}
	corpus := map[string]any{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var body any
		if err := json.Unmarshal(text, &body); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		corpus[strings.TrimSuffix(filepath.Base(file), ".json")] = body
	}
	return corpus
}

// satisfiable lists the operations whose published schema of a failure accepts at least
// one document. The schema of getWorkerSettings even accepts a success.
var satisfiable = []string{"listHostnameAssociations", "listZones", "getWorkerSettings"}

// For most operations, the published schema of a failure refuses all drawn successes
// and failures, and all error bodies of the corpus.
func TestPublishedFailuresOfMostOperationsAcceptNothing(t *testing.T) {
	t.Parallel()
	eachOperation(t, func(t *testing.T, op spec.Operation) {
		o, _ := published(t, op)
		schema := rebuild.Schema(o, 404)
		accepted := 0
		for _, source := range []spec.Operation{op, associations(t)} {
			n, _ := published(t, source)
			for _, status := range []int{200, 404} {
				rapid.Check(t, func(t *rapid.T) {
					document := jsongen.Document(rebuild.Schema(n, status), jsongen.Options{Extra: undocumented, InvalidPercent: 5}).Draw(t, "document")
					if validate(schema, document) == nil {
						accepted++
					}
				})
			}
		}
		for name, body := range readCorpus(t) {
			if validate(schema, body) == nil {
				t.Logf("%s is accepted", name)
				accepted++
			}
		}
		if got, want := accepted > 0, slices.Contains(satisfiable, op.Name); got != want {
			t.Errorf("%d documents were accepted; the operation is in satisfiable: %t", accepted, want)
		}
	})
}

func TestContractAcceptsEveryErrorBodyOfTheCorpus(t *testing.T) {
	t.Parallel()
	eachOperation(t, func(t *testing.T, op spec.Operation) {
		schema := rebuild.Schema(contract(t, op), 404)
		for name, body := range readCorpus(t) {
			if err := validate(schema, body); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
