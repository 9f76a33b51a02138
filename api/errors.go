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

// Classes of errors, for [errors.Is]. The first group is about the status and codes of
// a response, the second about its form, the third about calls without a response, and
// the last about changes.
var (
	// ErrUnauthorized means that the API does not accept the credentials.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden means HTTP 403: the credentials lack a permission. If the error also
	// matches ErrUnexpectedResponse, the response may be from another server than the
	// API.
	ErrForbidden = errors.New("forbidden")
	// ErrNotFound means HTTP 404. It does not prove that the certificate is gone: a wrong
	// account id or base URL gives it too.
	ErrNotFound = errors.New("not found")
	// ErrRateLimited means that the API refuses requests for some time, or that the
	// client would have to wait too long; see Error.RetryAfter.
	ErrRateLimited = errors.New("rate limited")
	// ErrServer means a failure on the vendor's side, HTTP 5xx.
	ErrServer = errors.New("server error")
	// ErrRejected means that the API refused the request: another HTTP 4xx, or a 2xx
	// with "success": false.
	ErrRejected = errors.New("rejected")
	// ErrRedirect means that the server sent a redirect. Redirects are never followed,
	// because they could leak the credentials.
	ErrRedirect = errors.New("redirect refused")

	// ErrUnexpectedResponse means that the response does not match the contract, is
	// stale, or is a success that contains errors.
	ErrUnexpectedResponse = errors.New("unexpected response")
	// ErrNoResult means that the response is a success without a result. The contract
	// allows it, but it proves nothing.
	ErrNoResult = errors.New("no result in the response")
	// ErrTruncated means that a list, of any operation, has or may have more items than
	// were received.
	ErrTruncated = errors.New("list is truncated")
	// ErrResponseTooLarge means that the body exceeds [WithMaxResponseBytes], or has too
	// many items for its size.
	ErrResponseTooLarge = errors.New("response too large")

	// ErrInvalidArgument means that an argument or option is invalid. Nothing was sent.
	// The text names what is invalid.
	ErrInvalidArgument = errors.New("invalid argument")
	// ErrUnreachable means that no response arrived. If the error also matches
	// ErrNotAsked, none arrived to earlier requests of the same audit or inventory, for
	// 15 minutes or since its beginning.
	ErrUnreachable = errors.New("no response")
	// ErrNotAsked means that no request was made for this certificate, list, source or
	// change. The reason is the other class of the error, or its cause.
	ErrNotAsked = errors.New("not asked")

	// ErrInUse means that something uses the certificate. It was not deleted, or the
	// wait for the end of its use timed out.
	ErrInUse = errors.New("the certificate is in use")
	// ErrUsageUnknown means that the evidence does not show whether something uses the
	// certificate. It was not deleted.
	ErrUsageUnknown = errors.New("the usage of the certificate is unknown")
	// ErrManaged means that the type of the certificate is not "custom", so the vendor
	// may manage it. It was not deleted.
	ErrManaged = errors.New("the certificate is managed by the vendor")
	// ErrMismatch means that the certificate has another digest than [IfSHA256]
	// requires. It was not deleted.
	ErrMismatch = errors.New("the certificate is another one")
	// ErrOutcomeUnknown means that a request to upload or delete was sent, and that
	// neither its response nor a later request shows its outcome.
	ErrOutcomeUnknown = errors.New("the outcome is unknown")
)

// Error describes a failed call; see Errors in the package documentation. A context
// error matches only if the caller's context ended, or would have ended before the
// client could send.
//
// An Error holds no request, no response and no credentials. Texts from the server are
// limited in length, and the client's credentials in them are replaced by "[redacted]".
type Error struct {
	// StatusCode is the HTTP status of the response to the last request, 0 if none
	// arrived.
	StatusCode int
	// Details are the errors in the response, in its order.
	Details []ErrorDetail
	// Messages are the notices in the response.
	Messages []Notice
	// RayID is the vendor's id of the response, from the CF-Ray header.
	RayID string
	// RetryAfter is how long to wait before another call: by the Retry-After header,
	// the Ratelimit header, the block of 5 minutes that the vendor documents, the
	// client's own limiter, or a retry delay that was too long to wait for. 0 means
	// unknown.
	RetryAfter time.Duration
	// Attempts is the number of attempts of a request, including those that made no
	// connection. It is 0 if the request was not sent, and in an error that is not
	// about one request.
	Attempts int

	// text is the text of an error that was read from JSON; the fields below are then
	// zero.
	text      string
	operation string
	// permission is what the operation needs.
	permission string
	note       string
	kinds      []error
	causes     []error
	// transient reports a failure of the connection, after which a retry may succeed.
	transient bool
	// unsent reports that the transport has shown that the request was not sent.
	unsent bool
	// dial reports that no connection could be made, which the request cannot cause.
	dial bool
	// unclear reports that an attempt of the call may have changed something.
	unclear bool
	// local reports a lack of file descriptors in this process.
	local bool
}

