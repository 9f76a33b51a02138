package apitest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/api/contract"
	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

const unlimited = -1 // value of Response.times

// Response is one scripted response. Make it with a function of this package; the zero
// value is invalid. The methods return a changed copy. A function or method with an
// invalid argument returns an invalid response, which [Server.Script] refuses.
type Response struct {
	status int
	header http.Header
	body   string
	// envelope, if not nil, is the body; complete adds the members that the operation
	// requires.
	envelope *envelope
	stream   func(io.Writer) error // writes a body that is not in memory

	checked    bool // must match the contract
	delay      time.Duration
	drip       time.Duration
	cut        int // bytes to send before the connection breaks; -1: all
	reset      bool
	noResponse bool
	chunked    bool
	gzip       bool
	times      int
	err        error // caused by an invalid argument
}

// JSON returns a response with a body that must match the contract for its status.
func JSON(status int, body string) Response {
	r := Raw(status, "application/json", body)
	r.checked = true
	return r
}

// Raw returns a response with any body, unchecked. An empty contentType omits the
// header. The status must be from 200 to 599.
func Raw(status int, contentType, body string) Response {
	r := Response{status: status, header: make(http.Header), body: body, cut: -1}
	if contentType != "" {
		r.header.Set("Content-Type", contentType)
	}
	return r.failIf(status < 200 || status > 599, "status %d cannot be sent", status)
}

// failIf makes the response invalid if an argument is wrong.
func (r Response) failIf(wrong bool, format string, args ...any) Response {
	if wrong {
		r.err = errors.Join(r.err, fmt.Errorf("apitest: "+format, args...))
	}
	return r
}

// Times sends the response n times instead of once.
func (r Response) Times(n int) Response {
	r.times = n
	return r.failIf(n < 1, "a response cannot be sent %d times", n)
}

// Always sends the response to every further request. Nothing can be scripted after it
// for the same target.
func (r Response) Always() Response {
	r.times = unlimited
	return r
}

// WithHeader sets a header of the response. One that cannot be sent, such as a name with
// a space, makes the response invalid.
func (r Response) WithHeader(name, value string) Response {
	r.header = r.header.Clone()
	if r.header == nil {
		r.header = make(http.Header)
	}
	r.header.Set(name, value)
	// Write leaves out a header with an invalid name, and changes an invalid value.
	var sent, want strings.Builder
	_ = http.Header{name: {value}}.Write(&sent)
	fmt.Fprintf(&want, "%s: %s\r\n", name, value)
	return r.failIf(sent.String() != want.String(), "the header %q with the value %q cannot be sent", name, value)
}

// Unchecked disables the check of the response against the contract.
func (r Response) Unchecked() Response {
	r.checked = false
	return r
}

// After waits before the response begins.
func (r Response) After(delay time.Duration) Response {
	r.delay = delay
	return r.failIf(delay < 0, "a delay of %v is negative", delay)
}

// Dripped sends the body byte by byte with a pause after each.
func (r Response) Dripped(pause time.Duration) Response {
	r.drip = pause
	return r.failIf(pause < 0, "a pause of %v is negative", pause)
}

// Chunked sends the body without announcing its length.
func (r Response) Chunked() Response {
	r.chunked = true
	return r
}

// Gzipped compresses the body, even if the request does not accept it.
func (r Response) Gzipped() Response {
	r.gzip = true
	return r.WithHeader("Content-Encoding", "gzip")
}

// CutAfter closes the connection after n bytes of the body. Content-Length is the size
// of the whole body; [Response.Chunked] omits it.
func (r Response) CutAfter(n int) Response {
	r.cut = n
	return r.failIf(n < 0, "a body cannot be cut after %d bytes", n)
}

// ResetAfter resets the connection after n bytes of the body; see [Response.CutAfter].
func (r Response) ResetAfter(n int) Response {
	r = r.CutAfter(n)
	r.reset = true
	return r
}

// checkResponse returns an error if the operation cannot return the response. For an
// empty operation, it returns an error if no operation can.
func (s *Server) checkResponse(operation string, r Response) error {
	var first error
	for _, op := range s.doc.Operations {
		if operation != "" && operation != op.ID {
			continue
		}
		_, err := r.complete(op)
		if err == nil {
			return nil
		}
		first = cmp.Or(first, err)
	}
	return first
}

// complete returns the response for an operation. An envelope gets all members that the
// contract requires. It fails if the response is invalid, or if it must match the
// contract and does not. If op is nil, it adds no members and skips the check.
func (r Response) complete(op *apispec.Operation) (Response, error) {
	if r.err != nil {
		return r, r.err
	}
	if r.status == 0 && !r.noResponse {
		return r, errors.New("apitest: the response is the zero value")
	}
	var schema *openapi3.SchemaRef
	if op != nil {
		schema = op.Schema(r.status)
	}
	if r.envelope != nil {
		body, err := json.Marshal(r.envelope, json.Deterministic(true))
		if err == nil {
			body, err = fillRequired(schema, body, callerMembers)
		}
		if err != nil {
			return r, fmt.Errorf("apitest: %w", err)
		}
		r.body = string(body)
	}
	// NoResult is allowed even if the contract requires a result.
	exempt := r.envelope != nil && r.envelope.Result == nil && schema != nil && slices.Contains(schema.Value.Required, "result")
	if op == nil || !r.checked || exempt {
		return r, nil
	}
	request := &http.Request{Method: op.Method, URL: &url.URL{Path: basePath + op.Path}}
	violations, err := contract.CheckResponse(request, r.status, r.header, []byte(r.body),
		contract.WithBasePath(basePath), contract.WithMaxBytes(len(r.body)+1))
	if err != nil {
		return r, err
	}
	for _, v := range violations {
		if v.Class.Breach() || v.Pointer == "/status" {
			return r, fmt.Errorf("apitest: the response breaks the contract: %v", v)
		}
	}
	return r, nil
}
