package contract

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// body passes a response body on and keeps a bounded copy for the check.
type body struct {
	stream    io.ReadCloser
	transport *Transport
	exchange  exchange
	status    int
	header    http.Header
	length    int64 // as announced; -1 is unknown

	mu     sync.Mutex   // Close may come from another goroutine than Read
	buffer bytes.Buffer // up to one byte more than the limit, to detect longer bodies
	read   int64
	done   bool // finish has been called

	violations []Violation // found by the check
}

// Read passes the stream's bytes and errors on. At the end of the stream it checks the
// body and, in mode [Fail], returns an error about breaches in place of [io.EOF].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.stream.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read += int64(n)
	if !b.done {
		b.buffer.Write(p[:min(n, b.transport.checker.maxBytes+1-b.buffer.Len())])
	}
	switch err {
	case nil:
		return n, nil
	case io.EOF: // not a wrapped one, which is a failure
		if failure := b.finish(nil); failure != nil {
			return n, failure
		}
	default:
		_ = b.finish(err) // the caller gets the stream's own error
	}
	return n, err
}

// Close closes the stream. If the end of the stream was not read, Close checks the
// bytes that were read; if they are not a complete body, it only reports [Unchecked].
// In mode [Fail], an error about breaches replaces that of the stream.
func (b *body) Close() error {
	err := b.stream.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	cause := errClosedEarly
	if b.read == b.length || jsontext.Value(b.buffer.Bytes()).IsValid() {
		cause = nil
	}
	if failure := b.finish(cause); failure != nil {
		return failure
	}
	return err
}

var errClosedEarly = errors.New("closed before its end")

// finish checks the body once. cause is why it was not read to its end, or nil. Each
// call returns a new error, because the caller owns it.
func (b *body) finish(cause error) error {
	if !b.done {
		b.done = true
		b.violations = b.check(cause)
		b.buffer = bytes.Buffer{}
		b.transport.report(b.violations)
	}
	return b.transport.failure(b.violations)
}

func (b *body) check(cause error) []Violation {
	checker := b.transport.checker
	plain, err := b.decompress(checker.maxBytes)
	var vs []Violation
	switch {
	case cause != nil:
		vs = []Violation{{Class: Unchecked, Message: "the body was not read to its end", Excerpt: cause.Error()}}
	case err != nil:
		vs = []Violation{{Class: Unchecked, Pointer: "/header/Content-Encoding", Message: err.Error(), Excerpt: b.header.Get("Content-Encoding")}}
	default:
		vs = checker.responseBody(b.exchange, b.status, b.header, plain)
	}
	return checker.finish(b.exchange, b.status, b.header, vs)
}

// decompress decodes a body whose encoding the caller requested. An encoding that
// [http.Transport] requested is already decoded. One byte over the limit is enough to
// report the body as too long.
func (b *body) decompress(limit int) ([]byte, error) {
	encoding := strings.ToLower(b.header.Get("Content-Encoding"))
	switch {
	case encoding == "", encoding == "identity", b.buffer.Len() > limit:
		return b.buffer.Bytes(), nil
	case encoding != "gzip":
		return nil, errors.New("the checker cannot decode the content encoding")
	}
	r, err := gzip.NewReader(&b.buffer)
	if err != nil {
		return nil, fmt.Errorf("the body is not gzip: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("the body is broken gzip: %w", err)
	}
	return plain, nil
}
