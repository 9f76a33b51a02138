package contract

import (
	"net/http"
	"sync"
)

// Transport is an [http.RoundTripper] that checks the traffic that it passes on,
// made by [NewTransport]: its zero value is not usable. It is safe for concurrent use if the transport that it wraps is.
type Transport struct {
	next    http.RoundTripper
	checker *checker
	telling sync.Mutex // keeps calls of the handler apart
}

// NewTransport wraps next, or [http.DefaultTransport] when next is nil. An error
// is about the options.
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

// RoundTrip checks req, sends it, and arranges for the response to be checked as
// its body is read.
//
// The caller sees the bytes, the errors and the timing of the response as they
// came. A check happens at the end of the body, at the latest in Close, and
// before RoundTrip returns when the response has none; a body
// that is closed early is checked if what was read is a complete JSON value and
// otherwise reported as [Unchecked].
//
// In mode [Fail], a request that breaks the contract is not sent: the error is
// an [*Error]. A response that breaks it comes as it is, but the end of its body
// is that error instead of [io.EOF], and Close returns it.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	x := t.checker.exchange(req)
	vs := t.checker.request(req, x)
	t.tell(vs)
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
			return resp, nil // as it came
		}
	}
	resp.Body = b
	return resp, nil
}

// CloseIdleConnections passes the call on, so that [http.Client] finds it.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *Transport) tell(vs []Violation) {
	if t.checker.handler == nil || len(vs) == 0 {
		return
	}
	t.telling.Lock()
	defer t.telling.Unlock()
	for _, v := range vs {
		t.checker.handler(v)
	}
}

func (t *Transport) failure(vs []Violation) error {
	if t.checker.mode != Fail {
		return nil
	}
	return breaches(vs)
}
