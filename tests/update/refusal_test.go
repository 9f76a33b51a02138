package update

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/internal/update"
)

const serviceProperty = "        service: {\"$ref\": \"#/components/schemas/service\"}\n"

func TestRefusalsLeaveTheTreeUnchanged(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	before := snapshot(t, root)
	const path = shapes + "08-current.json"
	for name, tt := range map[string]struct{ old, replacement, want string }{
		"no operation":            {"/associations", "/uses", "is not in the document"},
		"undefined scheme":        {`"api_key": {`, `"api_kee": {`, `scheme "api_key" is not defined`},
		"contradiction":           {`"type": "number"`, `"allOf": [{"type": "number"}, {"type": "string"}]`, "contradiction: unable to resolve Type conflict"},
		"overlay without a match": {`"service": {`, `"product": {`, "overlays/2-contract/30-associations.yaml#service-of-the-page matches nothing"},
		"impossible status":       {`"4XX"`, `"600"`, "/responses/600: not a status"},
		"object without a name":   {`"service": {`, `"` + strings.Repeat("long_", 9) + `": {"type": "object", "properties": {"a": {"type": "string"}}}, "service": {`, "needs a name"},
		"escape codes":            {"api.cloudflare.com/client/v4", `\u001b[31mevil\nline`, "/servers/0/url: a control character"},
		"escape codes in a name":  {`"service": {`, `"\u001b[31mred": {"type": "string"}, "service": {`, "a control character in the text or name"},
	} {
		text := strings.Replace(string(read(t, path)), tt.old, tt.replacement, 1)
		if text == string(read(t, path)) {
			t.Fatalf("%s: %q is not in the document", name, tt.old)
		}
		refused := refusal(t, request(root, path, []byte(text)))
		if !strings.Contains(refused.Refusal, tt.want) || strings.ContainsAny(refused.Refusal, "\n\x1b") {
			t.Errorf("%s: %q, want one line with %q", name, refused.Refusal, tt.want)
		}
		if refused.SameCode {
			t.Errorf("%s: the report says that the code is the same, but none was generated", name)
		}
	}
	unchanged(t, root, before)
}

// When the overlays no longer fit the text, the report shows what the vendor changed,
// so that the reader can correct the overlays.
func TestRefusalReportsWhatTheVendorChanged(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	for name, tt := range map[string]struct {
		edits     []string
		place     string // of a change; empty: the text could not be compared
		unmatched string // action
		overlays  bool   // the report lists the satisfied actions
	}{
		"an action matches nothing": {
			edits: []string{"        service: {\"$ref\"", "        product: {\"$ref\""},
			place: "/responses/200/content/application~1json/schema/properties/result/items/properties/service", unmatched: "2-contract/30-associations.yaml#service-of-the-page", overlays: true,
		},
		"an action contradicts the text": {
			edits: []string{"example: 9, type: number", "example: 9, type: string"},
			place: "/responses/200/content/application~1json/schema/properties/result_info/properties/total_pages",
		},
		"the text contradicts itself": {
			edits: []string{"        count: {", "        count: {allOf: [{type: number}, {type: string}], "},
		},
		"a library panics": {
			edits: []string{"        count: {", "        count: {allOf: [{enum: [{a: 1}]}, {enum: [1]}], "},
		},
		"an object has no name": {
			edits: []string{serviceProperty, serviceProperty + "        " + strings.Repeat("long_", 9) + ": {type: object, properties: {a: {type: string}}}\n"},
			place: "/responses/200/content/application~1json/schema/properties/result/items/properties/" + strings.TrimSuffix(strings.Repeat("long_", 9), "_") + "_", overlays: true,
		},
	} {
		r := refusal(t, request(root, "edited.yaml", changed(t, tt.edits...)))
		if r.Source.Name != "edited.yaml (Invented API 7.1)" || len(r.Files) != 0 {
			t.Errorf("%s: source %q, files %q", name, r.Source.Name, r.Files)
		}
		if (r.Overlays.Listed != nil) != tt.overlays {
			t.Errorf("%s: overlays %+v", name, r.Overlays)
		}
		if _, found := find(r, associations, tt.place); found != (tt.place != "") {
			t.Errorf("%s: no change at %q: %+v", name, tt.place, r.Operations)
		}
		text := r.Text()
		for _, want := range []string{"because: " + r.Refusal, tt.place, tt.unmatched} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in the report:\n%s", name, want, text)
			}
		}
		for _, unwanted := range []string{"\x1b", "withdrawn"} {
			if strings.Contains(text, unwanted) {
				t.Errorf("%s: %q in the report: %s", name, unwanted, text)
			}
		}
		if encoded, err := json.Marshal(r); err != nil || bytes.Contains(encoded, []byte(":null")) {
			t.Errorf("%s: a list is null: %s, %v", name, encoded, err)
		}
	}
}

