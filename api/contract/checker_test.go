package contract

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

const associations = "listMTLSCertificateAssociations"

// checkerOf returns a checker of a contract, and an exchange of its operation for
// associations.
func checkerOf(t *testing.T, doc *apispec.Document) (*checker, exchange) {
	t.Helper()
	c := &checker{
		settings: settings{maxBytes: DefaultMaxBytes, known: doc.Known},
		doc:      doc, seen: make(map[[sha256.Size]byte]bool),
	}
	return c, exchange{operation: doc.Operation(associations)}
}

// A later contract may use keywords that this one does not.
func TestExpectationNamesTheBrokenKeyword(t *testing.T) {
	t.Parallel()
	const before = `"code": {
            "type": "integer"`
	for keyword, want := range map[string]string{
		`"minimum": 1000`: "minimum 1000", `"maximum": 5`: "maximum 5", `"enum": [1, 2]`: "enum [1,2]", `"multipleOf": 7`: "multipleOf 7",
	} {
		text := strings.Replace(string(fixedContract), before, before+","+keyword, 1)
		doc, err := apispec.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		err = doc.Operation(associations).Schema(404).Value.VisitJSON(map[string]any{
			"success": false, "errors": []any{map[string]any{"code": 971.0, "message": "m"}},
		}, schemaOptions...)
		if vs := schemaViolations(err); len(vs) != 1 || vs[0].Expected != want || vs[0].Pointer != "/errors/0/code" {
			t.Errorf("%s: %v (%v)", keyword, vs, err)
		}
	}
}

func TestDefaultResponseAppliesToEveryOtherStatus(t *testing.T) {
	t.Parallel()
	doc, err := apispec.Parse([]byte(strings.Replace(string(fixedContract), `"4XX": {`, `"default": {`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	c, x := checkerOf(t, doc)
	header := http.Header{"Content-Type": {"application/json"}}
	if vs := c.response(x, 503, header, []byte(`{"success":false,"errors":[]}`)); len(vs) > 0 {
		t.Errorf("documented failure: %v", vs)
	}
	if vs := c.response(x, 503, header, []byte(`{"success":false}`)); len(vs) != 1 || vs[0].Pointer != "/errors" {
		t.Errorf("failure without errors: %v", vs)
	}
}

// A body is drift, not a breach, if the contract documents its status without content.
func TestBodyOfAStatusDocumentedWithoutContentIsDrift(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(fixedContract), `"4XX": {`, `"429": {"description": "slow down"}, "5XX": {"description": "broken"}, "4XX": {`, 1)
	doc, err := apispec.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, x := checkerOf(t, doc)
	for _, tt := range []struct {
		status            int
		contentType, body string
		want              string
	}{
		{503, "", "", ""},
		{503, "application/json", "", ""},
		{503, "text/html", "<html>", "drift"},
		{429, "application/json", `{"success":false}`, "drift"},
		{428, "application/json", `{"success":false}`, "bad response"},
	} {
		var got []string
		for _, v := range c.response(x, tt.status, http.Header{"Content-Type": {tt.contentType}}, []byte(tt.body)) {
			got = append(got, v.Class.String())
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%d with %q: %q, want %q", tt.status, tt.body, got, tt.want)
		}
	}
}

// The vendor may add values to an enum.
func TestDocumentedValuesAreKnownAndOthersAreDrift(t *testing.T) {
	t.Parallel()
	const example, list = `"example": "gateway",`, `"x-known-values": [
              "gateway"
            ]`
	for name, change := range map[string]struct{ before, after string }{
		"enum and example": {example, example + `"enum": ["gateway", "access"],`},
		"enum with null":   {example, example + `"nullable": true, "enum": ["access", null],`},
		"enum, no example": {example, `"enum": ["gateway", "access"],`},
		"x-known-values":   {list, `"x-known-values": ["access"]`},
	} {
		if !strings.Contains(string(fixedContract), change.before) {
			t.Fatalf("%s is not in the contract", change.before)
		}
		doc, err := apispec.Parse([]byte(strings.Replace(string(fixedContract), change.before, change.after, 1)))
		if err != nil {
			t.Fatal(err)
		}
		c, x := checkerOf(t, doc)
		header := http.Header{"Content-Type": {"application/json"}}
		for service, want := range map[string]string{`"gateway"`: "", `"access"`: "", `"workers"`: "drift", `7`: "bad response"} {
			body := `{"errors":[],"messages":[],"success":true,"result":[{"service":` + service + `}]}`
			var got []string
			for _, v := range c.response(x, 200, header, []byte(body)) {
				got = append(got, v.Class.String())
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: service %s is %q, want %q", name, service, got, want)
			}
		}
	}
}

// A JSON body where another content type is documented breaks the contract.
func TestJSONInPlaceOfAnotherContentTypeIsABreach(t *testing.T) {
	t.Parallel()
	doc, err := apispec.Parse([]byte(strings.Replace(string(fixedContract), `"4XX": {`, `"404": {
            "description": "gone", "content": {"text/plain": {"schema": {"type": "string"}}}
          }, "4XX": {`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	c, x := checkerOf(t, doc)
	for _, op := range doc.Operations {
		if op.Operation.Responses.Value("404") != nil {
			x.operation = op
		}
	}
	vs := c.response(x, 404, http.Header{"Content-Type": {"application/json"}}, []byte(`{"success":false,"errors":[]}`))
	if len(vs) != 1 || vs[0].Class != BadResponse || vs[0].Expected != "text/plain" {
		t.Errorf("%s: %v", x.operation.ID, vs)
	}
}

// A request keeps its URL although the contract has defaults for absent parameters.
func TestDefaultsOfParametersAreNotAddedToTheRequest(t *testing.T) {
	t.Parallel()
	doc, err := apispec.Parse([]byte(strings.ReplaceAll(string(fixedContract), `"minimum": 1,`, `"default": 1, "minimum": 1,`)))
	if err != nil {
		t.Fatal(err)
	}
	c, _ := checkerOf(t, doc)
	for query, want := range map[string]string{"": "", "type=custom": "", "per_page=5": "", "page=": "/query/page"} {
		target := "https://example.com/accounts/a/mtls_certificates?" + query
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer x")
		got := ""
		for _, v := range c.request(req, c.exchange(req)) {
			got += v.Pointer
		}
		if got != want || req.URL.String() != target {
			t.Errorf("%q: violations at %q, want %q; the URL is now %s", query, got, want, req.URL)
		}
	}
}

func TestExplodedArrayMayRepeatItsParameter(t *testing.T) {
	t.Parallel()
	for _, explode := range []string{"", `"explode": true,`} {
		doc, err := apispec.Parse([]byte(strings.Replace(string(fixedContract), `"explode": false,`, explode, 1)))
		if err != nil {
			t.Fatal(err)
		}
		c, _ := checkerOf(t, doc)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com/accounts/a/mtls_certificates?type=a&type=b", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer x")
		if vs := c.request(req, c.exchange(req)); len(vs) > 0 {
			t.Errorf("%s %v", explode, vs)
		}
	}
}
