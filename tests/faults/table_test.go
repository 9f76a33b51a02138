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
	// final: the error is returned without a retry, which would not help.
	final reaction = iota
	// retried: up to three retries, after at most 100, 200 and 400 ms.
	retried
	// timedOut: like retried, but each attempt lasts attemptTimeout.
	timedOut
	// waited: retried after the Retry-After of the response.
	waited
	// blocked: the error is returned without a retry, and no request is sent for five
	// minutes.
	blocked
)

// fault is one fault and the expected reaction of the client.
type fault struct {
	name       string
	response   fs.Handler // nil for a fault of the connection
	connection connectionFault
	reaction   reaction
	status     int
	sentinels  []error
	cause      func(error) bool
	// keepsConnection reports whether the connection serves the next request.
	keepsConnection bool
}

const (
	// attemptTimeout is the timeout of an attempt for the reaction timedOut.
	attemptTimeout = 2 * time.Second
	// retryAfter is the Retry-After of the 429.
	retryAfter = 3 * time.Second
	// abortedName names the only connection fault after which the server may have
	// received the request.
	abortedName = "reset in the request"
)

var table = []fault{
	{name: "refused", connection: refused, reaction: retried, sentinels: unreachable, cause: refusedConnection},
	{name: "name lookup fails", connection: unresolved, reaction: retried, sentinels: unreachable, cause: as[*net.DNSError]},
	{name: "bad certificate", connection: untrusted, reaction: final, sentinels: unreachable, cause: as[*tls.CertificateVerificationError]},
	{name: abortedName, connection: resetEarly, reaction: retried, sentinels: unreachable, cause: reset},

	{name: "reset before header", response: fs.ResetBeforeHeader(), reaction: retried, sentinels: unreachable, cause: reset},
	{name: "reset in header", response: fs.ResetMidHeader(), reaction: retried, sentinels: unreachable, cause: reset},
	{name: "reset in body", response: fs.ResetMidBody(), reaction: retried, status: 200, sentinels: unexpected, cause: reset},
	{name: "truncated, with length", response: fs.TruncatedLength(), reaction: retried, status: 200, sentinels: unexpected, cause: cutOff},
	{name: "truncated, chunked", response: fs.TruncatedChunked(), reaction: retried, status: 200, sentinels: unexpected, cause: cutOff},
	{name: "header drips", response: fs.DripHeader(), reaction: timedOut, sentinels: unreachable, cause: timeout},
	{name: "body drips", response: fs.DripBody(), reaction: timedOut, status: 200, sentinels: unexpected, cause: timeout},
	{name: "oversized header", response: fs.OversizedHeaders(), reaction: retried, sentinels: unreachable},

	{name: "gzip bomb", response: fs.GzipBomb(), reaction: final, status: 200, sentinels: []error{api.ErrResponseTooLarge}},
	{name: "corrupt gzip", response: fs.CorruptGzip(), reaction: retried, status: 200, sentinels: unexpected, keepsConnection: true},
	{name: "HTML with 200", response: fs.HTML(200), reaction: final, status: 200, sentinels: unexpected, keepsConnection: true},
	{name: "empty 200", response: fs.JSON(200, ""), reaction: final, status: 200, sentinels: unexpected, keepsConnection: true},
	{name: "204", response: fs.Complete(204, ""), reaction: final, status: 204, sentinels: unexpected, keepsConnection: true},
	{name: "302", response: fs.Complete(302, fs.Echo, "Location: http://127.0.0.1:1/?"+fs.Echo), reaction: final, status: 302, sentinels: []error{api.ErrRedirect}, keepsConnection: true},
	{name: "408", response: fs.Failure(408, 1001), reaction: retried, status: 408, sentinels: []error{api.ErrRejected}, keepsConnection: true},
	{name: "429 with Retry-After", response: fs.Failure(429, 971, "Retry-After: 3"), reaction: waited, status: 429, sentinels: limited, keepsConnection: true},
	{name: "429 without Retry-After", response: fs.Failure(429, 971), reaction: blocked, status: 429, sentinels: limited, keepsConnection: true},
	{name: "500", response: fs.Failure(500, 1002), reaction: retried, status: 500, sentinels: server, keepsConnection: true},
	{name: "501", response: fs.Failure(501, 1003), reaction: final, status: 501, sentinels: server, keepsConnection: true},
	{name: "502 to 504", response: fs.Rotate(fs.HTML(502), fs.Complete(503, ""), fs.Failure(504, 1004)),
		reaction: retried, sentinels: server, keepsConnection: true},
	{name: "520 to 527", response: fs.Rotate(fs.HTML(520), fs.HTML(521), fs.HTML(522), fs.HTML(523), fs.HTML(524), fs.HTML(525), fs.HTML(526), fs.HTML(527)),
		reaction: retried, sentinels: server, keepsConnection: true},
	{name: "success false with 200", response: fs.Failure(200, 1005), reaction: final, status: 200, sentinels: []error{api.ErrRejected}, keepsConnection: true},
	{name: "bad JSON", response: fs.JSON(200, `{"success":true,"result":[`+fs.Echo), reaction: final, status: 200, sentinels: unexpected, keepsConnection: true},
	{name: "HTML of the edge", response: fs.HTML(403, "Server: cloudflare", "CF-Ray: "+fs.Echo), reaction: final, status: 403,
		sentinels: []error{api.ErrForbidden, api.ErrUnexpectedResponse}, keepsConnection: true},
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
