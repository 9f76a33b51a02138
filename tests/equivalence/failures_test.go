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
)

// readCorpus reads error bodies of shapes seen in practice, by file name without
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

// satisfiable are the operations whose published failure some document satisfies. For
// Worker settings that is a success.
var satisfiable = []string{"listHostnameAssociations", "listZones", "getWorkerSettings"}

// No failure, success or mixture of them satisfies the published failure of most
// operations, and no error body seen in practice does.
func TestPublishedFailuresAcceptNothing(t *testing.T) {
	t.Parallel()
	eachOperation(t, func(t *testing.T, op spec.Operation) {
		o, _ := published(t, op)
		schema := schemaOf(o, 404)
		accepted := 0
		for _, near := range []spec.Operation{op, associations(t)} {
			n, _ := published(t, near)
			for _, drawn := range []int{200, 404} {
				rapid.Check(t, func(t *rapid.T) {
					document := jsongen.Document(schemaOf(n, drawn), jsongen.Options{Extra: undocumented, InvalidPercent: 5}).Draw(t, "document")
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
			t.Errorf("%d documents are accepted: can be satisfied %t, want %t; list the operation in satisfiable if its published failure can be satisfied", accepted, got, want)
		}
	})
}

func TestContractAcceptsEveryRealErrorBody(t *testing.T) {
	t.Parallel()
	eachOperation(t, func(t *testing.T, op spec.Operation) {
		schema := schemaOf(contract(t, op), 404)
		for name, body := range readCorpus(t) {
			if err := validate(schema, body); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
