package api

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// gracePeriod is how long an attempt may take to return after its context has
// ended. A transport that watches the context needs microseconds, and its error
// then becomes part of the error of the call.
const gracePeriod = 100 * time.Millisecond

// exchange is one request and its response, and afterwards the body of that
// response, which was read whole. The goroutine of the request writes data and err;
// the call reads them only after that goroutine has ended.
type exchange struct {
	io.ReadCloser // is never read
	data          []byte
	err           error
	// resp is nil until the headers of the response have arrived. It is
	// abandoned when the call no longer waits.
	resp atomic.Pointer[http.Response]
}

// abandoned marks an exchange that a call no longer waits for.
var abandoned = new(http.Response)

// Do sends a request and reads the whole response, whose Body is the exchange. An
// error is that of sending; that of reading the body is in the exchange.
//
// It returns at the latest when the context of the request and the grace period
// after it have ended, also when the transport or the body does not return. A
// response that arrives later is closed unread.
func (s sender) Do(req *http.Request) (*http.Response, error) {
	x, ctx := new(exchange), req.Context()
	if !await(ctx.Done(), func() { x.run(s, req) }) {
		if late := x.resp.Swap(abandoned); late != nil {
			return received(late, &exchange{err: ctx.Err()}), nil
		}
		return nil, ctx.Err()
	}
	if resp := x.resp.Load(); resp != nil {
		return received(resp, x), nil
	}
	return nil, x.err
}

// received returns a response with another body. It is a copy, because resp belongs
// to the transport.
func received(resp *http.Response, x *exchange) *http.Response {
	return &http.Response{StatusCode: resp.StatusCode, Header: resp.Header, Body: x}
}

func (x *exchange) run(s sender, req *http.Request) {
	resp, err := s.roundTrip(req)
	if err != nil {
		x.err = err
		return
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case !x.resp.CompareAndSwap(nil, resp), resp.StatusCode < 200:
		// The body of 101 is the connection: reading it ends with no context.
	case isRedirect(resp.StatusCode):
		_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
	default:
		x.data, x.err = readBody(resp, s.maxBytes)
	}
}

// departure records how far a request has come. Only a transport that reports to
// package httptrace, as that of net/http does, can show that a request was not
// sent.
type departure struct{ dialed, connected atomic.Bool }

func (d *departure) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { d.dialed.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { d.connected.Store(true) },
	})
}

// prevented reports whether the transport looked for a connection, which includes
// the lookup of the name and the TLS handshake, and got none. It may be called only
// when the transport has returned.
func (d *departure) prevented() bool { return d != nil && d.dialed.Load() && !d.connected.Load() }

// await calls do on a goroutine of its own and waits for its end, but not beyond
// the end of stop and the grace period after it; it reports whether do has
// ended. A panic or runtime.Goexit in do continues in the caller. After a false
// result do still runs, and a panic in it has no effect.
func await(stop <-chan struct{}, do func()) bool {
	ended := make(chan any, 1)
	go guard(do, func(panicked any) { ended <- panicked })
	var grace <-chan time.Time
	for {
		select {
		case panicked := <-ended:
			resume(panicked)
			return true
		case <-stop:
			stop, grace = nil, time.After(gracePeriod)
		case <-grace:
			return false
		}
	}
}

// errGoexit stands for the panic of a function that ended its goroutine without
// returning, as t.Fatal does in the transport of a test.
var errGoexit = errors.New("api: a transport or a sequence of the caller's ended its goroutine with runtime.Goexit")

// guard calls do and then ended, with the value of do's panic, errGoexit, or nil
// if do has returned.
func guard(do func(), ended func(panicked any)) {
	returned := false
	defer func() {
		panicked := recover()
		if panicked == nil && !returned {
			panicked = errGoexit
		}
		ended(panicked)
	}()
	do()
	returned = true
}

// resume continues what guard has stopped.
func resume(panicked any) {
	switch panicked {
	case nil:
	case errGoexit:
		runtime.Goexit()
	default:
		panic(panicked)
	}
}

// drainLimit is how much of an unneeded body is read so that the
// connection can be used again; a longer one costs the connection.
const drainLimit = 256 << 10

var errTooLarge = errors.New("body exceeds the limit")

// maxSized is the largest announced length for which a buffer is made at once.
const maxSized = 16 << 20

// readBody reads the whole body and returns what it got together with what went
// wrong: errTooLarge, or the error of the connection. It trusts the announced length
// for the size of the first buffer only.
func readBody(resp *http.Response, limit int64) (body []byte, err error) {
	size := resp.ContentLength
	if size > limit {
		return nil, errTooLarge
	}
	if 0 < size && size <= maxSized {
		// One byte more lets the transport see the end, so that the connection can be
		// reused. Not io.ReadFull: its io.ErrUnexpectedEOF could also be the reader's own.
		body = make([]byte, 0, size+1)
		for err == nil && len(body) < cap(body) {
			var n int
			n, err = resp.Body.Read(body[len(body):cap(body)])
			body = body[:len(body)+n]
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		err = nil
	case err == nil: // the length is unknown, or too small
		left := min(limit, math.MaxInt64-1) - int64(len(body)) + 1 // one more shows that there is more
		var rest []byte
		if rest, err = io.ReadAll(io.LimitReader(resp.Body, left)); body != nil {
			rest = append(body, rest...)
		}
		body = rest
	}
	switch n := int64(len(body)); {
	case n > limit:
		return nil, errTooLarge
	case err == nil && n < size:
		err = io.ErrUnexpectedEOF
	}
	return slices.Clip(body), err
}
