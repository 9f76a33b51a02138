package api

import (
	"context"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v7"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
	"github.com/certuse/cloudflare-mtls/generated"
)

// operation is what a call knows of the operation it is for.
type operation struct {
	generated.Operation
	text string // for errors, such as "list mTLS certificates"
}

// changes reports whether a request of the operation can change something.
func (o operation) changes() bool { return o.Method != http.MethodGet }

// send makes one request of an operation. It applies edit to the request.
type send func(ctx context.Context, edit generated.RequestEditorFn) (*http.Response, error)

// callPolicy controls how long a call may wait. The call of a single user waits
// within bounds; an audit waits without.
type callPolicy struct {
	// admission ends every wait, but not an attempt that is under way.
	admission context.Context
	// patient calls wait for the limiter and for blocks without a bound, and a
	// response that refuses them for the rate does not count as an attempt.
	patient bool
	// begin, if not nil, is called when the call begins, and may delay it. What it
	// returns is called at the end, with the error of the call.
	begin func() (end func(*Error))
	// asking and waiting, if not nil, are called before the first request and
	// before a wait for the limiter.
	asking, waiting func()
}

// call is the state of one call over its attempts.
type call struct {
	client    *Client
	operation operation
	policy    callPolicy
	attempts  int
	uncounted int  // attempts that do not count
	charged   bool // the budget has paid for a retry that is not made yet
	// unclear: an attempt may have changed something, but no response says so.
	unclear bool
	waited  time.Duration
	delays  backoff.ExponentialBackOff
	last    *Error
}

// do calls an operation: it makes requests until one is answered for good, and
// reads the result of that response into result. It is the only way to the API.
func (c *Client) do(ctx context.Context, op operation, policy callPolicy, send send, result result) (_ *reply, failure *Error) {
	if policy.begin != nil {
		end := policy.begin()
		defer func() { end(failure) }()
	}
	k := call{client: c, operation: op, policy: policy}
	for {
		permit, refusal := k.acquire(ctx)
		if refusal != nil {
			return nil, k.refused(refusal)
		}
		if k.attempts == 0 && policy.asking != nil {
			policy.asking()
		}
		k.attempts++
		k.charged = false
		event := c.newEvent(ctx, k.attempts)
		reply, fail := k.attempt(ctx, permit, func(ctx context.Context) (*http.Response, error) { return send(ctx, event.edit) }, result)
		if fail == nil {
			c.budget.credit(budgetEarn)
			reply.attempts = k.attempts
			event.succeeded(ctx, reply, result)
			return reply, nil
		}
		k.unclear = k.unclear || op.changes() && !fail.withoutEffect()
		fail.Attempts, fail.unclear, k.last = k.attempts, k.unclear, fail
		wait, again := k.again(ctx, fail)
		event.failed(ctx, fail, wait)
		if !again {
			return nil, fail
		}
		if fail.Is(ErrRateLimited) && wait == fail.RetryAfter {
			continue // the limiter holds every caller back for that long
		}
		if refusal := k.sleep(wait); refusal != nil {
			return nil, k.refused(refusal)
		}
	}
}

func (k *call) acquire(ctx context.Context) (quota.Permit, *quota.Refusal) {
	b := quota.Bounds{Most: -1, Waiting: k.policy.waiting}
	if !k.policy.patient {
		b.Most = max(0, k.left(ctx))
	}
	permit, refusal := k.client.limiter.Acquire(k.policy.admission, b)
	if !k.policy.patient {
		k.waited += permit.Waited
	}
	return permit, refusal
}

// left is how long the call may still wait.
func (k *call) left(ctx context.Context) time.Duration {
	left := k.client.maxRetryWait - k.waited
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	return left
}

// again decides about another attempt and the wait before it. If that wait, or
// the one for the limiter, would be too long, fail says how long it is.
func (k *call) again(ctx context.Context, fail *Error) (wait time.Duration, again bool) {
	if ctx.Err() != nil || !k.retryable(fail) {
		return 0, false
	}
	wait = max(k.nextDelay(), fail.RetryAfter)
	if k.policy.patient && fail.Is(ErrRateLimited) {
		k.uncounted++
		return wait, true
	}
	if k.attempts-k.uncounted >= k.client.maxAttempts {
		return 0, false
	}
	least := wait
	if !k.policy.patient && !fail.Is(ErrRateLimited) { // those wait for the limiter only
		least = max(wait, k.client.limiter.Wait())
	}
	if least > k.left(ctx) {
		fail.RetryAfter = least
		return 0, false
	}
	k.charged = k.client.budget.spend()
	return wait, k.charged
}

// nextDelay is a random time up to 100 ms, 200 ms and so on to 8 s.
func (k *call) nextDelay() time.Duration {
	if k.delays.InitialInterval == 0 {
		k.delays = backoff.ExponentialBackOff{
			InitialInterval:     50 * time.Millisecond,
			RandomizationFactor: 1,
			Multiplier:          2,
			MaxInterval:         4 * time.Second,
		}
	}
	return k.delays.NextBackOff()
}

func (k *call) sleep(d time.Duration) *quota.Refusal {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		k.waited += d
		return nil
	case <-k.policy.admission.Done():
		return &quota.Refusal{Ended: true}
	}
}

// retryable reports whether another attempt may help and does no harm: GET and
// DELETE have the same effect once or twice (RFC 9110, section 9.2.2), others only
// after an attempt that changed nothing.
func (k *call) retryable(fail *Error) bool {
	if k.operation.changes() && k.operation.Method != http.MethodDelete && !fail.withoutEffect() {
		return false
	}
	switch status := fail.StatusCode; status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout, 530:
		return true
	default:
		return 520 <= status && status <= 527 || fail.transient || fail.Is(ErrRateLimited)
	}
}
