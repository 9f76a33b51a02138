package contract

import (
	"net/http"
	"slices"
	"sync"
)

// Transport is an [http.RoundTripper] that checks the traffic that it passes on. Make
// one with [NewTransport]: the zero value is not usable. It is safe for concurrent use
// if the wrapped transport is.
type Transport struct {
	next     http.RoundTripper
	checker  *checker
	handling sync.Mutex // serializes the calls of the handler
}

// NewTransport wraps next, or [http.DefaultTransport] if next is nil. The error is
// about the options.
func NewTransport(next http.RoundTripper, opts ...Option) (*Transport, error) {
	c, err := newChecker(opts)
	if err != nil {
		return nil, err
	}
	if next == nil {
		next = http.DefaultTransport
	}
	return &Transport{next: next, checker: c}, nil
}

// RoundTrip checks req and sends it. The response is checked when its body has been
// read.
//
// In mode [Report], the bytes and errors of the response do not change. The body is
// passed on as it arrives. It is checked at its end, at the latest in Close; without a
// body, the response is checked before RoundTrip returns. A body that is closed early
// is checked if what was read has the announced length or is a complete JSON value, and
// otherwise reported as [Unchecked].
//
// In mode [Fail], a request that breaks the contract is not sent: the error is an
// [*Error]. A response that breaks the contract is passed on, but its body ends with an
// [*Error] instead of [io.EOF], and Close returns an equal error.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	x := t.checker.exchange(req)
	vs := t.checker.request(req, x)
	t.report(vs)
	if err := t.failure(vs); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper closes the body, also on errors
		}
		return nil, err
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil || resp == nil || x.operation == nil {
		return resp, err
	}
	b := &body{
		stream: resp.Body, transport: t, exchange: x,
		status: resp.StatusCode, header: resp.Header.Clone(), length: resp.ContentLength,
	}
	if resp.Body == nil || resp.Body == http.NoBody {
		b.stream = http.NoBody
		if b.finish(nil) == nil {
			return resp, nil // unchanged
		}
	}
	resp.Body = b
	return resp, nil
}

// CloseIdleConnections calls the method of the wrapped transport, if it has one.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *Transport) report(vs []Violation) {
	if t.checker.handler == nil || len(vs) == 0 {
		return
	}
	t.handling.Lock()
	defer t.handling.Unlock()
	for _, v := range vs {
		t.checker.handler(v)
	}
}

// failure returns, in mode [Fail], an *Error with those of vs that break the contract.
func (t *Transport) failure(vs []Violation) error {
	vs = slices.DeleteFunc(slices.Clone(vs), func(v Violation) bool { return !v.Class.Breach() })
	if t.checker.mode != Fail || len(vs) == 0 {
		return nil
	}
	return &Error{Violations: vs}
}
