package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// The three answers, as every format writes them.
const (
	usageInUse   = "in_use"
	usageUnused  = "unused"
	usageUnknown = "unknown"
)

// answer is what the command says about one certificate. Its JSON form is a
// contract with scripts; `certuse help formats` states it.
type answer struct {
	AccountID     string        `json:"account_id"`
	CertificateID string        `json:"certificate_id"`
	Usage         string        `json:"usage"`
	CheckedAt     *time.Time    `json:"checked_at"` // nil: the service gave no answer
	Truncated     bool          `json:"truncated"`
	Associations  []association `json:"associations"`
	Reason        *reason       `json:"reason"` // nil unless unknown
	Notices       []notice      `json:"notices"`
	RayID         string        `json:"ray_id"`
}

type association struct {
	Service string `json:"service"`
	Status  string `json:"status"`
}

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

// notice is something that the service said beside the answer.
type notice struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// newAnswer decides through Usage and nothing else: what it calls unused is
// what the library calls unused.
func newAnswer(result api.AuditResult) answer {
	a := answer{
		AccountID:     result.Certificate.AccountID,
		CertificateID: result.Certificate.ID,
		Associations:  []association{},
		Notices:       []notice{},
	}
	switch result.Usage() {
	case api.InUse:
		a.Usage = usageInUse
	case api.Unused:
		a.Usage = usageUnused
	default:
		a.Usage = usageUnknown
		a.Reason = newReason(result)
	}
	if failed, ok := errors.AsType[*api.Error](result.Err); ok {
		a.RayID = failed.RayID
	}
	if list := result.List; list != nil {
		checked := list.ReceivedAt.UTC().Truncate(time.Millisecond)
		a.CheckedAt, a.Truncated, a.RayID = &checked, list.Truncated, list.RayID
		for _, each := range list.Associations {
			a.Associations = append(a.Associations, association(each))
		}
		for _, e := range list.Errors {
			a.Notices = append(a.Notices, notice{e.Code, e.Message})
		}
		for _, m := range list.Messages {
			a.Notices = append(a.Notices, notice{m.Code, m.Message})
		}
	}
	return a
}

// Codes of reasons, in the order in which they are looked for: a rate-limited
// answer that is not even JSON is first of all rate limited.
var reasonCodes = []struct {
	sentinel error
	code     string
}{
	{api.ErrNotAsked, "not_asked"},
	{api.ErrInvalidArgument, "invalid_argument"},
	{api.ErrUnauthorized, "unauthorized"},
	{api.ErrForbidden, "forbidden"},
	{api.ErrNotFound, "not_found"},
	{api.ErrRateLimited, "rate_limited"},
	{api.ErrServer, "server_error"},
	{api.ErrRedirect, "redirect"},
	{api.ErrRejected, "rejected"},
	{api.ErrNoResult, "no_result"},
	{api.ErrTruncated, "truncated"},
	{api.ErrResponseTooLarge, "response_too_large"},
	{api.ErrUnexpectedResponse, "unexpected_response"},
	{context.Canceled, "interrupted"},
	{context.DeadlineExceeded, "timeout"},
	{api.ErrUnreachable, "unreachable"},
}

func newReason(result api.AuditResult) *reason {
	switch {
	case result.Err != nil:
		// Every message would begin with the name of the one operation there is.
		r := &reason{Code: "failed", Message: strings.TrimPrefix(result.Err.Error(), "list mTLS certificate associations: ")}
		for _, known := range reasonCodes {
			if errors.Is(result.Err, known.sentinel) {
				r.Code = known.code
				break
			}
		}
		if errors.Is(result.Err, api.ErrNotAsked) && errors.Is(result.Err, context.Canceled) {
			r.Message = "not asked: interrupted"
		}
		if failed, ok := errors.AsType[*api.Error](result.Err); ok {
			r.HTTPStatus = failed.StatusCode
			r.RetryAfterSeconds = failed.RetryAfter.Seconds()
		}
		return r
	case result.List != nil && result.List.Truncated:
		return &reason{Code: "truncated", Message: "the service says that more associations exist than it delivered"}
	case result.List != nil && len(result.List.Errors) > 0:
		return &reason{Code: "answer_with_errors", Message: "the service reported errors beside an empty answer"}
	default:
		return &reason{Code: "failed", Message: "no answer to rely on"}
	}
}
