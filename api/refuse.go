package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

// refused makes the error of a call that may not go on. What the server said
// last is the answer, if it said anything.
func (k *call) refused(refusal *quota.Refusal) *Error {
	if k.charged {
		k.client.budget.credit(budgetRetry)
	}
	if refusal.Ended {
		return k.ended()
	}
	if k.last != nil {
		k.last.RetryAfter = max(k.last.RetryAfter, refusal.Wait)
		return k.last
	}
	e := &Error{
		operation:  operationList,
		RetryAfter: refusal.Wait,
		kinds:      []error{ErrRateLimited, ErrNotAsked},
		note:       fmt.Sprintf("nothing was sent; the wait would be %v", refusal.Wait.Round(time.Millisecond)),
	}
	if refusal.Wait <= 0 {
		e.note = "nothing was sent; other requests took too long to answer"
	}
	if deadline, ok := k.manner.admission.Deadline(); ok && time.Until(deadline) <= refusal.Wait {
		e.causes = []error{context.DeadlineExceeded}
	}
	return e
}

// ended is the error after the context has ended a wait.
func (k *call) ended() *Error {
	stop, stopped := errors.AsType[*auditStop](context.Cause(k.manner.admission))
	switch {
	case stopped && k.last != nil:
		return k.last
	case stopped:
		return stop.notAsked()
	case k.last != nil:
		k.last.causes = append(k.client.contextErrors(k.manner.admission), k.last.causes...)
		return k.last
	default:
		return &Error{
			operation: operationList,
			kinds:     []error{ErrNotAsked},
			causes:    k.client.contextErrors(k.manner.admission),
		}
	}
}

// auditStop is the cause with which an audit ends the waiting of its calls:
// the failure that makes it pointless to ask on.
type auditStop struct{ failure *Error }

func (s *auditStop) Error() string { return s.failure.Error() }

// notAsked is the result of the certificates that were still to be asked for.
func (s *auditStop) notAsked() *Error {
	e := &Error{operation: operationList, RetryAfter: s.failure.RetryAfter}
	if s.failure.Is(ErrUnauthorized) {
		e.kinds = []error{ErrNotAsked, ErrUnauthorized}
		e.note = "not asked: the API refused the credentials before in this audit"
		return e
	}
	e.kinds = []error{ErrNotAsked, ErrRateLimited}
	e.note = fmt.Sprintf("not asked: the API refuses all requests for longer than %v", quota.MaxBlock)
	return e
}
