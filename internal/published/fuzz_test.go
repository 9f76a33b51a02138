package published

import (
	"bytes"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// FuzzTake looks for sources that crash Take or Canonical, and for violated guarantees:
// a stored text is within the limits and is taken again unchanged, and errors name the
// document.
func FuzzTake(f *testing.F) {
	plain := whole(f)
	f.Add(plain)
	f.Add(packed(f, plain))
	doc, err := spec.Decode("seed", plain)
	if err != nil {
		f.Fatal(err)
	}
	asJSON, err := spec.Encode(doc)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(asJSON)
	f.Add(whole(f, "openapi: 3.0.3", "openapi: 3.1.0", "id: {type: string}", "id: {type: [string, 'null']}"))
	f.Add(whole(f, "'#/components/schemas/the list'", "'#/paths/~1zones/get/responses/200/content/application~1json/schema'"))
	f.Add(whole(f, "security: [{key: []}]", "security: &s [{key: []}]\n      x-same: *s"))
	f.Fuzz(func(t *testing.T, source []byte) {
		taken, err := Take("fuzz", source, operations)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzz") {
				t.Errorf("the error does not name the source: %v", err)
			}
			return
		}
		again, err := Take("fuzz", taken.uses().Encoded, operations)
		if err != nil {
			t.Fatalf("the stored text is refused: %v", err)
		}
		if !bytes.Equal(taken.uses().Encoded, again.uses().Encoded) {
			t.Errorf("the stored text is cut again:\n%s\n%s", taken.uses().Encoded, again.uses().Encoded)
		}
		if _, err := normalize.Canonical(map[string]spec.Object{operations[0].Name: taken.uses().Document}, operations); err != nil && !strings.HasPrefix(err.Error(), operations[0].Document+": ") {
			t.Errorf("the error does not name the document: %v", err)
		}
		if len(taken.uses().Encoded) > 100<<20 { // more than the limits of spec.Copier allow, with indentation
			t.Errorf("%d bytes are stored", len(taken.uses().Encoded))
		}
	})
}
