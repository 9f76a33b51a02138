package api

import (
	"context"
	"errors"
	"net/http"
	"sync"
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
	// series is the audit or inventory that the call belongs to, nil for a single
	// call.
	series *series
	// begin, if not nil, is called when the call begins, and may delay it. What it
	// returns is called at the end, with the error of the call.
	begin func() (end func(*Error))
}

// call is the state of one call over its attempts.
type call struct {
	client    *Client
	operation operation
	policy    callPolicy
	attempts  int
	uncounted int    // attempts that do not count
	answers   uint64 // of all calls of the client so far
	outage    outage
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
		if k.attempts == 0 && policy.series != nil {
			policy.series.asked.Add(1)
		}
		k.attempts++
		k.charged = false
		event := c.newEvent(ctx, k.attempts)
		reply, fail := k.attempt(ctx, permit, func(ctx context.Context) (*http.Response, error) { return send(ctx, event.note) }, result)
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
			switch {
			case ctx.Err() != nil: // a caller who went away is the reason for the rest
			case fail.Is(ErrUnauthorized):
				policy.end(&auditStop{kind: ErrUnauthorized})
			case fail.Is(ErrUnreachable) && k.answers == 0:
				policy.end(&auditStop{kind: ErrUnreachable})
			}
			return nil, fail
		}
		if holdsAll(fail) && wait == fail.RetryAfter {
			continue // the limiter holds every caller back for that long
		}
		if !sleep(policy.admission, wait) {
			return nil, k.refused(&quota.Refusal{Ended: true})
		}
		k.waited += wait
	}
}

func (k *call) acquire(ctx context.Context) (quota.Permit, *quota.Refusal) {
	if s := k.policy.series; s != nil {
		return k.client.limiter.Acquire(s.admission, quota.Bounds{Patience: &s.patience, Waiting: s.waiting})
	}
	permit, refusal := k.client.limiter.Acquire(k.policy.admission, quota.Bounds{Most: max(0, k.left(ctx))})
	k.waited += permit.Waited
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
	if !k.retryable(fail) {
		return 0, false
	}
	if err := ctx.Err(); err != nil {
		if !errors.Is(fail, err) { // which came together with the answer
			fail.causes = append(k.client.contextErrors(ctx), fail.causes...)
		}
		return 0, false
	}
	wait = max(k.nextDelay(), fail.RetryAfter)
	held := false // by the limiter, which then bounds the load
	if series := k.policy.series; series != nil {
		held = holdsAll(fail) || fail.transient && (k.answers > 0 || fail.local)
		longest := k.client.attemptTimeout
		if holdsAll(fail) {
			longest = series.longest
		}
		switch lasted, outage := k.inOutage(fail); {
		case fail.Is(ErrRateLimited), held && outage && lasted <= longest:
			k.uncounted++
			return fail.RetryAfter, true
		case outage && holdsAll(fail):
			return 0, false
		}
	}
	if k.attempts-k.uncounted >= k.client.maxAttempts {
		return 0, false
	}
	if k.policy.series == nil {
		least := wait
		if !holdsAll(fail) { // those wait for the limiter only
			least = max(wait, k.client.limiter.Wait())
		}
		if least > k.left(ctx) {
			fail.RetryAfter = least
			return 0, false
		}
	}
	k.charged = !held && k.client.budget.spend()
	return wait, held || k.charged
}

// outage is the time since when a call has failed and no other was answered.
type outage struct {
	answers uint64
	since   time.Time
}

// inOutage reports whether no call of the client was answered since the last failure
// of this one, and how long that has lasted. So the failure is not one of this call
// alone, and does not count as an attempt, as a lack of file descriptors does not. But
// after some time it counts: this call may be the only one left, and the reason for it.
func (k *call) inOutage(fail *Error) (lasted time.Duration, outage bool) {
	now := time.Now()
	if k.outage.since.IsZero() || k.outage.answers != k.answers && !fail.local {
		k.outage.answers, k.outage.since = k.answers, now
		return 0, false
	}
	return now.Sub(k.outage.since), true
}

// holdsAll reports whether a failure concerns all calls: the server asks all
// callers to wait.
func holdsAll(fail *Error) bool {
	return fail.Is(ErrRateLimited) || fail.RetryAfter > 0 && isTemporary(fail)
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

// sleep reports false if the context ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// retryable reports whether another attempt may help and does no harm: GET and
// DELETE have the same effect once or twice (RFC 9110, section 9.2.2), others only
// after an attempt that changed nothing.
func (k *call) retryable(fail *Error) bool {
	if k.operation.changes() && k.operation.Method != http.MethodDelete && !fail.withoutEffect() {
		return false
	}
	return isTemporary(fail) || fail.transient || fail.Is(ErrRateLimited)
}

// isTemporary reports whether the status says that another attempt may help.
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

// The retry budget keeps many callers from multiplying the load on a server
// that fails: when everything fails, a client makes ten retries and then one
// request per call, until calls succeed again.
const (
	budgetFull  = 50
	budgetRetry = 5
	budgetEarn  = 1
)

type budget struct {
	mu    sync.Mutex
	spent int
}

// spend takes the price of one retry, if it is there.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	enough := b.spent+budgetRetry <= budgetFull
	if enough {
		b.spent += budgetRetry
	}
	return enough
}

// credit gives back what a retry that was not made has cost, or what a success
// earns.
func (b *budget) credit(tokens int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-tokens)
}
