package compare

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// compareTexts compares revisions of the published text under an unchanged contract.
func compareTexts(t *testing.T, contract spec.Object, before, after []string, outcomes ...overlay.Outcome) Report {
	t.Helper()
	now := sides(edited(t, after...), contract)
	now.Outcomes = outcomes
	r, err := Compare(sides(edited(t, before...), contract), now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// overwrites returns the outcome of an action that changed the places.
func overwrites(id string, values []any, places ...string) overlay.Outcome {
	o := overlay.Outcome{Action: overlay.Action{ID: id, Overwrites: values}, Effect: overlay.Applied}
	for _, place := range places {
		o.Changed = append(o.Changed, expand(place))
	}
	return o
}

// certificateChoice returns the arms of a choice. The last one has a member with the
// given name.
func certificateChoice(member string) string {
	return `[{"type": "string", "maxLength": 5}, {"type": "boolean"}, {"properties": {"` + member + `": {"type": "string"}}}]`
}

// A change that only the published text shows keeps its class, with two exceptions. One
// that cannot reach a user of the contract is documentation. A new member of a
// response, or a part that may name a certificate, is breaking if the library may have
// to read it.
func TestHiddenChangesKeepTheirClass(t *testing.T) {
	t.Parallel()
	wider := []string{"op/parameters/0/schema/maxLength", "64"}
	for name, tt := range map[string]struct {
		contract, before, after []string
		want                    Class
		meaning                 string
	}{
		"hidden":                  {wider, nil, []string{"op/parameters/0/schema/maxLength", "16"}, Breaking, "decide whether the overlay is still right"},
		"expected by the overlay": {wider, nil, []string{"op/parameters/0/schema/maxLength", "48"}, Documentation, "The overlay expects this value."},
		"the contract said so":    {wider, nil, wider, Documentation, "The contract said so before."},
		"the text no longer says what the contract says": {wider, wider, nil, Documentation, "The overlay expects this value."},
		"unread member":                        {[]string{"row/properties/extra", ""}, nil, []string{"row/properties/extra/additionalProperties/type", `"integer"`}, Documentation, "The library does not read it."},
		"unread member removed":                {[]string{"row/properties/extra", ""}, nil, []string{"row/properties/extra", ""}, Documentation, "The library does not read it."},
		"unread member added":                  {nil, nil, []string{"row/properties/more", `{"type": "string"}`}, Documentation, "The library does not read it."},
		"unread certificate added":             {nil, nil, []string{"row/properties/certificate_id", `{"type": "string"}`}, Breaking, "The library may have to read it differently."},
		"certificate in a description":         {nil, nil, []string{"row/properties/more", `{"type": "string", "description": "For mTLS."}`}, Breaking, "The library may have to read it differently."},
		"unread certificate by a short name":   {nil, nil, []string{"row/properties/tls", `{"type": "object", "properties": {"client_cert": {"type": "string"}}}`}, Breaking, "The library may have to read it differently."},
		"unread certificate of a CA":           {nil, nil, []string{"row/properties/root_ca_id", `{"type": "string"}`}, Breaking, "The library may have to read it differently."},
		"unread certificate in camel case":     {nil, nil, []string{"row/properties/clientCertId", `{"type": "string"}`}, Breaking, "The library may have to read it differently."},
		"words that only look alike":           {nil, nil, []string{"row/properties/location", `{"type": "string", "description": "A certain concert in California."}`}, Documentation, "The library does not read it."},
		"unread certificate in a new choice":   {[]string{"row/properties/extra", ""}, nil, []string{"row/properties/extra/oneOf", `[{"type": "object"}, {"properties": {"ca_id": {"type": "string"}}}]`}, Breaking, "The library may have to read it differently."},
		"unread certificate in a known choice": {[]string{"row/properties/choice", ""}, nil, []string{"row/properties/choice/oneOf", `[{"type": "string", "maxLength": 5}, {"type": "boolean"}, {"properties": {"ca_id": {"type": "string"}}}]`}, Breaking, "decide whether"},
		"unread choice without a certificate":  {[]string{"row/properties/choice", ""}, nil, []string{"row/properties/choice/oneOf", `[{"type": "string", "maxLength": 5}, {"type": "boolean"}, {"type": "object"}]`}, Documentation, "The library does not read it."},
		"certificate renamed in a read choice": {[]string{"row/properties/choice", `{}`}, []string{"row/properties/choice/oneOf", certificateChoice("certificate_id")}, []string{"row/properties/choice/oneOf", certificateChoice("certificate_ids")}, Breaking, "The library may have to read it differently."},
		"certificate removed from a choice":    {[]string{"row/properties/choice", `{}`}, []string{"row/properties/choice/oneOf", certificateChoice("certificate_id")}, nil, Breaking, "decide whether"},
		"choice with a certificate removed":    {[]string{"row/properties/choice", `{}`}, []string{"row/properties/choice/oneOf", certificateChoice("certificate_id")}, []string{"row/properties/choice", `{}`}, Breaking, "decide whether"},
		"another arm of a choice removed":      {[]string{"row/properties/choice", `{}`}, []string{"row/properties/choice/oneOf", certificateChoice("certificate_id")}, []string{"row/properties/choice/oneOf", strings.Replace(certificateChoice("certificate_id"), `{"type": "boolean"}, `, "", 1)}, Compatible, "Responses keep what was promised."},
		"read member, described otherwise":     {[]string{"row/properties/more", `{"type": "string"}`}, nil, []string{"row/properties/more", `{"type": "integer"}`}, Breaking, "The library may have to read it differently."},
		"read member, described the same":      {[]string{"row/properties/certificate_id", `{"type": "string"}`}, nil, []string{"row/properties/certificate_id", `{"type": "string"}`}, Documentation, "The contract said so before."},
		"pages that the library reads":         {[]string{"op/parameters", paramsWith(`{"name": "per_page", "in": "query", "schema": {"type": "number"}}`)}, nil, []string{"op/parameters", paramsWith(`{"name": "per_page", "in": "query", "schema": {"type": "integer"}}`)}, Compatible, "Requests stay valid."},
		"unread member of a certificate":       {[]string{"row/properties/extra", `{"type": "object", "properties": {"mtls": {"type": "object"}}}`}, []string{"row/properties/extra", `{"type": "object", "properties": {"mtls": {"type": "object", "properties": {}}}}`}, []string{"row/properties/extra", `{"type": "object", "properties": {"mtls": {"type": "object", "properties": {"standby_id": {"type": "string"}}}}}`}, Breaking, "The library may have to read it differently."},
		"unsent parameter removed":             {nil, []string{"op/parameters", paramsWith(`{"name": "sort", "in": "query", "schema": {"type": "string"}}`)}, nil, Documentation, "The library does not send it."},
		"unsent parameter required":            {nil, nil, []string{"op/parameters", paramsWith(`{"name": "sort", "in": "query", "required": true, "schema": {"type": "string"}}`)}, Breaking, "Requests that were valid"},
		"unsent parameter with a default":      {nil, nil, []string{"op/parameters", paramsWith(`{"name": "state", "in": "query", "schema": {"type": "string", "default": "active"}}`)}, Breaking, "A request without the parameter"},
		"default of unsent parameter":          {nil, []string{"op/parameters", paramsWith(`{"name": "state", "in": "query", "schema": {"type": "string"}}`)}, []string{"op/parameters", paramsWith(`{"name": "state", "in": "query", "schema": {"type": "string", "default": "active"}}`)}, Breaking, "A request without the parameter"},
		"unsent member":                        {[]string{"body/properties/labels", ""}, nil, []string{"body/properties/labels/maxItems", "3"}, Documentation, "The library does not send it."},
		"unsent member now required":           {[]string{"body/properties/labels", ""}, nil, []string{"body/required", `["name", "labels"]`}, Breaking, "Requests that were valid"},
		"unsent member stays required":         {[]string{"body/properties/labels", ""}, []string{"body/required", `["name", "labels"]`}, []string{"body/required", `["name", "labels"]`, "body/properties/labels/maxItems", "3"}, Breaking, "Requests that were valid"},
		"unsent credentials removed":           {nil, []string{"scheme/user", `{"type": "apiKey", "in": "header", "name": "X-User"}`, "op/security", `[{"token": []}, {"email": [], "key": []}, {"user": []}]`}, nil, Documentation, "The contract said so before."},
		"credentials newly accepted":           {nil, []string{"op/security", `[{"email": [], "key": []}]`}, nil, Documentation, "The contract said so before."},
		"sent credentials removed":             {nil, nil, []string{"op/security", `[{"token": []}]`}, Breaking, "Callers with these credentials"},
		"operation not in contract":            {[]string{"op", ""}, nil, []string{"id/type", `"integer"`}, Breaking, "Responses may differ"},
		"value dropped as in contract":         {[]string{"answer/properties/success/enum", ""}, nil, []string{"answer/properties/success/enum", ""}, Documentation, "The contract said so before."},
		"value replaced":                       {[]string{"answer/properties/success/enum", ""}, nil, []string{"answer/properties/success/enum", "[false]"}, Breaking, "decide whether"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := compareTexts(t, edited(t, tt.contract...), tt.before, tt.after,
				overwrites("2-contract/30-page.yaml#b", nil, "row/properties/choice", "row/properties/extra"),
				overwrites("2-contract/40-real.yaml#longer", []any{32.0, 48.0}, "op/parameters/0/schema/maxLength"),
				overwrites("2-contract/30-page.yaml#a", []any{"bearer authorization", nil}, "op/security", "answer/properties/result"))
			if got := r.Text(); r.Class != tt.want || !strings.Contains(got, tt.meaning) {
				t.Errorf("%v, want %v because of %q:\n%s", r.Class, tt.want, tt.meaning, got)
			}
		})
	}
}

func TestTheOverlayThatHidesAChangeIsNamed(t *testing.T) {
	t.Parallel()
	contract := edited(t, "row/properties/state", `{"type": "object"}`)
	// The action replaced the whole member.
	r := compareTexts(t, contract, nil, []string{"row/properties/state/enum", `["on", "off", "new"]`},
		overwrites("2-contract/30-x.yaml#state", []any{spec.Object{}}, "row/properties/state"))
	want := []Operation{{Name: "POST /accounts/{account_id}/things", Class: Breaking, Changes: []Change{{
		Class: Breaking, Pointer: expand("row/properties/state/enum"), Message: `enum: ["off","on"] → ["new","off","on"]`,
		Meaning: "The contract does not show it: decide whether the overlay is still right. Responses may differ from what was promised.",
		Rule:    "response-property-enum-value-added", Published: true, HiddenBy: []string{"2-contract/30-x.yaml#state"},
	}}}}
	if diff := cmp.Diff(want, r.Operations); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Long values are shown from shortly before their first difference.
func TestTheMessageShowsTheDifferenceOfLongValues(t *testing.T) {
	t.Parallel()
	choice := func(member string) string {
		return `[{"type": "boolean", "enum": [true, false]}, {"properties": {"a": {"type": "string", "pattern": "^[a-z]+$"}, "` + member + `": {"type": "string"}}}]`
	}
	_, r := classOf(t, edited(t, "row/properties/choice/oneOf", choice("certificate")), edited(t, "row/properties/choice/oneOf", choice("certificates")))
	const want = `oneOf: …"^[a-z]+$","type":"string"},"certificate":{"type":"string"}}}]` +
		` → …"^[a-z]+$","type":"string"},"certificates":{"type":"string"}}}]`
	if got := r.Operations[0].Changes[0].Message; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// An action that adds to a list records the pointer of the item, while a difference has
// the pointer of the list.
func TestTheOverlayThatAddsToAListIsNamed(t *testing.T) {
	t.Parallel()
	for place, list := range map[string]string{"answer/required": `["success", "result"]`, "row/properties/state/enum": `["on", "off"]`} {
		r := compareTexts(t, edited(t, place, list), []string{place, list}, []string{place, ""},
			overwrites("2-contract/20-x.yaml#item", nil, place+"/1"), overwrites("2-contract/20-x.yaml#other", nil, place+"ment"))
		if len(r.Operations) != 1 {
			t.Fatalf("%+v", r.Operations)
		}
		for _, change := range r.Operations[0].Changes {
			if diff := cmp.Diff([]string{"2-contract/20-x.yaml#item"}, change.HiddenBy); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", change.Pointer, diff)
			}
		}
	}
}

// A change of both forms is listed once, with the class of the contract; a worse one
// in the text is listed beside it.
func TestBothFormsAreJoined(t *testing.T) {
	t.Parallel()
	before, after := edited(t), edited(t, "row/properties/count/maximum", "10")
	r, err := Compare(sides(before, before), sides(after, after))
	if err != nil || len(r.Operations) != 1 || len(r.Operations[0].Changes) != 1 {
		t.Fatalf("%v, %v: want one change", r.Operations, err)
	}
	if change := r.Operations[0].Changes[0]; !change.Contract || !change.Published {
		t.Errorf("%+v is not in both forms", change)
	}
	r, err = Compare(sides(before, before), sides(after, edited(t, "row/properties/count/maximum", "8")))
	if err != nil || len(r.Operations) != 1 || len(r.Operations[0].Changes) != 2 || r.Class != Breaking {
		t.Errorf("%v, %v: want the worse change of the text beside that of the contract", r.Operations, err)
	}
	// The same new value makes the text wider (9 → 9.5) and the contract narrower (10 →
	// 9.5).
	after = edited(t, "row/properties/count/maximum", "9.5")
	r, err = Compare(sides(before, edited(t, "row/properties/count/maximum", "10")), sides(after, after))
	if err != nil || len(r.Operations) != 1 || len(r.Operations[0].Changes) != 2 || r.Class != Breaking {
		t.Errorf("%v, %v: want the worse change of the text beside that of the contract", r.Operations, err)
	}
}

// Pointers refer to the document as given, not to the normal form.
func TestPointersReferToTheGivenDocument(t *testing.T) {
	t.Parallel()
	for _, tt := range [][]string{
		{"query/schema/minimum", "2", "op/parameters/1/schema/minimum"},
		{"op/responses/404", `{"description": "x", "content": {"application/json": {"schema": {"type": "array"}}}}`, "op/responses/404/content/application~1json/schema/type"},
		{"body/required", "", "body/required"},
		{"op/security", `[{"token": []}]`, "op/security"},
		{"row/properties/note", "", "row/properties/note"},
		{"row/properties/a~1b", `{"type": "string"}`, "row/properties/a~1b"},
		{"ok/headers", `{"RATELIMIT": {"schema": {"type": "integer"}}}`, "ok/headers/RATELIMIT/schema/type"},
		{"op/parameters", paramsWith(`{"name": "sort", "in": "query", "schema": {"type": "string"}}`), "op/parameters/3"},
		{"/info/version", `"2"`, "/info/version"},
		{"op", "", "op"},
	} {
		_, r := classOf(t, edited(t), edited(t, tt[0], tt[1]))
		if len(r.Operations) != 1 || r.Operations[0].Changes[0].Pointer != expand(tt[2]) {
			t.Errorf("%s = %s: %v, want the pointer %s", tt[0], tt[1], r.Operations, expand(tt[2]))
		}
	}
}

// many returns a document with copies of the fixture's operation.
func many(t testing.TB, count int, edits ...string) spec.Object {
	t.Helper()
	doc := edited(t, edits...)
	op := spec.Child(doc, "paths")["/accounts/{account_id}/things"]
	for i := range count {
		spec.Child(doc, "paths")[fmt.Sprintf("/accounts/{account_id}/things%02d", i)] = spec.Clone(op)
	}
	return doc
}

func TestOperationsWithEqualChangesAreGrouped(t *testing.T) {
	t.Parallel()
	after := many(t, 3, "answer/properties/success/nullable", "true", "id/description", `"x"`)
	delete(spec.Child(after, "paths"), "/accounts/{account_id}/things01")
	set(t, after, "/info/version", "2.0.0")
	_, r := classOf(t, many(t, 3), after)
	r.Source = Source{Name: "a.json", OpenAPI: "3.0.3", License: "MIT"}
	const want = `breaking: something that users rely on changes: decide before taking it
source: a.json, OpenAPI 3.0.3, licence MIT

Document
  documentation: text
        at /info/version

POST /accounts/{account_id}/things
POST /accounts/{account_id}/things00
POST /accounts/{account_id}/things02
  breaking: nullable added
      Responses may differ from what was promised. Shown by the contract and the published text.
        at /responses/200/content/application~1json/schema/properties/success/nullable
  documentation: text
        at /responses/200/content/application~1json/schema/properties/result/items/properties/id/description

POST /accounts/{account_id}/things01
  breaking: operation withdrawn
      The vendor withdrew the operation: calls may fail. Its stored text stays in use until its entry in openapi/operations.yaml changes. For a document that holds a part of the operations, say PARTIAL=1. Shown by the contract and the published text.
        at the operation itself

Overlay actions
  as before (0 satisfied by the text itself)

Go
  the generated code is the same, byte for byte

Files that an update writes
  none
`
	if diff := cmp.Diff(want, r.Text()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTheReportPrintsEveryPart(t *testing.T) {
	t.Parallel()
	outcome := func(id string, effect overlay.Effect) overlay.Outcome {
		return overlay.Outcome{Action: overlay.Action{ID: id}, Effect: effect}
	}
	r := Report{
		Class: Refused, Refusal: "no \x1b[31mreason", Source: Source{Name: "a.json"}, Operations: []Operation{},
		Overlays: compareOverlays(
			[]overlay.Outcome{outcome("2-contract/a#1", overlay.Applied), outcome("2-contract/a#2", overlay.Satisfied), outcome("2-contract/a#3", overlay.Satisfied), outcome("2-contract/a#4", overlay.Satisfied)},
			[]overlay.Outcome{outcome("2-contract/a#1", overlay.Satisfied), outcome("2-contract/a#2", overlay.Applied), outcome("2-contract/a#3", overlay.Unmatched), outcome("2-contract/a#4", overlay.Satisfied)}),
	}
	const refused = "refused: the document cannot be used\nbecause: no  [31mreason\nsource: a.json, OpenAPI , licence \n\nOperations\n  no change\n\n" +
		"Overlay actions\n  matches nothing in the new text: 2-contract/a#3\n  satisfied by the new text: 2-contract/a#1\n  needed again: 2-contract/a#2\n"
	if diff := cmp.Diff(refused, r.Text()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got, want := (&Report{Class: Refused, Refusal: "reason"}).Text(), "refused: the document cannot be used\nbecause: reason\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r = Report{Class: Refused, Refusal: "reason", Source: Source{Name: "a.json"}}
	const early = "refused: the document cannot be used\nbecause: reason\nsource: a.json, OpenAPI , licence \n\nOperations\n  no change\n\n" +
		"Overlay actions\n  unknown: the document was refused before all were applied\n"
	if diff := cmp.Diff(early, r.Text()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	r = Report{Files: []string{"generated/a.go"}, Overlays: Overlays{Listed: []string{"a#1"}}, SameCode: true}
	const taken = "none: the published text is worded otherwise and means the same\nsource: , OpenAPI , licence \n\nOperations\n  no change\n\n" +
		"Overlay actions\n  as before (1 satisfied by the text itself)\n\nGo\n  only comments change in the generated code\n\nFiles that an update writes\n  generated/a.go\n"
	if diff := cmp.Diff(taken, r.Text()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	r.SameCode = false
	if want := "\n\nGo\n  the generated code changes; all packages compile with it\n"; !strings.Contains(r.Text(), want) {
		t.Errorf("want %q in\n%s", want, r.Text())
	}
}

// A name in a document cannot forge a line of the report.
func TestNamesCannotForgeLines(t *testing.T) {
	t.Parallel()
	r := Report{Operations: []Operation{{Name: "GET /a\nforged", Changes: []Change{{Pointer: "/paths/~1a\nforged/get/x\nforged", Message: "x", Meaning: "y."}}}}}
	for line := range strings.Lines(r.Text()) {
		if strings.HasPrefix(strings.TrimSpace(line), "forged") {
			t.Errorf("the line %q in:\n%s", line, r.Text())
		}
	}
}

func TestTheReportIsEncodedAsJSON(t *testing.T) {
	t.Parallel()
	_, r := classOf(t, edited(t), edited(t, "id/type", `"integer"`))
	data, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"class":"breaking"`, `"files":[]`, `"name":"POST /accounts/{account_id}/things"`,
		`"message":"type: \"string\" → \"integer\""`, `"rule":"response-property-type-changed"`, `"contract":true,"published":true`,
	} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%s is not in %s", want, data)
		}
	}
}

func TestIncomparableDocumentsAreAnError(t *testing.T) {
	t.Parallel()
	doc := edited(t, "id/type", "5")
	if _, err := Compare(sides(edited(t), edited(t)), sides(doc, doc)); err == nil || !strings.HasPrefix(err.Error(), "oasdiff cannot compare the documents: ") {
		t.Errorf("a type that is a number: %v", err)
	}
	if err := classify([]*difference{nil}); err == nil || !strings.HasPrefix(err.Error(), "comparing the documents panicked: runtime error: ") {
		t.Errorf("a panic of the checker became %v", err)
	}
}

// The time per operation is about the same for any number of operations.
func BenchmarkCompare(b *testing.B) {
	for _, count := range []int{1, 13, 130} {
		before := many(b, count-1)
		after := many(b, count-1, "id/maxLength", "40", "answer/properties/success/nullable", "true", "row/properties/more", `{"type": "string"}`,
			"query/schema/minimum", "2", "op/responses/404", `{"description": "x", "content": {"text/plain": {"schema": {"type": "string"}}}}`, "id/description", `"x"`)
		b.Run(fmt.Sprintf("%d operations", count), func(b *testing.B) {
			for b.Loop() {
				if _, err := Compare(sides(before, before), sides(after, after)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/operation")
		})
	}
}
