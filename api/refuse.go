package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

// refused returns the error of a call that must not continue: the error of its last
// attempt, if there was one. ctx is the context of the caller.
func (k *call) refused(ctx context.Context, refusal *quota.Refusal) *Error {
	if k.charged {
		k.client.budget.credit(budgetRetry)
	}
	if refusal.Ended {
		return k.ended()
	}
	if k.policy.series != nil {
		stop := &stopCause{kind: ErrRateLimited, retryAfter: refusal.Wait}
		if refusal.Outage {
			stop.kind = ErrUnreachable
		}
		k.policy.series.stop(stop)
		if k.last == nil {
			return stop.notAsked(k.operation.text)
		}
	}
	if k.last != nil {
		k.last.RetryAfter = max(k.last.RetryAfter, refusal.Wait)
		return k.last
	}
	e := &Error{
		operation:  k.operation.text,
		RetryAfter: refusal.Wait,
		kinds:      []error{ErrRateLimited, ErrNotAsked},
		note:       fmt.Sprintf("nothing was sent; the wait would be %v", refusal.Wait.Round(time.Millisecond)),
	}
	if refusal.Wait <= 0 {
		e.note = "nothing was sent; other requests took too long"
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= refusal.Wait {
		e.causes = []error{context.DeadlineExceeded}
	}
	return e
}

// ended returns the error of a call whose wait the context has ended.
func (k *call) ended() *Error {
	stop, stopped := errors.AsType[*stopCause](context.Cause(k.policy.admission))
	switch {
	case stopped && k.last == nil:
		return stop.notAsked(k.operation.text)
	case stopped:
		return k.last
	case k.last == nil:
		k.last = &Error{operation: k.operation.text, kinds: []error{ErrNotAsked}}
	}
	k.last.causes = append(k.client.contextErrors(k.policy.admission), k.last.causes...)
	return k.last
}

// stopCause is the cause with which an audit, an inventory or a deletion ends the waits
// of its calls. It does not hold the error that ended an audit: the caller has received
// that error and may change it.
type stopCause struct {
	kind       error
	retryAfter time.Duration
}

func (s *stopCause) Error() string { return s.notAsked(operationAudit).Error() }

// notAsked returns a new error for a request that was not made.
func (s *stopCause) notAsked(operation string) *Error {
	e := &Error{operation: operation, RetryAfter: s.retryAfter, kinds: []error{ErrNotAsked, s.kind}}
	switch {
	case s.kind == ErrUnauthorized:
		e.note = "not sent: the API refused the credentials of an earlier request"
	case s.kind == ErrRateLimited:
		e.note = fmt.Sprintf("not sent: the API refuses all requests for longer than %v", quota.MaxAuditWait)
	case s.kind == ErrUsageUnknown:
		e.note = fmt.Sprintf("not sent: the evidence would be more than %v old", maxEvidenceAge)
	case s.retryAfter > 0:
		e.note = fmt.Sprintf("not sent: no response for %v", quota.MaxAuditWait)
	default:
		e.note = "not sent: no request ever got a response"
	}
	return e
}
