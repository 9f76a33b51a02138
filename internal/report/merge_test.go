package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

func withSchema(t *testing.T, schema string) specdoc.Object {
	t.Helper()
	doc, err := specdoc.Decode("test", []byte("paths: {/a: {get: {responses: {200: {content: {application/json: {schema: "+schema+"}}}}}}}"))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestArrangementsOfAllOfLoosenToOne(t *testing.T) {
	t.Parallel()
	want := Loosen(withSchema(t, "{type: object, required: [a], properties: {a: {type: string, maxLength: 3}, b: {type: array, items: {type: object, properties: {c: {type: number}}}}}}"))
	for name, schema := range map[string]string{
		"parts":                        "{allOf: [{type: object, required: [a]}, {properties: {a: {type: string, maxLength: 3}}}, {properties: {b: {type: array, items: {type: object, properties: {c: {type: number}}}}}}]}",
		"nested parts beside keywords": "{required: [a], allOf: [{allOf: [{type: object}, {properties: {b: {type: array}}}]}, {properties: {b: {items: {properties: {c: {type: number}}}}}}, {properties: {a: {allOf: [{type: string, maxLength: 5}, {maxLength: 3}]}, b: {items: {type: object}}}}]}",
		"said twice":                   "{allOf: [{type: object, required: [a], properties: {a: {type: string, maxLength: 3}}}, {type: object, required: [a], properties: {a: {type: string}, b: {type: array, nullable: true, items: {}}}}, {properties: {b: {type: array, items: {type: object, properties: {c: {type: number}}}}}}]}",
	} {
		if diff := cmp.Diff(want, Loosen(withSchema(t, schema))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// The published failure contradicts itself; its changes are to be told all the
// same.
func TestContradictionsStayComparable(t *testing.T) {
	t.Parallel()
	const schema = "{allOf: [{type: object, properties: {ok: {type: boolean, enum: [true]}, r: {type: array}}}, {type: object, properties: {ok: {type: boolean, enum: [false]}, r: {type: object, nullable: true}}}]}"
	before := Loosen(withSchema(t, schema))
	if diff := cmp.Diff(before, Loosen(withSchema(t, schema))); diff != "" {
		t.Errorf("not deterministic:\n%s", diff)
	}
	if got := Compare(before, before); len(got) != 0 {
		t.Errorf("a document differs from itself: %+v", got)
	}
	mended := Loosen(withSchema(t, "{type: object, properties: {ok: {type: boolean, enum: [false]}, r: {type: object, nullable: true}}}"))
	if got := Compare(before, mended); len(got) < 2 {
		t.Errorf("%d changes, want those of ok and r: %+v", len(got), got)
	}
}

func TestLoosenLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	doc := withSchema(t, "{allOf: [{type: object, properties: {a: {type: string}}}, {properties: {a: {maxLength: 3}}}]}")
	before := specdoc.Clone(doc)
	Loosen(doc)
	if diff := cmp.Diff(before, doc); diff != "" {
		t.Errorf("changed (-before +after)\n%s", diff)
	}
}

func TestLinesAreFitForATerminal(t *testing.T) {
	t.Parallel()
	if got, want := Line("a\x1b[31m\nb\u202ec\u2028d", 100), "a [31m b c d"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := Line("äöü", 2), "äö…"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
