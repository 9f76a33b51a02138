package faults

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// reaction is the client's reaction to a fault.
type reaction int

const (
	// final: returned at once; a retry would not help.
	final reaction = iota
	// retried: up to three times, after at most 100, 200 and 400 ms.
	retried
	// timedOut: like retried, after waiting for the response for attemptTimeout.
	timedOut
	// waited: retried after the server's Retry-After.
	waited
	// blocked: returned at once, and nothing more is sent for five minutes.
	blocked
)

// fault is one fault and the expected reaction of the client.
type fault struct {
	name       string
	answer     fs.Handler // nil for a fault of the connection
	connection connectionFault
	reaction   reaction
	status     int
	sentinels  []error
	cause      func(error) bool
	// keeps: the connection serves the next request.
	keeps bool
}

const (
	// attemptTimeout is the timeout for the faults that drip.
	attemptTimeout = 2 * time.Second
	// retryAfter is the server's Retry-After with 429.
	retryAfter = 3 * time.Second
	// abortedName is the name of the one connection fault after which the request may
	// have arrived.
	abortedName = "reset in the request"
)

var table = []fault{
	{name: "refused", connection: refused, reaction: retried, sentinels: unreachable, cause: refusedConnection},
	{name: "name lookup fails", connection: unresolved, reaction: retried, sentinels: unreachable, cause: as[*net.DNSError]},
	{name: "bad certificate", connection: untrusted, reaction: final, sentinels: unreachable, cause: as[*tls.CertificateVerificationError]},
	{name: abortedName, connection: resetEarly, reaction: retried, sentinels: unreachable, cause: reset},

	{name: "reset before header", answer: fs.ResetBeforeHeader(), reaction: retried, sentinels: unreachable, cause: reset},
	{name: "reset in header", answer: fs.ResetMidHeader(), reaction: retried, sentinels: unreachable, cause: reset},
	{name: "reset in body", answer: fs.ResetMidBody(), reaction: retried, status: 200, sentinels: unexpected, cause: reset},
	{name: "truncated, with length", answer: fs.TruncatedLength(), reaction: retried, status: 200, sentinels: unexpected, cause: cutOff},
	{name: "truncated, chunked", answer: fs.TruncatedChunked(), reaction: retried, status: 200, sentinels: unexpected, cause: cutOff},
	{name: "header drips", answer: fs.DripHeader(), reaction: timedOut, sentinels: unreachable, cause: timeout},
	{name: "body drips", answer: fs.DripBody(), reaction: timedOut, status: 200, sentinels: unexpected, cause: timeout},
	{name: "oversized header", answer: fs.OversizedHeaders(), reaction: retried, sentinels: unreachable},

	{name: "gzip bomb", answer: fs.GzipBomb(), reaction: final, status: 200, sentinels: []error{api.ErrResponseTooLarge}},
	{name: "corrupt gzip", answer: fs.CorruptGzip(), reaction: retried, status: 200, sentinels: unexpected, keeps: true},
	{name: "HTML with 200", answer: fs.HTML(200), reaction: final, status: 200, sentinels: unexpected, keeps: true},
	{name: "empty 200", answer: fs.JSON(200, ""), reaction: final, status: 200, sentinels: unexpected, keeps: true},
	{name: "204", answer: fs.Complete(204, ""), reaction: final, status: 204, sentinels: unexpected, keeps: true},
	{name: "302", answer: fs.Complete(302, fs.Echo, "Location: http://127.0.0.1:1/?"+fs.Echo), reaction: final, status: 302, sentinels: []error{api.ErrRedirect}, keeps: true},
	{name: "408", answer: fs.Failure(408, 1001), reaction: retried, status: 408, sentinels: []error{api.ErrRejected}, keeps: true},
	{name: "429 with Retry-After", answer: fs.Failure(429, 971, "Retry-After: 3"), reaction: waited, status: 429, sentinels: limited, keeps: true},
	{name: "429 without", answer: fs.Failure(429, 971), reaction: blocked, status: 429, sentinels: limited, keeps: true},
	{name: "500", answer: fs.Failure(500, 1002), reaction: retried, status: 500, sentinels: server, keeps: true},
	{name: "501", answer: fs.Failure(501, 1003), reaction: final, status: 501, sentinels: server, keeps: true},
	{name: "502 to 504", answer: fs.Rotate(fs.HTML(502), fs.Complete(503, ""), fs.Failure(504, 1004)),
		reaction: retried, sentinels: server, keeps: true},
	{name: "520 to 527", answer: fs.Rotate(fs.HTML(520), fs.HTML(521), fs.HTML(522), fs.HTML(523), fs.HTML(524), fs.HTML(525), fs.HTML(526), fs.HTML(527)),
		reaction: retried, sentinels: server, keeps: true},
	{name: "success false with 200", answer: fs.Failure(200, 1005), reaction: final, status: 200, sentinels: []error{api.ErrRejected}, keeps: true},
	{name: "bad JSON", answer: fs.JSON(200, `{"success":true,"result":[`+fs.Echo), reaction: final, status: 200, sentinels: unexpected, keeps: true},
	{name: "page of the edge", answer: fs.HTML(403, "Server: cloudflare", "CF-Ray: "+fs.Echo), reaction: final, status: 403,
		sentinels: []error{api.ErrForbidden, api.ErrUnexpectedResponse}, keeps: true},
}

var (
	unreachable = []error{api.ErrUnreachable}
	unexpected  = []error{api.ErrUnexpectedResponse}
	limited     = []error{api.ErrRateLimited}
	server      = []error{api.ErrServer}
)

func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

func refusedConnection(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

func reset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || cutOff(err)
}

func cutOff(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }

func timeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