// Notice is a message of the API about a successful or failed call.
type Notice struct {
	// Code is the API's number for the notice, 0 if it sent none or one that is not an
	// integer.
	Code int `json:"code"`
	// Message is the text for people. It may change: do not parse it.
	Message string `json:"message"`
	// DocumentationURL is where the vendor explains the notice, as it was sent; it may
	// be empty. It is not checked.
	DocumentationURL string `json:"documentation_url,omitempty"`
	// Pointer is a JSON pointer to the part of the request that the text is about.
	Pointer string `json:"pointer,omitempty"`
}

// ErrorDetail is one error of the API. The vendor publishes no full list of codes;
// unknown ones are kept.
type ErrorDetail struct {
	// Code, Message, DocumentationURL and Pointer are as in [Notice].
	Code             int    `json:"code"`
	Message          string `json:"message"`
	DocumentationURL string `json:"documentation_url,omitempty"`
	Pointer          string `json:"pointer,omitempty"`
	// Chain holds the causes of this error, from error_chain. It is not in the published
	// contract, but the API sends it.
	Chain []ErrorDetail `json:"error_chain,omitempty"`
}

// Is reports whether target is one of the sentinels that describe e. An Error made by
// the caller is classified by its StatusCode and Details.
func (e *Error) Is(target error) bool {
	return target != nil && (classify(e) == target || slices.Contains(e.kinds, target))
}

// Unwrap returns the causes: a network error, the error of the context.
func (e *Error) Unwrap() []error { return slices.Clone(e.causes) }

// clone returns a deep copy.
func (e *Error) clone() *Error {
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

// missingPermission returns the permission of the operation if the failure is a 403 of
// the API itself.
func (e *Error) missingPermission() string {
	if e == nil || !e.Is(ErrForbidden) || e.Is(ErrUnexpectedResponse) {
		return ""
	}
	return e.permission
}

// withoutEffect reports whether a failed attempt has changed nothing for certain: the
// request was not sent, or the API itself refused it.
func (e *Error) withoutEffect() bool {
	class := e.StatusCode / 100
	refused := class == 2 || class == 4 && e.StatusCode != http.StatusRequestTimeout
	return e.unsent || refused && len(e.kinds) == 0
}

// addKind makes e match another sentinel. The note is used if e has none.
func (e *Error) addKind(kind error, note string) {
	if e.StatusCode/100 == 2 && classify(e) == ErrRejected {
		e.kinds = []error{ErrRejected} // classify returns it only while kinds is empty
	}
	e.kinds = append(e.kinds, kind)
	if e.note == "" {
		e.note = note
	}
}

// invalidArgument returns an ErrInvalidArgument. The note may be the text of joined
// errors.
func invalidArgument(operation, note string) *Error {
	return &Error{operation: operation, note: strings.ReplaceAll(note, "\n", "; "), kinds: []error{ErrInvalidArgument}}
}

// withError returns the results of an exported method, with a nil error for a nil
// *Error.
func withError[T any](value T, fail *Error) (T, error) {
	if fail != nil {
		return *new(T), fail
	}
	return value, nil
}

type errorJSON struct {
	Error      string        `json:"error"`
	StatusCode int           `json:"status_code,omitzero"`
	Details    []ErrorDetail `json:"errors,omitempty"`
	Messages   []Notice      `json:"messages,omitempty"`
	RayID      string        `json:"ray_id,omitempty"`
	RetryAfter float64       `json:"retry_after_seconds,omitzero"`
	Attempts   int           `json:"attempts"`
}

// MarshalJSON returns the text of the error, Attempts, and the other exported fields
// that are not empty; RetryAfter is in seconds.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(errorJSON{e.Error(), e.StatusCode, e.Details, e.Messages, e.RayID, e.RetryAfter.Seconds(), e.Attempts})
}

// UnmarshalJSON replaces the whole error by the text and the exported fields from
// [Error.MarshalJSON]. Causes are lost: [errors.Is] then matches only the sentinel of
// StatusCode and Details.
func (e *Error) UnmarshalJSON(text []byte) error {
	return unmarshal(text, e, func(read errorJSON) Error {
		// A wait that does not fit a Duration becomes the longest one.
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

// unmarshal reads text as F and sets *to to the converted value, or to zero on an
// error.
func unmarshal[F, T any](text []byte, to *T, convert func(F) T) error {
	*to = *new(T)
	var form F
	err := json.Unmarshal(text, &form)
	if err == nil {
		*to = convert(form)
	}
	return err
}

// errorText returns the text of an error for JSON, "" for nil.
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

// codesUnauthorized are the codes with which HTTP 400 means missing or malformed
// credentials. The vendor publishes no list; these are from consistent public reports:
// 6003 and, in its chain, 6102, 6103 and 6111 are about header formats, 9103 is an
// unknown key or email, 9106 and 9107 are missing headers.
var codesUnauthorized = []int{6003, 6102, 6103, 6111, 9103, 9106, 9107}

// codeRateLimited comes with "Please wait and consider throttling your request
// speed"; known from public reports, not documented.
const codeRateLimited = 971

// classify returns the sentinel of the status and codes, or nil if kinds alone classify
// the error.
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
	case 200 <= status && status <= 299 && len(e.kinds) == 0 && (e.text == "" || len(e.Details) > 0):
		// An error read from JSON has no kinds. Without details, it may be of another class.
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
