package normalize

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

const overlayHead = "overlay: 1.1.0\ninfo: {title: t, version: '1'}\nactions:\n"

// stages returns the overlays of both folders, with one action each.
func stages(t *testing.T, published, contract string) Overlays {
	t.Helper()
	overlays, err := ReadOverlays(fstest.MapFS{
		PublishedOverlays + "/10-a.yaml": {Data: []byte(overlayHead + "  - " + published + "\n")},
		ContractOverlays + "/10-b.yaml":  {Data: []byte(overlayHead + "  - " + contract + "\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return overlays
}

const (
	// narrow removes a contradiction from the published text. mark adds x-decides to
	// the merged text.
	narrow = `{x-id: type, description: d, target: "$.paths.*.get..allOf[0].properties.result.type", remove: true}`
	mark   = `{x-id: mark, description: d, target: "$.paths.*.get.responses['200'].content.*.schema.properties.result", update: {x-decides: true}}`
)

func TestRunTakesATextThroughAllStages(t *testing.T) {
	t.Parallel()
	// The parts contradict each other before the first overlay.
	text := published(t, "            success: {type: boolean, enum: [true]}", "            success: {type: boolean, enum: [true]}\n            result: {type: object}")
	if _, err := Merge(canonical(t, text)); err == nil {
		t.Fatal("the text can be merged unchanged: the test shows nothing")
	}
	r, err := Run(map[string]spec.Object{operations[0].Name: text}, operations, stages(t, narrow, mark))
	if err != nil {
		t.Fatal(err)
	}
	effects := map[string]overlay.Effect{}
	for _, o := range r.Outcomes {
		effects[o.Action.ID] = o.Effect
	}
	want := map[string]overlay.Effect{"1-published/10-a.yaml#type": overlay.Applied, "2-contract/10-b.yaml#mark": overlay.Applied}
	if diff := cmp.Diff(want, effects); diff != "" {
		t.Errorf("effects of the actions (-want +got)\n%s", diff)
	}
	for name, form := range map[string]spec.Object{"merged": r.Merged, "contract": r.Contract} {
		err := spec.Visit(form, spec.Fields, "", func(o spec.Object, pointer string) error {
			if _, ok := o["allOf"]; ok {
				return errors.New(pointer)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: allOf is left at %v", name, err)
		}
	}
	schemas := spec.Child(r.Contract["components"], "schemas")
	expectNames(t, schemas, "FailureResponse", "ThingUse", "ThingUsesResponse")
	result := spec.Child(spec.Child(spec.Child(schemas, "ThingUsesResponse"), "properties"), "result")
	if result["x-decides"] != true {
		t.Errorf("the second stage's change is lost: %v", result)
	}
	if merged, err := spec.Encode(r.Merged); err != nil || strings.Contains(string(merged), "x-decides") {
		t.Errorf("the merged text has the second stage's change (%v)", err)
	}
}

// After an error the result holds the forms that were reached.
func TestRunEndsWithTheFirstError(t *testing.T) {
	t.Parallel()
	harmless := `{x-id: note, description: d, target: $.info, update: {description: d}}`
	tests := map[string]struct {
		text            spec.Object
		overlays        Overlays
		want            string
		merged, unnamed bool // the form was reached
	}{
		"merge": {published(t, "            success: {type: boolean, enum: [true]}", "            success: {type: boolean, enum: [true]}\n            result: {type: object}"),
			stages(t, harmless, mark), `after overlays/1-published: /paths/~1accounts`, false, false},
		"first overlay":  {published(t), stages(t, `{x-id: odd, description: d, target: $.info, update: 5}`, mark), "overlays/1-published/10-a.yaml#odd: ", false, false},
		"second overlay": {published(t), stages(t, harmless, `{x-id: odd, description: d, target: $.info, update: 5}`), "overlays/2-contract/10-b.yaml#odd: ", true, false},
		"name too long": {published(t), stages(t, harmless, `{x-id: long, description: d, target: "$.paths.*.get.responses['200'].content.*.schema.properties.result.items", update: {properties: {`+strings.Repeat("long_", 10)+`: {type: object, properties: {a: {type: string}}}}}}`),
			"needs a name in openapi/operations.yaml", true, true},
		"misspelt extension": {published(t), stages(t, harmless, strings.Replace(mark, "x-decides", "x-decide", 1)), "properties/result: an overlay adds x-decide, which nothing reads", true, true},
		// Only a default that an overlay leaves in the contract has to be valid.
		"invalid default": {published(t, thing, "        service: {type: string, default: 5}\n"), stages(t, harmless, mark), "normalised: not a valid OpenAPI document: invalid components: schema \"ThingUse\": invalid default", true, true},
		"invalid contract": {published(t), stages(t, harmless, `{x-id: bad, description: d, target: $.info.version, remove: true}`),
			"normalised: not a valid OpenAPI document: ", true, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Run(map[string]spec.Object{operations[0].Name: tt.text}, operations, tt.overlays)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if (r.Merged != nil) != tt.merged || (r.Unnamed != nil) != tt.unnamed || r.Contract != nil {
				t.Errorf("merged %t, unnamed %t, contract %t", r.Merged != nil, r.Unnamed != nil, r.Contract != nil)
			}
		})
	}
}

func TestReadOverlaysNeedsBothFolders(t *testing.T) {
	t.Parallel()
	file := &fstest.MapFile{Data: []byte(overlayHead + "  - " + mark + "\n")}
	for _, only := range []string{PublishedOverlays, ContractOverlays} {
		if _, err := ReadOverlays(fstest.MapFS{only + "/10-a.yaml": file}); err == nil {
			t.Errorf("%s alone is enough", only)
		}
	}
}
