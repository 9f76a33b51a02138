package api

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
	"github.com/certuse/cloudflare-mtls/generated"
)

// operation is a generated operation with its name for errors.
type operation struct {
	generated.Operation
	text string // such as "list mTLS certificates"
}

// changes reports whether a request of the operation can change data.
func (o operation) changes() bool { return o.Method != http.MethodGet }

// send applies edit to one request of an operation, and sends that request.
type send func(ctx context.Context, edit editor) (*http.Response, error)

// editor changes a request before it is sent.
type editor = generated.RequestEditorFn

// callPolicy controls how long a call may wait. The limits of a single call do not
// apply to the calls of an audit or inventory.
type callPolicy struct {
	// The end of admission ends every wait, but not an attempt in progress.
	admission context.Context
	// series is the audit or inventory that the call belongs to. A single call that waits
	// like the calls of an audit has a series of its own. Other calls have none.
	series *series
	// begin, if not nil, is called when the call begins, and may block. ended, if not
	// nil, is called at the end, with the error of the call.
	begin func()
	ended func(*Error)
	// expired, if not nil, is called after the waits for an attempt. It returns true if
	// admission has ended. The attempt is then not made.
	expired func() bool
	// onPage, if not nil, is called with the numbers of each page of a list.
	onPage func(number int64, info *ResultInfo)
}

// call is the state of one call over its attempts.
type call struct {
	client    *Client
	operation operation
	policy    callPolicy
	attempts  int
	uncounted int    // attempts that do not count towards maxAttempts
	responses uint64 // to all calls of the client, as counted by [quota.Limiter.Release]
	outage    outage
	charged   bool // the planned retry has taken tokens of the budget
	// unclear reports that an attempt may have changed something: no response shows
	// whether it did.
	unclear bool
	waited  time.Duration
	delay   time.Duration // the limit of the last random delay
	last    *Error
}

// do calls an operation: it sends requests until one succeeds or must not be retried,
// and reads the result of a success into result. All requests are sent by do.
func (c *Client) do(ctx context.Context, op operation, policy callPolicy, send send, result result) (_ *reply, failure *Error) {
	if policy.begin != nil {
		policy.begin()
	}
	if policy.ended != nil {
		defer func() { policy.ended(failure) }()
	}
	k := call{client: c, operation: op, policy: policy}
	for {
		event := c.newEvent(ctx, k.attempts+1) // first: a panic of the caller's logger must not keep a permit
		permit, refusal := k.acquire(ctx)
		if refusal != nil {
			return nil, k.refused(ctx, refusal)
		}
		if k.attempts == 0 && policy.series != nil {
			policy.series.sent.Add(1)
		}
		k.attempts++
		k.charged = false
		reply, fail := k.attempt(ctx, permit, send, event.editor(), result)
		if fail == nil {
			c.budget.credit(budgetEarn)
			reply.operation, reply.attempts = op.text, k.attempts
			event.succeeded(ctx, reply, result)
			return reply, nil
		}
		k.unclear = k.unclear || op.changes() && !fail.withoutEffect()
		fail.Attempts, fail.unclear, k.last = k.attempts, k.unclear, fail
		wait, retry := k.planRetry(ctx, fail)
		event.failed(ctx, fail, wait)
		if !retry {
			switch s := policy.series; {
			case s == nil || ctx.Err() != nil: // a single call, or ended by its context
			case fail.Is(ErrUnauthorized):
				s.stop(&stopCause{kind: ErrUnauthorized})
			case fail.Is(ErrUnreachable) && k.responses == 0:
				s.stop(&stopCause{kind: ErrUnreachable})
			}
			return nil, fail
		}
		if delaysAllCallers(fail) && wait == fail.RetryAfter {
			continue // the limiter delays all callers for that long
		}
		if !sleep(policy.admission, wait) {
			return nil, k.refused(ctx, &quota.Refusal{Ended: true})
		}
		k.waited += wait
	}
}

func (k *call) acquire(ctx context.Context) (quota.Permit, *quota.Refusal) {
	if s := k.policy.series; s != nil {
		return k.client.limiter.Acquire(s.admission, quota.Bounds{Budget: &s.waitBudget, OnWait: s.waiting})
	}
	permit, refusal := k.client.limiter.Acquire(k.policy.admission, quota.Bounds{MaxWait: max(0, k.remainingWait(ctx))})
	k.waited += permit.Waited
	if refusal == nil && k.policy.expired != nil && k.policy.expired() {
		k.client.limiter.Release(permit, quota.Outcome{})
		refusal = &quota.Refusal{Ended: true}
	}
	return permit, refusal
}

// remainingWait returns how long the call may still wait.
func (k *call) remainingWait(ctx context.Context) time.Duration {
	left := k.client.maxRetryWait - k.waited
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	return left
}

