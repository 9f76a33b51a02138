package contract

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// CheckRequest checks one request and returns what is wrong with it; none means
// that the contract allows it. The request is not changed and its body not read.
// Of the options, [WithBasePath] matters. The error is about the options.
func CheckRequest(req *http.Request, opts ...Option) ([]Violation, error) {
	c, err := newChecker(opts)
	if err != nil {
		return nil, err
	}
	vs, _ := c.request(req)
	return vs, nil
}

// request returns what is wrong with req, and whether it is addressed to the
// contract's operation.
func (c *checker) request(req *http.Request) (vs []Violation, inside bool) {
	if req.URL == nil {
		return nil, false // cannot be sent: the next transport says so
	}
	redact := newRedactor(req.Header)
	params, inside := c.doc.Match(req, c.basePath)
	if !inside {
		return redact.violations([]Violation{{
			Class: Outside, Pointer: "/path", Message: "not a request to the contract's operation",
			Expected: c.doc.Route.Method + " " + c.basePath + c.doc.Route.Path,
			Excerpt:  req.Method + " " + req.URL.EscapedPath(),
		}}), false
	}
	for name, value := range params {
		if value == "." || value == ".." {
			vs = append(vs, Violation{Pointer: "/path/" + name, Message: "a dot segment names another path", Excerpt: value})
		}
	}
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		vs = append(vs, Violation{Pointer: "/query", Message: "malformed query"})
	}
	for name := range query {
		if c.doc.Route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			vs = append(vs, Violation{Pointer: "/query/" + escapePointer(name), Message: "undocumented query parameter"})
		}
	}
	if req.Body != nil && req.Body != http.NoBody {
		vs = append(vs, Violation{Pointer: "/body", Message: "the operation takes no body"})
	}
	// The filter reads and replaces a body, so it gets a request without one.
	bare := &http.Request{Method: req.Method, URL: req.URL, Header: req.Header, Host: req.Host}
	err = openapi3filter.ValidateRequest(req.Context(), &openapi3filter.RequestValidationInput{
		Request: bare, PathParams: params, Route: c.doc.Route,
		Options: &openapi3filter.Options{
			MultiError: true, AuthenticationFunc: checkScheme,
			SchemaValidationOptions: schemaOptions,
		},
	})
	vs = append(vs, requestViolations(err)...)
	for i := range vs {
		vs[i].Class = BadRequest
	}
	slices.SortFunc(vs, byPointer)
	return redact.violations(vs), true
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
		return []Violation{{
			Pointer: "/security", Message: "no complete security scheme: " + joinErrors(e.Errors),
			Expected: describeSecurity(e.SecurityRequirements),
		}}
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

// checkScheme requires one scheme of a security requirement in its place and
// form; whether its value is right is the server's business.
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
		return fmt.Errorf("%s wants one header %s", in.SecuritySchemeName, name)
	}
	if scheme.Type == "http" {
		kind, token, _ := strings.Cut(values[0], " ")
		if !strings.EqualFold(kind, scheme.Scheme) || strings.TrimSpace(token) == "" {
			return fmt.Errorf("%s wants a %s token", in.SecuritySchemeName, scheme.Scheme)
		}
	}
	return nil
}

// describeSecurity writes requirements as "a or b and c".
func describeSecurity(requirements openapi3.SecurityRequirements) string {
	var alternatives []string
	for _, requirement := range requirements {
		var names []string
		for name := range requirement {
			names = append(names, name)
		}
		slices.Sort(names)
		alternatives = append(alternatives, strings.Join(names, " and "))
	}
	return strings.Join(alternatives, " or ")
}

func joinErrors(errs []error) string {
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}
