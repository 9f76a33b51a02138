package contract

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/generated"
)

func TestDocumentThatIsNoContractIsRefused(t *testing.T) {
	t.Parallel()
	whole := string(generated.OpenAPI())
	change := func(old, with string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("%s is not in the contract", old)
		}
		return strings.Replace(whole, old, with, 1)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"not JSON":           {"{", "read the OpenAPI document"},
		"dangling reference": {change(`"Association": {`, `"Elsewhere": {`), "read the OpenAPI document"},
		"not OpenAPI":        {`{"openapi":"3.0.3"}`, "the OpenAPI document"},
		"no server":          {change(`"servers": [`, `"x-servers": [`), "no server"},
		"two paths":          {change(`"paths": {`, `"paths": {"/x": {},`), "more than one path"},
		"other method":       {change(`"get": {`, `"put": {`), "has no GET"},
	} {
		if _, err := parseDocument([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parseDocument([]byte(whole)); err != nil {
		t.Error(err)
	}
}

func TestFirstOfManyServersSetsTheBasePath(t *testing.T) {
	t.Parallel()
	whole := string(generated.OpenAPI())
	for name, tt := range map[string]struct{ old, with, want string }{
		"another before": {`"servers": [`, `"servers": [{"url": "https://example.com/before"},`, "/before"},
		"another after":  {`client/v4"`, `client/v4"}, {"url": "https://example.com/after"`, "/client/v4"},
	} {
		doc, err := parseDocument([]byte(strings.Replace(whole, tt.old, tt.with, 1)))
		if err != nil || doc.basePath != tt.want || len(doc.route.Spec.Servers) != 2 {
			t.Errorf("%s: %+v, %v", name, doc, err)
		}
	}
}

// A contract of tomorrow may use keywords that today's does not.
func TestExpectationNamesTheBrokenKeyword(t *testing.T) {
	t.Parallel()
	const before = `"code": {
            "type": "integer"`
	for keyword, want := range map[string]string{
		`"minimum": 1000`: "minimum 1000", `"maximum": 5`: "maximum 5", `"enum": [1, 2]`: "enum [1,2]", `"multipleOf": 7`: "multipleOf 7",
	} {
		text := strings.Replace(string(generated.OpenAPI()), before, before+","+keyword, 1)
		doc, err := parseDocument([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		err = doc.responseSchema(404).VisitJSON(map[string]any{
			"success": false, "errors": []any{map[string]any{"code": 971.0, "message": "m"}},
		}, schemaOptions...)
		if vs := schemaViolations(err); len(vs) != 1 || vs[0].Expected != want || vs[0].Pointer != "/errors/0/code" {
			t.Errorf("%s: %v (%v)", keyword, vs, err)
		}
	}
}

func TestDefaultResponseStandsForEveryOtherStatus(t *testing.T) {
	t.Parallel()
	doc, err := parseDocument([]byte(strings.Replace(string(generated.OpenAPI()), `"4XX": {`, `"default": {`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{doc: doc, settings: settings{maxBytes: DefaultMaxBytes}}
	header := http.Header{"Content-Type": {"application/json"}}
	if vs := c.response(redactor{}, 503, header, []byte(`{"success":false,"errors":[]}`)); len(vs) > 0 {
		t.Errorf("documented failure: %v", vs)
	}
	if vs := c.response(redactor{}, 503, header, []byte(`{"success":false}`)); len(vs) != 1 || vs[0].Pointer != "/errors" {
		t.Errorf("failure without errors: %v", vs)
	}
}

// A list of values says what the vendor has today, not what it may add.
func TestListOfValuesIsKnownAndLeavesTheSetOpen(t *testing.T) {
	t.Parallel()
	const before = `"example": "gateway",`
	for name, with := range map[string]string{
		"beside the example": before + `"enum": ["gateway", "access"],`,
		"with null":          before + `"nullable": true, "enum": ["access", null],`,
		"instead of it":      `"enum": ["gateway", "access"],`,
	} {
		doc, err := parseDocument([]byte(strings.Replace(string(generated.OpenAPI()), before, with, 1)))
		if err != nil {
			t.Fatal(err)
		}
		c := &checker{
			doc:      doc,
			settings: settings{maxBytes: DefaultMaxBytes, known: doc.knownValues()},
			seen:     make(map[[sha256.Size]byte]bool),
		}
		header := http.Header{"Content-Type": {"application/json"}}
		for service, want := range map[string]string{`"gateway"`: "", `"access"`: "", `"workers"`: "drift", `7`: "bad response"} {
			body := `{"errors":[],"messages":[],"success":true,"result":[{"service":` + service + `}]}`
			var got []string
			for _, v := range c.response(redactor{}, 200, header, []byte(body)) {
				got = append(got, v.Class.String())
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: service %s is %q, want %q", name, service, got, want)
			}
		}
	}
}