// planRetry decides whether to retry, and returns the wait before the retry. If that
// wait, or the wait for the limiter, would be too long, planRetry sets fail.RetryAfter.
func (k *call) planRetry(ctx context.Context, fail *Error) (wait time.Duration, retry bool) {
	if !k.retryable(fail) {
		return 0, false
	}
	if err := ctx.Err(); err != nil {
		if !errors.Is(fail, err) { // the context ended after the response
			fail.causes = append(k.client.contextErrors(ctx), fail.causes...)
		}
		return 0, false
	}
	wait = max(k.nextDelay(), fail.RetryAfter)
	limited := false // whether the limiter, and not the budget, limits the retries
	if series := k.policy.series; series != nil {
		limited = delaysAllCallers(fail) || fail.transient && (k.responses > 0 || fail.local)
		maxTime := k.client.attemptTimeout
		switch {
		case delaysAllCallers(fail):
			maxTime = series.maxWait
		case fail.dial:
			maxTime = quota.MaxAuditWait
		}
		switch lasted, outage := k.inOutage(fail); {
		case fail.Is(ErrRateLimited), limited && outage && lasted <= maxTime:
			k.uncounted++
			return fail.RetryAfter, true // the limiter delays the retry
		case outage && delaysAllCallers(fail): // for longer than maxTime
			return 0, false
		}
	}
	if k.attempts-k.uncounted >= k.client.maxAttempts {
		return 0, false
	}
	if k.policy.series == nil {
		minWait := wait
		if !delaysAllCallers(fail) { // otherwise the call waits for the limiter only
			minWait = max(wait, k.client.limiter.Wait())
		}
		if minWait > k.remainingWait(ctx) {
			fail.RetryAfter = minWait
			return 0, false
		}
	}
	// Before the first response, a call that makes no further attempt ends the audit.
	free := limited || k.policy.series != nil && k.responses == 0 && fail.Is(ErrUnreachable)
	if k.charged = !free && k.client.budget.spend(); !free && !k.charged {
		return 0, false
	}
	return wait, true
}

// outage records since when a call fails while no other call gets a response.
type outage struct {
	responses uint64
	since     time.Time
}

// inOutage reports whether the failures of this call are an outage, and how long it has
// lasted. In an outage, no call of the client has got a response since an earlier
// failure of this call. Of the responses that ask to wait, only an ErrRateLimited of
// this call ends the outage. A lack of file descriptors is an outage even if other
// calls get responses. In an outage longer than maxTime of planRetry, attempts count
// towards maxAttempts, because the request itself may be the cause; if the server asks
// all callers to wait, the call ends.
func (k *call) inOutage(fail *Error) (lasted time.Duration, outage bool) {
	now := time.Now()
	switch {
	case fail.Is(ErrRateLimited):
		k.outage.since = time.Time{}
	case k.outage.since.IsZero() || k.outage.responses != k.responses && !fail.local:
		k.outage.responses, k.outage.since = k.responses, now
	default:
		return now.Sub(k.outage.since), true
	}
	return 0, false
}

// delaysAllCallers reports whether the server asks all callers to wait.
func delaysAllCallers(fail *Error) bool {
	return fail.Is(ErrRateLimited) || fail.RetryAfter > 0 && isTemporary(fail)
}

// nextDelay returns a random delay. Its limit is 100 ms, then doubles up to 8 s.
func (k *call) nextDelay() time.Duration {
	k.delay = min(max(2*k.delay, 100*time.Millisecond), 8*time.Second)
	return rand.N(k.delay)
}

// sleep waits for d. It returns false if the context ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// retryable reports whether another attempt may succeed and is safe: GET and DELETE are
// idempotent (RFC 9110, section 9.2.2); others are safe only after an attempt without
// effect.
func (k *call) retryable(fail *Error) bool {
	if k.operation.changes() && k.operation.Method != http.MethodDelete && !fail.withoutEffect() {
		return false
	}
	return isTemporary(fail) || fail.transient || fail.Is(ErrRateLimited)
}

// isTemporary reports whether the status is one after which another attempt may
// succeed.
func isTemporary(fail *Error) bool {
	switch status := fail.StatusCode; status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout, 530:
		return true
	default:
		return 520 <= status && status <= 527
	}
}

// The retry budget limits the load on a failing server: while all calls fail, a client
// makes ten retries and then one request per call, until calls succeed again.
const (
	budgetFull  = 50
	budgetRetry = 5
	budgetEarn  = 1
)

type budget struct {
	mu    sync.Mutex
	spent int
}

// spend takes the tokens of one retry, or returns false if there are too few.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	enough := b.spent+budgetRetry <= budgetFull
	if enough {
		b.spent += budgetRetry
	}
	return enough
}

// credit adds tokens: those of a retry that was not made, or of a success.
func (b *budget) credit(tokens int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-tokens)
}
