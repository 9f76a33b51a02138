package apitest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/api/contract"
	"github.com/certuse/cloudflare-mtls/api/internal/document"
)

const forever = -1

// Response is one scripted answer. Make it with one of the package's functions;
// the zero value is refused. The methods return a changed copy.
type Response struct {
	status int
	header http.Header
	body   string
	// envelope becomes the body when it is known which operation it is for.
	envelope *envelope
	stream   func(io.Writer) error // writes the body when it is not kept whole

	inContract bool // claims to keep to the contract
	delay      time.Duration
	drip       time.Duration
	cut        int // bytes to send before the connection breaks; -1: all
	reset      bool
	silent     bool
	chunked    bool
	gzip       bool
	times      int
	err        error // what was wrong with the arguments
}

// JSON answers with a body that must keep to the contract for its status.
func JSON(status int, body string) Response {
	r := Raw(status, "application/json", body)
	r.inContract = true
	return r
}

// Raw answers with any body, unchecked.
func Raw(status int, contentType, body string) Response {
	r := Response{status: status, header: make(http.Header), body: body, cut: -1}
	if contentType != "" {
		r.header.Set("Content-Type", contentType)
	}
	if status < 200 || status > 599 {
		r.err = fmt.Errorf("apitest: status %d cannot be answered", status)
	}
	return r
}

// Times gives the answer n times instead of once.
func (r Response) Times(n int) Response {
	if n < 1 {
		r.err = errors.Join(r.err, fmt.Errorf("apitest: an answer cannot be given %d times", n))
	}
	r.times = n
	return r
}

// Always gives the answer to every request from then on; nothing can be scripted
// after it.
func (r Response) Always() Response {
	r.times = forever
	return r
}

// WithHeader sets a header of the answer.
func (r Response) WithHeader(name, value string) Response {
	r.header = r.header.Clone()
	if r.header == nil {
		r.header = make(http.Header)
	}
	r.header.Set(name, value)
	return r
}

// Unchecked takes back the claim that the answer keeps to the contract.
func (r Response) Unchecked() Response {
	r.inContract = false
	return r
}

// After waits before the answer begins.
func (r Response) After(delay time.Duration) Response {
	r.delay = delay
	return r
}

// Dripped sends the body byte by byte with a pause after each.
func (r Response) Dripped(pause time.Duration) Response {
	r.drip = pause
	return r
}

// Chunked sends the body without announcing its length.
func (r Response) Chunked() Response {
	r.chunked = true
	return r
}

// Gzipped compresses the body, whatever the request accepts.
func (r Response) Gzipped() Response {
	r.gzip = true
	return r.WithHeader("Content-Encoding", "gzip")
}

// CutAfter breaks off after n bytes of the body with an orderly end of the
// connection. The length announced is that of the whole body.
func (r Response) CutAfter(n int) Response {
	if n < 0 {
		r.err = errors.Join(r.err, fmt.Errorf("apitest: a body cannot be cut after %d bytes", n))
	}
	r.cut = n
	return r
}

// ResetAfter is [Response.CutAfter] with a reset of the connection.
func (r Response) ResetAfter(n int) Response {
	r = r.CutAfter(n)
	r.reset = true
	return r
}

// fits returns why an operation cannot give the answer. Without an operation, one
// that can give it is enough.
func (s *Server) fits(operation string, r Response) error {
	var first error
	for _, op := range s.doc.Operations {
		if operation != "" && operation != op.ID {
			continue
		}
		_, err := r.completed(op)
		if err == nil {
			return nil
		}
		first = cmp.Or(first, err)
	}
	return first
}

// completed returns the answer as an operation gives it, with all members that the
// contract requires. It fails if the answer is not usable, or claims to keep to the
// contract and breaks it. Without an operation, nothing is checked.
func (r Response) completed(op *document.Operation) (Response, error) {
	if r.err != nil {
		return r, r.err
	}
	if r.status == 0 && !r.silent {
		return r, errors.New("apitest: the response is the zero value")
	}
	var schema *openapi3.SchemaRef
	if op != nil {
		schema = op.Schema(r.status)
	}
	if r.envelope != nil {
		body, err := r.envelope.text(schema)
		if err != nil {
			return r, fmt.Errorf("apitest: %w", err)
		}
		r.body = string(body)
	}
	// An answer that lacks a result on purpose is a fault when the contract has come
	// to require one, and still one to try a client with.
	mayBreak := r.envelope != nil && r.envelope.Result == nil && schema != nil && slices.Contains(schema.Value.Required, "result")
	if op == nil || !r.inContract || mayBreak {
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
			return r, fmt.Errorf("apitest: the answer is not in the contract: %v", v)
		}
	}
	return r, nil
}
