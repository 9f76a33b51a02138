package apitest

import (
	"encoding/json"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// schema parses a schema, which can refer to itself as #/components/schemas/Self.
func schema(t *testing.T, text string) *openapi3.SchemaRef {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(
		`{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{},"components":{"schemas":{"Self":` + text + `}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Components.Schemas["Self"]
}

func TestSampleMatchesTheSchema(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"type":"string"}`: `"sample"`,
		`{"type":"string","example":"gateway","enum":["access","gateway"]}`:                                          `"gateway"`,
		`{"type":"string","example":7,"default":"access"}`:                                                           `"access"`,
		`{"type":"string","example":"other","enum":["access","gateway"]}`:                                            `"access"`,
		`{"type":"string","nullable":true}`:                                                                          `null`,
		`{"type":"string","format":"date-time"}`:                                                                     `"2006-01-02T15:04:05Z"`,
		`{"type":"string","minLength":8}`:                                                                            `"samplexx"`,
		`{"type":"string","maxLength":3}`:                                                                            `"sam"`,
		`{"type":"integer"}`:                                                                                         `0`,
		`{"type":"integer","minimum":3}`:                                                                             `3`,
		`{"type":"integer","minimum":3,"exclusiveMinimum":true}`:                                                     `4`,
		`{"type":"number","maximum":-2.5}`:                                                                           `-3`,
		`{"type":"boolean"}`:                                                                                         `false`,
		`{"type":"array","items":{"type":"string"}}`:                                                                 `[]`,
		`{"type":"array","items":{"type":"boolean"},"minItems":2}`:                                                   `[false,false]`,
		`{"type":"object","properties":{"a":{"type":"string"}}}`:                                                     `{}`,
		`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`:                                    `{"a":"sample"}`,
		`{"type":"object","additionalProperties":{"type":"integer"},"required":["a"]}`:                               `{"a":0}`,
		`{"type":"object","properties":{"a":{"writeOnly":true}},"required":["a"]}`:                                   `{}`,
		`{"required":["a","b"]}`:                                                                                     `{"a":"sample","b":"sample"}`,
		`{"oneOf":[{"type":"integer","minimum":3},{"type":"string"}]}`:                                               `3`,
		`{"anyOf":[{"type":"string","pattern":"^[0-9]$"},{"type":"boolean"}]}`:                                       `false`,
		`{"not":{"type":"string"}}`:                                                                                  `0`,
		`{"type":"object","properties":{"a":{"$ref":"#/components/schemas/Self"}}}`:                                  `{}`,
		`{"nullable":true,"type":"object","properties":{"a":{"$ref":"#/components/schemas/Self"}},"required":["a"]}`: `null`,
	} {
		s := schema(t, text)
		value := sampleOf(s, 0)
		got, err := json.Marshal(value)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
		if err := s.Value.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.EnableFormatValidation()); err != nil {
			t.Errorf("%s: %s: %v", text, got, err)
		}
	}
}

func TestSampleOfARecursiveSchemaEnds(t *testing.T) {
	t.Parallel()
	if sampleOf(schema(t, `{"type":"object","properties":{"a":{"$ref":"#/components/schemas/Self"}},"required":["a"]}`), 0) == nil {
		t.Error("a recursive schema has no sample")
	}
}

func TestFillAddsOnlyWhatIsRequiredAndMissing(t *testing.T) {
	t.Parallel()
	const object = `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"},"z":{"type":"string"}},"required":["z","b"]}`
	rows := `{"type":"object","properties":{"rows":{"type":"array","items":` + object + `}},"required":["rows"]}`
	for _, tt := range []struct {
		name, schema, text string
		given              map[string]string
		want               string
	}{
		{"nothing is missing", object, `{"z":"<\u2028>","y":1.50,"b":1e2}`, nil, `{"z":"<\u2028>","y":1.50,"b":1e2}`},
		{"one is missing", object, `{"y":"<\u2028>","b":1.50}`, nil, `{"b":1.50,"y":"<` + "\u2028" + `>","z":"sample"}`},
		{"digits beyond float64", object, `{"b":9007199254740993}`, nil, `{"b":9007199254740993,"z":"sample"}`},
		{"all are missing", object, `{}`, nil, `{"b":0,"z":"sample"}`},
		{"members of items", rows, `{"rows":[{"z":"1"},{"b":2},[],null]}`, nil, `{"rows":[{"b":0,"z":"1"},{"b":2,"z":"sample"},[],null]}`},
		{"no items are made up", rows, `{}`, nil, `{"rows":[]}`},
		{"given member", rows, `{"rows":[{}]}`, map[string]string{"/rows/*/z": `""`}, `{"rows":[{"b":0,"z":""}]}`},
		{"given member that is incomplete", rows, `{}`, map[string]string{"/rows": `[{"b":1}]`}, `{"rows":[{"b":1,"z":"sample"}]}`},
		{"member that is left out", rows, `{}`, map[string]string{"/rows": ""}, `{}`},
		{"given member that is present", rows, `{"rows":[{"z":"1","b":2}]}`, map[string]string{"/rows/*/z": `""`}, `{"rows":[{"z":"1","b":2}]}`},
		{"null", object, `null`, nil, `null`},
	} {
		got, err := fillRequired(schema(t, tt.schema), []byte(tt.text), tt.given)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.name, got, err, tt.want)
		}
	}
	if got, err := fillRequired(nil, []byte(`{}`), nil); err != nil || string(got) != `{}` {
		t.Errorf("without a schema: %s, %v", got, err)
	}
	for _, broken := range []string{``, `{`, `{"a"`, `[1`, `{"a":1,"a":2}`} {
		if got, err := fillRequired(schema(t, object), []byte(broken), nil); err == nil {
			t.Errorf("%q: %s", broken, got)
		}
	}
}
