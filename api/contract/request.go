package contract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

// CheckRequest checks one request and returns its violations; none means that the
// contract allows it. The request is not changed. Its body is read through
// [http.Request.GetBody], which [http.NewRequest] sets for the common readers; a body
// without that function is [Unchecked]. A request without a URL, which no client sends,
// is not checked. Of the options, [WithBasePath] and [WithMaxBytes] matter. The error
// is about the options, or about a nil request.
func CheckRequest(req *http.Request, opts ...Option) ([]Violation, error) {
	c, err := newChecker(opts)
	if err != nil {
		return nil, err
	}
	if req == nil {
		return nil, errors.New("contract: the request is nil")
	}
	return c.request(req, c.exchange(req)), nil
}

func (c *checker) request(req *http.Request, x exchange) (vs []Violation) {
	if req.URL == nil {
		return nil // no transport sends it
	}
	if x.operation == nil {
		return c.outside(req, x)
	}
	for name, value := range x.params {
		if value == "." || value == ".." {
			vs = append(vs, Violation{Pointer: "/path/" + name, Message: "a dot segment names another path", Excerpt: value})
		}
	}
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		vs = append(vs, Violation{Pointer: "/query", Message: "malformed query"})
	}
	for name, values := range query {
		at := "/query/" + apispec.Escape(name)
		switch param := x.operation.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name); {
		case param == nil:
			vs = append(vs, Violation{Pointer: at, Message: "undocumented query parameter"})
		case len(values) > 1 && !mayRepeat(param): // the filter checks only the first value
			vs = append(vs, Violation{Pointer: at, Message: "repeated query parameter"})
		}
	}
	vs = append(vs, requestBodyViolations(req, x)...)
	// The filter would read and replace the body.
	withoutBody := &http.Request{Method: req.Method, URL: req.URL, Header: x.header, Host: req.Host}
	err = openapi3filter.ValidateRequest(req.Context(), &openapi3filter.RequestValidationInput{
		Request: withoutBody, PathParams: x.params, Route: x.operation.Route,
		Options: &openapi3filter.Options{
			MultiError: true, AuthenticationFunc: checkScheme, ExcludeRequestBody: true,
			SchemaValidationOptions: schemaOptions, SkipSettingDefaults: true, // would change the URL
		},
	})
	vs = append(vs, requestViolations(err)...)
	for i := range vs {
		if vs[i].Class == 0 {
			vs[i].Class = BadRequest
		}
	}
	slices.SortStableFunc(vs, bySeverity)
	return x.redactViolations(vs)
}

// mayRepeat reports whether a query parameter is an array with one value in each pair.
func mayRepeat(param *openapi3.Parameter) bool {
	return param.Schema != nil && param.Schema.Value.Type.Is(openapi3.TypeArray) && (param.Explode == nil || *param.Explode)
}

func (c *checker) outside(req *http.Request, x exchange) []Violation {
	return x.redactViolations([]Violation{{
		Class: Outside, Pointer: "/path", Message: "no operation of the contract has this method and path",
		Expected: fmt.Sprintf("one of %d operations below %s/", len(c.doc.Operations), c.basePath),
		Excerpt:  req.Method + " " + req.URL.EscapedPath(),
	}})
}

// requestBody is the part of a request's body that is kept.
type requestBody struct {
	text       []byte
	unreadable string // the reason why the body was not read in full, or ""
}

// readBody reads a copy of a body; the transport sends the original.
func readBody(req *http.Request, limit int) (b requestBody) {
	switch {
	case !hasBody(req):
		return b
	case req.GetBody == nil:
		return requestBody{unreadable: "the body cannot be read twice: the request has no GetBody"}
	}
	body, err := req.GetBody()
	if err == nil {
		b.text, err = io.ReadAll(io.LimitReader(body, int64(limit)+1))
		_ = body.Close()
	}
	if err != nil {
		b.unreadable = "the body could not be read"
	} else if len(b.text) > limit {
		b.unreadable = bodyTooLong(limit).Message
	}
	return b
}

func hasBody(req *http.Request) bool { return req.Body != nil && req.Body != http.NoBody }

// requestBodyViolations returns the violations of a request's body. They have no
// excerpts, because a body may hold a private key.
func requestBodyViolations(req *http.Request, x exchange) []Violation {
	schema, body := x.operation.BodySchema(), x.body
	one := func(class Class, message string) []Violation {
		return []Violation{{Class: class, Pointer: "/body", Message: message}}
	}
	switch {
	case !hasBody(req) && x.operation.Operation.RequestBody != nil && x.operation.Operation.RequestBody.Value.Required:
		return one(BadRequest, "the operation needs a body")
	case !hasBody(req):
		return nil
	case schema == nil:
		return one(BadRequest, "the operation takes no body")
	case body.unreadable != "":
		return one(Unchecked, body.unreadable)
	case !isJSON(x.header):
		return one(BadRequest, "undocumented content type; the body was not checked")
	}
	var vs []Violation
	if value, err := apispec.Decode(body.text); err != nil {
		vs = []Violation{notJSON(err)}
	} else {
		w := walker{operation: x.operation.ID, reported: make(map[string]bool)}
		w.walk(schema, value, nil, nil, false)
		vs = slices.Concat(schemaErrors(schema, firstItems(value), openapi3.VisitAsRequest()), w.found)
	}
	vs = vs[:min(len(vs), maxViolations)]
	for i := range vs {
		vs[i].Class, vs[i].Excerpt, vs[i].Pointer = BadRequest, "", "/body"+vs[i].Pointer
	}
	return vs
}

func requestViolations(err error) (vs []Violation) {
	switch e := err.(type) { //nolint:errorlint // the outermost layer is meant
	case nil:
		return nil
	case openapi3.MultiError:
		for _, one := range e {
			vs = append(vs, requestViolations(one)...)
		}
		return vs
	case *openapi3filter.SecurityRequirementsError:
		return []Violation{{Pointer: "/security", Message: e.Error(), Expected: jsonText(e.SecurityRequirements)}}
	case *openapi3filter.RequestError:
		if e.Parameter == nil {
			break
		}
		vs = schemaViolations(e.Err)
		if len(vs) == 0 {
			vs = []Violation{{Message: fmt.Sprint(e.Err)}}
		}
		for i := range vs {
			vs[i].Pointer = "/" + e.Parameter.In + "/" + e.Parameter.Name
		}
		return vs
	}
	return []Violation{{Message: err.Error()}}
}

// checkScheme requires the header of a security scheme in the documented form. It
// accepts any credentials.
func checkScheme(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	header, scheme := in.RequestValidationInput.Request.Header, in.SecurityScheme
	name := scheme.Name
	if scheme.Type == "http" {
		name = "Authorization"
	} else if scheme.Type != "apiKey" || scheme.In != openapi3.ParameterInHeader {
		return fmt.Errorf("%s cannot be checked", in.SecuritySchemeName)
	}
	values := header.Values(name)
	if len(values) != 1 || strings.TrimSpace(values[0]) == "" {
		return fmt.Errorf("%s requires one header %s", in.SecuritySchemeName, name)
	}
	if scheme.Type == "http" {
		kind, token, _ := strings.Cut(values[0], " ")
		if !strings.EqualFold(kind, scheme.Scheme) || strings.TrimSpace(token) == "" {
			return fmt.Errorf("%s requires a %s token", in.SecuritySchemeName, scheme.Scheme)
		}
	}
	return nil
}
