package api

import (
	"errors"
	"slices"
	"time"
)

// What a failed call means, for [errors.Is]. The first group follows from the
// answer, the second from its form, the third from there being none.
var (
	// ErrUnauthorized: the API does not accept the credentials.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: the credentials may not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrNotFound: HTTP 404. It does not say that the certificate is gone: a
	// wrong account id or base URL gives it as well.
	ErrNotFound = errors.New("not found")
	// ErrRateLimited: the API refuses for now, or the client would have to
	// wait longer than it may; see Error.RetryAfter.
	ErrRateLimited = errors.New("rate limited")
	// ErrServer: a failure on the vendor's side, HTTP 5xx.
	ErrServer = errors.New("server error")
	// ErrRejected: the API understood and refused: another HTTP 4xx, or a 2xx
	// that says "success": false.
	ErrRejected = errors.New("rejected")
	// ErrRedirect: the server pointed elsewhere. Redirects are never followed,
	// because they could carry the credentials away.
	ErrRedirect = errors.New("redirect refused")

	// ErrUnexpectedResponse: the answer is not what the contract describes.
	ErrUnexpectedResponse = errors.New("unexpected response")
	// ErrNoResult: the API said success but sent no result. The contract
	// allows it; it proves nothing.
	ErrNoResult = errors.New("no result in the answer")
	// ErrTruncated: more associations exist than were delivered.
	ErrTruncated = errors.New("list is truncated")
	// ErrResponseTooLarge: the body exceeds [WithMaxResponseBytes], or has too many
	// items for its size.
	ErrResponseTooLarge = errors.New("response too large")

	// ErrInvalidArgument: the caller passed something that cannot be used;
	// nothing was sent.
	ErrInvalidArgument = errors.New("invalid argument")
	// ErrUnreachable: a request was made but no answer came.
	ErrUnreachable = errors.New("no answer")
	// ErrNotAsked: no request was made for this certificate.
	ErrNotAsked = errors.New("not asked")
)

// Error is a call that gave no answer to rely on. Every error of this package
// is one, behind [errors.As].
//
// [errors.Is] matches the sentinels of this package and, at the same time, the
// causes behind the error: the error of the context, of the network, or both.
// A context error matches only when the caller's context ended, or would have
// ended before the client could send.
//
// An Error holds no request, no response and no credentials. Texts that came
// from the server are bounded in length, and the client's credentials are
// replaced by "[redacted]" should the server have echoed them.
type Error struct {
	// StatusCode is the HTTP status of the last answer, 0 when none came.
	StatusCode int
	// Details are the errors that the API named, in its order.
	Details []ErrorDetail
	// Messages are remarks of the API.
	Messages []Notice
	// RayID is the vendor's id of the exchange, from the CF-Ray header.
	RayID string
	// RetryAfter is how long to wait before asking again, as far as it is
	// known: from the Retry-After header, from the Ratelimit header, from the
	// client's own limiter, or from the delay of a retry that was not begun
	// because it would have been too long. 0 means unknown.
	RetryAfter time.Duration
	// Attempts is the number of requests made; 0 means that nothing was sent.
	Attempts int

	// text is what the error read from JSON said; then nothing below is known.
	text      string
	operation string
	note      string
	kinds     []error
	causes    []error
	// transient: a failure of the connection that a repetition may mend.
	transient bool
	// local: a lack of file descriptors in this process.
	local bool
}

// Is reports whether target is one of the sentinels that describe e. An Error
// made by hand is classified by its StatusCode and Details.
func (e *Error) Is(target error) bool {
	return target != nil && (classify(e) == target || slices.Contains(e.kinds, target))
}

// Unwrap returns the causes: a network error, the error of the context.
func (e *Error) Unwrap() []error { return slices.Clone(e.causes) }

func invalidArgument(operation, note string) *Error {
	return &Error{operation: operation, note: note, kinds: []error{ErrInvalidArgument}}
}
