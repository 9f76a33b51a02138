package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
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
	// ErrTruncated: a list, of any operation, has more items than were delivered.
	ErrTruncated = errors.New("list is truncated")
	// ErrResponseTooLarge: the body exceeds [WithMaxResponseBytes], or has too many
	// items for its size.
	ErrResponseTooLarge = errors.New("response too large")

	// ErrInvalidArgument: the caller passed something that cannot be used;
	// nothing was sent.
	ErrInvalidArgument = errors.New("invalid argument")
	// ErrUnreachable: a request was made but no answer came.
	ErrUnreachable = errors.New("no answer")
	// ErrNotAsked: no request was made for this certificate, list or source.
	ErrNotAsked = errors.New("not asked")

	// ErrInUse: something uses the certificate, so it was not deleted, or the
	// wait for its end of use is over.
	ErrInUse = errors.New("the certificate is in use")
	// ErrUsageUnknown: the evidence does not show whether something uses the
	// certificate; it was not deleted.
	ErrUsageUnknown = errors.New("the usage of the certificate is unknown")
	// ErrManaged: the type of the certificate is not "custom", so the vendor may
	// manage it; it was not deleted.
	ErrManaged = errors.New("the certificate is managed by the vendor")
	// ErrMismatch: the certificate is not the one of [IfSHA256]; it was not
	// deleted.
	ErrMismatch = errors.New("the certificate is another one")
	// ErrOutcomeUnknown: a request to change something was sent, and neither its
	// response nor a later request shows whether the change was made.
	ErrOutcomeUnknown = errors.New("the outcome is unknown")
)

// Error is a call that gave no answer to rely on. Every error of [New] and of a call
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
	// transient: a failure of the connection, after which a retry may succeed.
	transient bool
	// unsent: the transport has shown that the request was not sent.
	unsent bool
	// unclear: an attempt of the call may have changed something.
	unclear bool
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

// clone returns a copy that shares nothing that a caller can change; nil for nil.
func (e *Error) clone() *Error {
	if e == nil {
		return nil
	}
	c := *e
	c.Details, c.Messages = cloneDetails(e.Details), slices.Clone(e.Messages)
	c.kinds, c.causes = slices.Clone(e.kinds), slices.Clone(e.causes)
	return &c
}

func cloneDetails(details []ErrorDetail) []ErrorDetail {
	out := slices.Clone(details)
	for i := range out {
		out[i].Chain = cloneDetails(out[i].Chain)
	}
	return out
}

// withoutEffect reports whether a failed attempt certainly changed nothing: the
// request was not sent, or the API itself refused it.
func (e *Error) withoutEffect() bool {
	class := e.StatusCode / 100
	refused := class == 2 || class == 4 && e.StatusCode != http.StatusRequestTimeout
	return e.unsent || refused && len(e.kinds) == 0
}

// add makes e match another sentinel. A note that e already has stays.
func (e *Error) add(kind error, note string) {
	if e.StatusCode/100 == 2 && len(e.kinds) == 0 {
		e.kinds = []error{ErrRejected} // classify would no longer say so
	}
	e.kinds = append(e.kinds, kind)
	if e.note == "" {
		e.note = note
	}
}

// invalidArgument makes one line of the note, which may be of joined errors.
func invalidArgument(operation, note string) *Error {
	return &Error{operation: operation, note: strings.ReplaceAll(note, "\n", "; "), kinds: []error{ErrInvalidArgument}}
}

// returned gives the results of an exported method: either a value, or an error.
func returned[T any](value T, fail *Error) (T, error) {
	if fail != nil {
		return *new(T), fail
	}
	return value, nil
}

// errorJSON is the form of an error in JSON.
type errorJSON struct {
	Error      string        `json:"error"`
	StatusCode int           `json:"status_code,omitzero"`
	Details    []ErrorDetail `json:"errors,omitempty"`
	Messages   []Notice      `json:"messages,omitempty"`
	RayID      string        `json:"ray_id,omitempty"`
	RetryAfter float64       `json:"retry_after_seconds,omitzero"`
	Attempts   int           `json:"attempts"`
}

// MarshalJSON gives the text of the error together with its exported fields;
// RetryAfter is in seconds. What is not known is left out.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(errorJSON{e.Error(), e.StatusCode, e.Details, e.Messages, e.RayID, e.RetryAfter.Seconds(), e.Attempts})
}

// UnmarshalJSON replaces the whole error by the text and the exported fields that
// [Error.MarshalJSON] gave. Causes are not part of that: of the sentinels,
// [errors.Is] then matches the one that follows from StatusCode and Details.
func (e *Error) UnmarshalJSON(text []byte) error {
	return unmarshal(text, e, func(read errorJSON) Error {
		// What does not fit a Duration is the longest one: asking too late is safe.
		wait := maxDuration
		if n := read.RetryAfter * float64(time.Second); n < math.MaxInt64 {
			wait = time.Duration(math.Round(max(n, 0)))
		}
		return Error{
			StatusCode: read.StatusCode, Details: read.Details, Messages: read.Messages, RayID: read.RayID,
			RetryAfter: wait, Attempts: read.Attempts, text: read.Error,
		}
	})
}

// unmarshal replaces what to points to by what the text says in the form F, and by
// nothing if the text cannot be read.
func unmarshal[F, T any](text []byte, to *T, convert func(F) T) error {
	*to = *new(T)
	var form F
	err := json.Unmarshal(text, &form)
	if err == nil {
		*to = convert(form)
	}
	return err
}

// errorText is the form of an error as a part of other JSON; "" stands for none.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func errorFromText(text string) error {
	if text == "" {
		return nil
	}
	return &Error{text: text}
}

// codesUnauthorized are codes that say, at HTTP 400, that the credentials are
// missing or malformed. The vendor publishes no list; these are consistent over
// several public reports and not confirmed by the vendor: 6003 with 6102, 6103
// and 6111 behind it are about header formats, 9103 is an unknown key or email,
// 9106 and 9107 are missing headers.
var codesUnauthorized = []int{6003, 6102, 6103, 6111, 9103, 9106, 9107}

// codeRateLimited comes with "Please wait and consider throttling your request
// speed"; known from public reports, not documented.
const codeRateLimited = 971

// classify names the sentinel that status and codes stand for; nil when the
// error is described by its kinds alone.
func classify(e *Error) error {
	status := e.StatusCode
	switch {
	case status == 0:
		return nil
	case status == http.StatusTooManyRequests, hasCode(e.Details, codeRateLimited):
		return ErrRateLimited
	case status == http.StatusUnauthorized,
		status == http.StatusBadRequest && hasCode(e.Details, codesUnauthorized...):
		return ErrUnauthorized
	case status == http.StatusForbidden:
		return ErrForbidden
	case status == http.StatusNotFound:
		return ErrNotFound
	case 500 <= status && status <= 599:
		return ErrServer
	case 300 <= status && status <= 399:
		return ErrRedirect
	case 400 <= status && status <= 499:
		return ErrRejected
	case 200 <= status && status <= 299 && len(e.kinds) == 0:
		return ErrRejected
	case 200 <= status && status <= 299:
		return nil
	default:
		return ErrUnexpectedResponse
	}
}

func hasCode(details []ErrorDetail, codes ...int) bool {
	return slices.ContainsFunc(details, func(d ErrorDetail) bool {
		return slices.Contains(codes, d.Code) || hasCode(d.Chain, codes...)
	})
}
