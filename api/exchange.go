package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// gracePeriod is how long an attempt may take to return after its context has ended. A
// transport that watches the context needs microseconds, so its error becomes part of
// the error of the call.
const gracePeriod = 100 * time.Millisecond

// graceTicks is the number of ticks that the grace period is counted in. A pause of the
// whole process, such as one by the CPU limit of a container, uses up at most one tick,
// however long it is.
const graceTicks = 10

// receivedBody is a response body that was read completely, or as far as possible.
// [sender.Do] returns responses with such a Body.
type receivedBody struct {
	io.ReadCloser // always http.NoBody; makes the type usable as a Body
	data          []byte
	err           error // of reading
}

// exchange is the state of one request that a goroutine sends while its call waits. The
// goroutine writes body and sendErr; the call reads them only after that goroutine has
// ended.
type exchange struct {
	body    receivedBody
	sendErr error
	// resp is nil until the headers of the response have arrived, and abandoned when the
	// call no longer waits.
	resp atomic.Pointer[http.Response]
}

// abandoned marks an exchange that a call no longer waits for.
var abandoned = new(http.Response)

// Do sends a request and reads the response. The body of a redirect is dropped. It
// returns only errors of sending. The Body of the response is a receivedBody, which has
// the error of reading the body.
//
// It returns at the latest one grace period after the request's context has ended, even
// if the transport or the body blocks. A response that arrives later is closed unread.
func (s sender) Do(req *http.Request) (*http.Response, error) {
	x, ctx := new(exchange), req.Context()
	if !await(ctx.Done(), func() { x.run(s, req) }) {
		if late := x.resp.Swap(abandoned); late != nil {
			return received(late, &receivedBody{err: ctx.Err()}), nil
		}
		return nil, ctx.Err()
	}
	if resp := x.resp.Load(); resp != nil {
		return received(resp, &x.body), nil
	}
	return nil, x.sendErr
}

// received returns a new response with the status and headers of resp and another body.
// resp itself belongs to the transport.
func received(resp *http.Response, body *receivedBody) *http.Response {
	body.ReadCloser = http.NoBody
	return &http.Response{StatusCode: resp.StatusCode, Header: resp.Header, Body: body}
}

// run sends the request. If the call still waits then, run also reads the response.
func (x *exchange) run(s sender, req *http.Request) {
	resp, err := s.roundTrip(req)
	if err != nil {
		x.sendErr = err
		return
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case !x.resp.CompareAndSwap(nil, resp): // abandoned
	case resp.StatusCode < 200:
		// Not read: the body of a 101 is the connection, whose reads do not end with the
		// context.
	case isRedirect(resp.StatusCode):
		_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
	default:
		x.body.data, x.body.err = readBody(resp, s.maxBytes)
	}
}

// maxConnections is how many connections a transport may request for one attempt. The
// HTTP/2 client of net/http repeats a request on a new connection, without a delay,
// each time the server refuses the stream with a GOAWAY.
const maxConnections = 16

var errManyConnections = fmt.Errorf("the transport requested more than %d connections for one request", maxConnections)

// connectionTrace records the connections of an attempt. It cancels the attempt after
// maxConnections. Only a transport with support for package httptrace, such as that of
// net/http, can show that a request was not sent.
type connectionTrace struct {
	hooks     httptrace.ClientTrace
	cancel    context.CancelFunc
	requested atomic.Int64
	connected atomic.Bool
	refused   atomic.Bool // a function of the caller made the last handshake fail
}

// watch returns a context with the trace. If the attempt can change data (changes), the
// trace records whether the request got a connection. If the transport may call
// functions of the caller to verify a peer (verifies), the trace records whether one of
// them made the handshake fail.
func (t *connectionTrace) watch(ctx context.Context, changes, verifies bool) context.Context {
	t.hooks.GetConn = func(string) {
		if t.requested.Add(1) > maxConnections {
			t.cancel()
		}
	}
	if changes {
		t.hooks.GotConn = func(httptrace.GotConnInfo) { t.connected.Store(true) }
	}
	if verifies {
		t.hooks.TLSHandshakeDone = func(_ tls.ConnectionState, err error) { t.refused.Store(isPeerRefusal(err)) }
	}
	return httptrace.WithClientTrace(ctx, &t.hooks)
}

// exceeded reports whether the attempt was canceled after maxConnections.
func (t *connectionTrace) exceeded() bool { return t.requested.Load() > maxConnections }

// unconnected reports whether an attempt that can change data got no connection: name
// lookup, dialling or the TLS handshake failed. For other attempts, it is false. It may
// be called only after the transport has returned.
func (t *connectionTrace) unconnected() bool {
	return t.hooks.GotConn != nil && t.requested.Load() > 0 && !t.connected.Load()
}

// isPeerRefusal reports whether a handshake failed with an error of a function of the
// caller, not of the connection or the protocol.
func isPeerRefusal(err error) bool {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.Canceled) || strings.HasPrefix(err.Error(), "tls: ") {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return !network
}

// closed is for a call of await that waits only for the grace period.
var closed = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// await calls do on a new goroutine. It waits until do ends, or until the grace period
// after the close of stop is over, and reports whether do has ended. A panic or
// runtime.Goexit in do continues in the caller. After a false result do still runs, and
// a panic in it has no effect.
func await(stop <-chan struct{}, do func()) bool {
	ended := make(chan any, 1)
	go guard(do, func(panicked any) { ended <- panicked })
	var tick <-chan time.Time
	for left := graceTicks; left > 0; {
		select {
		case panicked := <-ended:
			resume(panicked)
			return true
		case <-stop:
			stop, tick = nil, time.Tick(gracePeriod/graceTicks)
		case <-tick:
			left--
		}
	}
	return false
}

// errGoexit stands for a call of runtime.Goexit, as by t.Fatal, in place of a panic
// value.
var errGoexit = errors.New("api: the caller's transport or sequence called runtime.Goexit")

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

// resume continues a panic or Goexit that guard has stopped.
func resume(panicked any) {
	switch panicked {
	case nil:
	case errGoexit:
		runtime.Goexit()
	default:
		panic(panicked)
	}
}

// drainLimit is how much of an unneeded body is read so that the connection can be
// reused.
const drainLimit = 256 << 10

var errTooLarge = errors.New("body exceeds the limit")

// maxPreallocated is the largest Content-Length whose buffer is allocated at once.
const maxPreallocated = 16 << 20

// readBody reads the body. With an error of the connection, it also returns what was
// read; with errTooLarge, nothing. A Content-Length above the limit is errTooLarge at
// once, and a body shorter than Content-Length is io.ErrUnexpectedEOF.
func readBody(resp *http.Response, limit int64) (body []byte, err error) {
	size := resp.ContentLength
	if size > limit {
		return nil, errTooLarge
	}
	r := io.LimitReader(resp.Body, min(limit, math.MaxInt64-1)+1) // one more byte detects a longer body
	if 0 < size && size <= maxPreallocated {
		body, err = readSized(r, size)
	} else {
		body, err = io.ReadAll(r)
	}
	switch n := int64(len(body)); {
	case n > limit:
		return nil, errTooLarge
	case err == nil && n < size:
		err = io.ErrUnexpectedEOF
	}
	return slices.Clip(body), err
}

// readSized is io.ReadAll for a reader of about size bytes: the first buffer has that
// size, and one byte for the read that returns io.EOF.
func readSized(r io.Reader, size int64) ([]byte, error) {
	body := make([]byte, 0, size+1)
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF:
			return body, nil
		case err != nil:
			return body, err
		case len(body) == cap(body):
			body = slices.Grow(body, bytes.MinRead)
		}
	}
}