func TestMemberWithoutAGoNameIsRefused(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	edit := changed(t, serviceProperty, serviceProperty+"        名前: {type: string}\n        größe: {type: string}\n        2fa: {type: string}\n")
	refused := refusal(t, request(root, "edited.yaml", edit))
	if !strings.HasPrefix(refused.Refusal, "no Go code can be generated from the new contract: ") || !strings.Contains(refused.Text(), "member 名前 added") {
		t.Errorf("want a refusal that reports the new member:\n%s", refused.Text())
	}
	const action = `overlay: 1.1.0
info: {title: Names, version: 1.0.0}
actions:
  - x-id: name
    target: $.paths.*.get.responses['200'].content['application/json'].schema.properties.result.items.properties['名前']
    description: The generator finds no name for it.
    update: {x-go-name: FullName}
`
	write(t, filepath.Join(root, "overlays/2-contract/60-names.yaml"), action)
	take(t, root, "edited.yaml", changed(t, serviceProperty, serviceProperty+"        名前: {type: string}\n        größe: {type: string}\n"))
	if code := string(read(t, filepath.Join(root, "generated/client.gen.go"))); !strings.Contains(code, "FullName") {
		t.Error("the name of the overlay is not that of the field")
	}
}

// An overlay action that sets a type was written for one published text. A revision with
// another type is refused, although the contract would stay the same.
func TestNoOverlayHidesANewText(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	for name, tt := range map[string]struct {
		edits []string
		want  string
	}{
		"count as a string":             {[]string{"total_pages: {description: \"How many pages there are.\", example: 9, type: number}", "total_pages: {type: string}"}, `20-envelope.yaml#result-info-has-numbers: `},
		"documentation URL of an error": {[]string{"documentation_url: {type: string}", "documentation_url: {type: array, items: {type: string}}"}, `20-envelope.yaml#documentation-url: `},
		"source of an error":            {[]string{"source: {type: object, properties: {pointer: {type: string}}}", "source: {type: string}"}, `20-envelope.yaml#source-pointer: `},
		"other credentials":             {[]string{"api_token: {type: http, scheme: bearer}", "api_token: {type: http, scheme: digest}", "name: \"X-Auth-Email\"", "name: \"X-Auth-User\""}, "neither an API token nor email and key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if refused := refusal(t, request(root, "new.yaml", changed(t, tt.edits...))); !strings.Contains(refused.Refusal, tt.want) {
				t.Errorf("%s, want %q", refused.Refusal, tt.want)
			}
		})
	}
}

func TestAnEquivalentSchemaNeedsNoOverlay(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	r := take(t, root, "parts.yaml", changed(t,
		"    use:\n      properties:\n        service: {\"$ref\": \"#/components/schemas/service\"}\n        status: {\"$ref\": \"#/components/schemas/status\"}\n",
		"    use:\n      allOf:\n        - properties: {service: {\"$ref\": \"#/components/schemas/service\"}}\n        - properties: {status: {\"$ref\": \"#/components/schemas/status\"}}\n"))
	if r.Class > compare.Documentation || slices.Contains(r.Files, "generated/client.gen.go") {
		t.Errorf("class %v, files %q, operations %+v", r.Class, r.Files, r.Operations)
	}
}

