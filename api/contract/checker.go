package contract

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

// schemaOptions enable the validation of formats and omit details of values.
var schemaOptions = []openapi3.SchemaValidationOption{
	openapi3.EnableFormatValidation(), openapi3.DisableSchemaErrorDetails(),
}

// checker checks requests and responses.
type checker struct {
	settings
	doc *apispec.Document

	mu   sync.Mutex
	seen map[[sha256.Size]byte]bool // reported new values of open sets
}

func newChecker(opts []Option) (*checker, error) {
	doc, err := apispec.Load()
	if err != nil {
		return nil, err
	}
	c := &checker{
		settings: settings{basePath: doc.BasePath, maxBytes: DefaultMaxBytes, known: maps.Clone(doc.Known)},
		doc:      doc,
		seen:     make(map[[sha256.Size]byte]bool),
	}
	for _, opt := range opts {
		if opt == nil {
			return nil, errors.New("contract: option is nil")
		}
		if err := opt(&c.settings); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// schemaViolations converts an error of validation into violations without a class.
func schemaViolations(err error) (vs []Violation) {
	var many openapi3.MultiError
	if errors.As(err, &many) {
		for _, one := range many {
			vs = append(vs, schemaViolations(one)...)
		}
		return vs
	}
	var schema *openapi3.SchemaError
	if !errors.As(err, &schema) {
		return nil
	}
	v := Violation{
		Pointer:  pointer(schema.JSONPointer()),
		Message:  cmp.Or(schema.Reason, "does not match "+schema.SchemaField),
		Expected: expectation(schema),
	}
	if schema.SchemaField != "required" { // the value is the whole parent of the absent member
		v.Excerpt = excerpt(schema.Value)
	}
	return []Violation{v}
}

// expectation returns what the violated keyword of a schema requires.
func expectation(e *openapi3.SchemaError) string {
	switch e.SchemaField {
	case "type", "nullable":
		return strings.Join(e.Schema.Type.Slice(), " or ")
	case "required":
		return "a required property"
	}
	var keywords map[string]json.RawMessage
	_ = json.Unmarshal([]byte(jsonText(e.Schema)), &keywords)
	return strings.TrimSpace(e.SchemaField + " " + string(keywords[e.SchemaField]))
}

// excerpt returns a value as JSON, or the kind and size of an object or of an array
// with more than 4 items.
func excerpt(value any) string {
	switch v := value.(type) {
	case map[string]any:
		return fmt.Sprintf("an object with %d members", len(v))
	case []any:
		if len(v) > 4 {
			return fmt.Sprintf("an array of %d items", len(v))
		}
	}
	return jsonText(value)
}

// jsonText returns the JSON of a value that was decoded from JSON or is part of the
// contract, so that encoding cannot fail.
func jsonText(value any) string {
	text, _ := json.Marshal(value)
	return string(text)
}

// pointer returns the JSON pointer of unescaped parts.
func pointer(parts []string) (text string) {
	for _, part := range parts {
		text += "/" + apispec.Escape(part)
	}
	return text
}

// exchange has the parts of a request that are needed to check it and its response.
type exchange struct {
	operation *apispec.Operation // nil: not in the contract
	params    map[string]string  // of the path
	query     url.Values
	header    http.Header // with canonical names
	body      requestBody
	secrets   []string // the credentials, as they were sent
}

func (c *checker) exchange(req *http.Request) exchange {
	x := exchange{header: canonical(req.Header)}
	x.secrets = credentials(x.header)
	if req.URL != nil {
		x.operation, x.params = c.doc.Match(req, c.basePath)
	}
	if x.operation != nil {
		x.query, x.body = req.URL.Query(), readBody(req, c.maxBytes)
	}
	return x
}

// canonical returns a copy of a header with canonical names: names have no case, and
// net/http sends those in a map as they are.
func canonical(header http.Header) http.Header {
	out := make(http.Header, len(header))
	for name, values := range header {
		for _, value := range values {
			out.Add(name, value)
		}
	}
	return out
}
