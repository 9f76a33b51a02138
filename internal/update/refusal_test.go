package update

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/internal/report"
	"github.com/certuse/cloudflare-mtls/internal/testtree"
)

// Where the overlays no longer fit the text, the reader has to change them, and
// for that has to see what the vendor changed.
func TestRefusalTellsWhatTheVendorChanged(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	for name, tt := range map[string]struct {
		edits     []string
		place     string // of a change of the published text
		unmatched string // action
		contract  bool   // is known
		overlays  bool   // are known
	}{
		"an action matches nothing": {
			edits: []string{`        "4XX":`, `        "404":`},
			place: "answer 4XX", unmatched: "10-failure-response.yaml#failure-is-not-a-success", overlays: true,
		},
		"an action contradicts the text": {
			edits: []string{"example: 9, type: number", "example: 9, type: string"},
			place: "answer 200: result_info.total_pages",
		},
		"the text contradicts itself": {
			edits: []string{"        count: {", "        count: {allOf: [{type: number}, {type: string}], "},
			place: "answer 200: result_info.count", overlays: true,
		},
		"a library panics": {
			edits: []string{"        count: {", "        count: {allOf: [{enum: [{a: 1}]}, {enum: [1]}], "},
			place: "answer 200: result_info.count", overlays: true,
		},
		"an object has no name": {
			edits: []string{serviceProperty, serviceProperty + "        " + strings.Repeat("long_", 9) + ": {type: object, properties: {a: {type: string}}}\n"},
			place: "answer 4XX: result[].long_long_long_long_long_long_long_long_long_", contract: true, overlays: true,
		},
		"a name has escape codes": {
			edits: []string{serviceProperty, serviceProperty + "        \"\\e[31mred\": {type: string}\n"},
			place: "answer 200: result[]. [31mred", contract: true, overlays: true,
		},
	} {
		_, err := Prepare(t.Context(), request(root, "edited.yaml", changed(t, tt.edits...)))
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok || refused.Report == nil {
			t.Errorf("%s: error %v, want a refusal with a report", name, err)
			continue
		}
		r := refused.Report
		if r.Class != report.Refused || r.Refusal != refused.Reason || len(r.Files) != 0 {
			t.Errorf("%s: class %v, refusal %q, files %q", name, r.Class, r.Refusal, r.Files)
		}
		if (r.Contract != nil) != tt.contract || (r.Overlays.Listed != nil) != tt.overlays {
			t.Errorf("%s: contract %v, overlays %+v", name, r.Contract, r.Overlays)
		}
		if !slices.ContainsFunc(r.Published, func(c report.PublishedChange) bool { return c.Place == tt.place }) {
			t.Errorf("%s: no change of the published text at %q: %+v", name, tt.place, r.Published)
		}
		var text bytes.Buffer
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"\nPublished text", "\n      " + tt.place + "\n", tt.unmatched} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%s: %q is not in the report:\n%s", name, want, text.String())
			}
		}
		if unknown := strings.Contains(text.String(), "  not known: the document was refused before\n"); unknown == (tt.contract && tt.overlays) {
			t.Errorf("%s: what is not known is not told:\n%s", name, text.String())
		}
		if !tt.contract && strings.Contains(text.String(), "Users see no difference") {
			t.Errorf("%s: nobody knows what users would see:\n%s", name, text.String())
		}
		if strings.Contains(text.String(), "\x1b") {
			t.Errorf("%s: an escape code in the report: %q", name, text.String())
		}
		if encoded, err := json.Marshal(r); err != nil || bytes.Contains(encoded, []byte(":null")) {
			t.Errorf("%s: a list is null: %s, %v", name, encoded, err)
		}
	}
}

// The generator's own words are about a line of its output.
func TestRefusalNamesTheMemberWithoutAGoName(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	edited := changed(t, serviceProperty, serviceProperty+"        名前: {type: string}\n        größe: {type: string}\n        2fa: {type: string}\n")
	_, err := Prepare(t.Context(), request(root, "edited.yaml", edited))
	const want = `no Go code can be generated from the new contract: the JSON member "名前" of Association needs an x-go-name: `
	if refused, ok := errors.AsType[*RefusedError](err); !ok || !strings.HasPrefix(refused.Reason, want) {
		t.Errorf("error %v, want a refusal: %s", err, want)
	}
	named := changed(t, serviceProperty, serviceProperty+"        名前: {type: string}\n        größe: {type: string}\n")
	const action = `overlay: 1.1.0
info: {title: Names, version: 1.0.0}
actions:
  - x-id: name
    target: $.paths.*.get.responses['200'].content['application/json'].schema..properties.result.items.properties['名前']
    description: The generator finds no name for it.
    update: {x-go-name: FullName}
`
	if err := os.WriteFile(filepath.Join(root, "overlays", "60-names.yaml"), []byte(action), 0o644); err != nil {
		t.Fatal(err)
	}
	// What the generated code imports is not in the copy; it was generated.
	if _, err := Prepare(t.Context(), request(root, "edited.yaml", named)); err == nil || !strings.Contains(err.Error(), "does not compile") {
		t.Errorf("with a name: %v", err)
	}
}