// An action that the current text does not need yet is taken together with the
// revision that needs it.
func TestActionForTheNewTextIsTakenWithIt(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	contradictory := changed(t, "        count: {", "        count: {allOf: [{type: number}, {type: string}], ")
	if refused := refusal(t, request(root, "new.yaml", contradictory)); !strings.Contains(refused.Refusal, "contradict") {
		t.Fatalf("%s, want a contradiction", refused.Refusal)
	}
	const action = `overlay: 1.1.0
info: {title: New, version: 1.0.0}
actions:
  - x-id: counts-are-numbers
    target: $.paths[*].get.responses['200']..properties.result_info.properties['count'].allOf[?@.type == 'string']
    description: A count is a number.
    remove: true
`
	write(t, filepath.Join(root, "overlays/1-published/60-new.yaml"), action)
	if _, err := update.Regenerate(t.Context(), root); err == nil {
		t.Error("the action is satisfied without a match")
	}
	if r := take(t, root, "new.yaml", contradictory); !r.SameCode {
		t.Errorf("the Go code changes: %q", r.Files)
	}
	fresh(t, root)
}

// After an action that is listed as satisfied was dropped, taking the stored document
// again changes only the list.
func TestSatisfiedListIsUpdatedForTheStoredDocument(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	const dropped = "2-contract/10-requests.yaml#api-email"
	overlay := filepath.Join(root, "overlays/2-contract/10-requests.yaml")
	text := string(read(t, overlay))
	start := strings.Index(text, "  - x-id: api-email")
	end := start + strings.Index(text[start+1:], "  - x-id:") + 1
	write(t, overlay, text[:start]+text[end:])
	if _, err := update.Regenerate(t.Context(), root); err == nil || !strings.Contains(err.Error(), "or does not exist") {
		t.Fatalf("error %v, want that the provenance lists an action that is gone", err)
	}
	want := snapshot(t, root)
	provenance := want["openapi/provenance.json"]
	want["openapi/provenance.json"] = strings.Replace(provenance, `    "`+dropped+`",`+"\n", "", 1)
	if want["openapi/provenance.json"] == provenance {
		t.Fatalf("%s is not listed", dropped)
	}
	stored := filepath.Join(root, "openapi/mtls-certificate-associations.json")
	take(t, root, stored, read(t, stored))
	unchanged(t, root, want)
	fresh(t, root)
}

func TestAnUnreadableTreeIsNoRefusal(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	if err := os.RemoveAll(filepath.Join(root, "overlays")); err != nil {
		t.Fatal(err)
	}
	_, err := update.Prepare(t.Context(), request(root, seedShape, read(t, seedShape)))
	if err == nil || strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v", err)
	}
}

// Each message that a vendor's document can cause has a row in CONTRIBUTING.md.
func TestTheTableOfRefusalsHasTheMessages(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(string(read(t, moduleRoot+"/CONTRIBUTING.md")), "### When a document is refused\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var code []byte
	for _, name := range []string{"spec/reference.go", "spec/operations.go", "spec/spec.go", "normalize/canonical.go", "normalize/security.go", "normalize/version.go",
		"normalize/merge.go", "normalize/names.go", "overlay/apply.go", "generate/generate.go", "update/update.go", "generate/templates/client.tmpl"} {
		code = append(code, read(t, moduleRoot+"/internal/"+name)...)
	}
	for _, message := range []string{
		"is not defined", "anonymous access", "or its address has variables or a query", "no text of the operation", "is not in the document",
		"a path item by reference", "leaves the document", "YAML merge keys", "want version 3.0 or 3.1", "refers to itself", "expands to more than",
		"could combine more than", "nested deeper than", "too large to be exact", "of OpenAPI 3.1 has no counterpart in 3.0",
		"neither an API token nor email and key are enough", "a new required parameter", "the client has one address", "not a valid OpenAPI document: ",
		"contradiction: ", "matches nothing", "the text says type", "needs a name", "panicked: ", "the contract has no query parameter", "need a schema",
		"are not supported", "no Go code can be generated", "the module does not compile",
	} {
		if !strings.Contains(table, message) || !bytes.Contains(code, []byte(message)) {
			t.Errorf("%q is missing from the table or the code", message)
		}
	}
}
