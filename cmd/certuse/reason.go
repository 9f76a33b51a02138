package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/certuse/cloudflare-mtls/api"
)

// reason says why an answer is unknown.
type reason struct {
	Code              string  `json:"code"`
	Message           string  `json:"message"`
	HTTPStatus        int     `json:"http_status"` // 0: no answer came
	RetryAfterSeconds float64 `json:"retry_after_seconds"`
}

// String is the reason for people: code and message, unless the message begins
// with the words of the code.
func (r *reason) String() string {
	if words := strings.ReplaceAll(r.Code, "_", " "); strings.HasPrefix(r.Message, words) {
		return r.Message
	}
	return r.Code + ": " + r.Message
}

// Reasons that no error of the library stands for, or not always.
const (
	reasonFailed      = "failed"
	reasonInterrupted = "interrupted"
	reasonNotAsked    = "not_asked"
	reasonRateLimited = "rate_limited"
	reasonTruncated   = "truncated"
	reasonStale       = "stale"
	reasonWithErrors  = "answer_with_errors"
)

// reasons is every reason there is, in the order in which their errors are
// looked for: a repetition that Ctrl-C has cut short is first of all
// interrupted, a rate-limited answer that is not even JSON is rate limited.
var reasons = []struct {
	code   string
	err    error  // nil: decided without one
	advice string // what to do about it, where something can be done
}{
	{reasonNotAsked, api.ErrNotAsked, ""},
	{reasonInterrupted, context.Canceled, ""},
	{"invalid_argument", api.ErrInvalidArgument, ""},
	{"unauthorized", api.ErrUnauthorized, "Credentials were refused: check CLOUDFLARE_API_TOKEN, or the email and key."},
	{"forbidden", api.ErrForbidden, "Access was refused: check the account id, and what the token may read."},
	{"not_found", api.ErrNotFound, "Not found can mean a wrong id or account: it does not mean unused."},
	{reasonRateLimited, api.ErrRateLimited, "Rate limited: ask again in five minutes, or lower --rate-limit."},
	{"server_error", api.ErrServer, ""},
	{"redirect", api.ErrRedirect, ""},
	{"rejected", api.ErrRejected, ""},
	{"no_result", api.ErrNoResult, ""},
	{reasonTruncated, api.ErrTruncated, ""},
	{reasonStale, nil, "Stale: something between here and the service answers with old responses."},
	{reasonWithErrors, nil, ""},
	{"response_too_large", api.ErrResponseTooLarge, ""},
	{"unexpected_response", api.ErrUnexpectedResponse, ""},
	{"timeout", context.DeadlineExceeded, ""},
	{"too_many_files", syscall.EMFILE, "Too many open files: raise the limit of the process (ulimit -n)."},
	{"unreachable", api.ErrUnreachable, "No answer came: check the network, the proxy and CLOUDFLARE_BASE_URL."},
	{reasonFailed, nil, ""},
}

func newReason(result api.AuditResult) *reason {
	switch {
	case result.Err != nil:
		return failure(result.Err)
	case result.List != nil && result.List.Truncated:
		return &reason{Code: reasonTruncated, Message: "the service says that more associations exist than it delivered"}
	case result.List != nil && result.List.Stale:
		return &reason{Code: reasonStale, Message: "the response says that it may be old (Age or Warning header)"}
	case result.List != nil && len(result.List.Errors) > 0:
		return &reason{Code: reasonWithErrors, Message: "the service reported errors beside an empty answer"}
	default:
		return &reason{Code: reasonFailed, Message: "no answer to rely on"}
	}
}

func failure(err error) *reason {
	// Every message would begin with the name of the one operation there is.
	r := &reason{Code: reasonFailed, Message: strings.TrimPrefix(err.Error(), "list mTLS certificate associations: ")}
	for _, known := range reasons {
		if known.err != nil && errors.Is(err, known.err) {
			r.Code = known.code
			break
		}
	}
	if failed, ok := errors.AsType[*api.Error](err); ok {
		r.HTTPStatus = failed.StatusCode
		r.RetryAfterSeconds = failed.RetryAfter.Seconds()
	}
	switch {
	case r.Code == reasonNotAsked && errors.Is(err, context.Canceled):
		r.Message = "not asked: interrupted"
	case r.Code == reasonInterrupted && r.HTTPStatus >= 400:
		r.Message = fmt.Sprintf("interrupted after HTTP %d", r.HTTPStatus)
	case r.Code == reasonInterrupted:
		r.Message = "interrupted"
	}
	return r
}
