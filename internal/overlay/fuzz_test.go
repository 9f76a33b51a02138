package overlay

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// FuzzApply looks for overlays that crash, are accepted without an effect, or change
// their input document.
func FuzzApply(f *testing.F) {
	for _, actions := range []string{
		"  - {x-id: add, description: d, target: $.paths, update: {/new: {}}}\n",
		"  - {x-id: drop, description: d, target: \"$.paths['/old']\", remove: true}\n",
		"  - {x-id: fill, description: d, target: \"$.paths['/old'].get\", copy: $.paths}\n",
		"  - {x-id: all, description: d, target: $..*, remove: true}\n",
		"  - {x-id: filter, description: d, target: '$.paths.*[?@.n == 1]', update: {n: 2}}\n",
		"  - {x-id: self, description: d, target: $, copy: $}\n",
	} {
		f.Add([]byte(head + actions))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		actions, err := Parse("10-fuzz.yaml", data)
		if err != nil {
			return
		}
		const text = `{"openapi": "3.0.3", "paths": {"/old": {"get": {"tags": ["a", "b"], "n": 1, "nil": null}}}}`
		doc := document(t, text)
		got, err := applied(doc, actions, nil)
		if diff := cmp.Diff(document(t, text), doc); diff != "" {
			t.Fatalf("the given document was changed (-want +got)\n%s", diff)
		}
		if err == nil && len(actions) == 1 && cmp.Equal(doc, got) {
			t.Errorf("an action without effect was accepted")
		}
		if err == nil {
			if _, err := spec.Encode(got); err != nil {
				t.Errorf("the result cannot be encoded: %v", err)
			}
		}
	})
}
