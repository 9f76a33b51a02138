package equivalence

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/tests/internal/jsongen"
)

// readCorpus reads error bodies of the shapes that are seen in practice, by file
// name without extension.
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

func TestPublishedFailureRefusesEveryRealErrorBody(t *testing.T) {
	t.Parallel()
	schema := readPublished(t).Schema(404)
	for name, body := range readCorpus(t) {
		if validate(schema, body) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestContractAcceptsEveryRealErrorBody(t *testing.T) {
	t.Parallel()
	schema := responseSchema(t, stages(t).Normalised, 404)
	for name, body := range readCorpus(t) {
		if err := validate(schema, body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Neither a failure nor a success nor anything between them satisfies the
// published failure.
func TestPublishedFailureAcceptsNothing(t *testing.T) {
	t.Parallel()
	schema := readPublished(t).Schema(404)
	for _, near := range kinds(t) {
		rapid.Check(t, func(t *rapid.T) {
			document := jsongen.Document(near.published, jsongen.Options{Extra: undocumented, Spoil: 5}).Draw(t, "document")
			if validate(schema, document) == nil {
				t.Fatal("accepted: the overlay that mends the failure has lost its reason")
			}
		})
	}
}
