package api

import (
	"context"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v7"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

// manner is how a call waits: a single one within bounds, one of an audit for
// as long as it takes.
type manner struct {
	// admission ends every waiting, but not an attempt that is under way.
	admission context.Context
	// patient calls wait for the limiter and for blocks without a bound, and
	// an answer that refuses them for the rate does not count as an attempt.
	patient bool
	// asking and waiting, if not nil, are called before the first request and
	// before a wait for the limiter.
	asking, waiting func()
}

// call is the state of one call over its attempts.
type call struct {
	client   *Client
	manner   manner
	attempts int
	uncount  int  // attempts that do not count
	charged  bool // the budget has paid for a retry that is not made yet
	waited   time.Duration
	delays   backoff.ExponentialBackOff
	last     *Error
}

// ask makes requests until one is answered for good.
func (c *Client) ask(ctx context.Context, cert CertificateRef, m manner) (*AssociationList, *Error) {
	k := call{client: c, manner: m}
	for {
		permit, refusal := k.acquire(ctx)
		if refusal != nil {
			return nil, k.refused(refusal)
		}
		if k.attempts == 0 && m.asking != nil {
			m.asking()
		}
		k.attempts++
		k.charged = false
		started := time.Now()
		list, fail := c.attempt(ctx, cert, permit)
		if fail == nil {
			c.budget.credit(budgetEarn)
			list.attempts = k.attempts
			c.logAnswer(ctx, cert, k.attempts, started, list)
			return list, nil
		}
		fail.Attempts, k.last = k.attempts, fail
		wait, again := k.again(ctx, fail)
		c.logFailure(ctx, cert, started, fail, wait)
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
	b := quota.Bounds{Most: -1, Waiting: k.manner.waiting}
	if !k.manner.patient {
		b.Most = max(0, k.left(ctx))
	}
	permit, refusal := k.client.limiter.Acquire(k.manner.admission, b)
	if !k.manner.patient {
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
	if ctx.Err() != nil || !retryable(fail) {
		return 0, false
	}
	wait = max(k.nextDelay(), fail.RetryAfter)
	if k.manner.patient && fail.Is(ErrRateLimited) {
		k.uncount++
		return wait, true
	}
	if k.attempts-k.uncount >= k.client.maxAttempts {
		return 0, false
	}
	least := wait
	if !k.manner.patient && !fail.Is(ErrRateLimited) { // those wait for the limiter only
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
	case <-k.manner.admission.Done():
		return &quota.Refusal{Ended: true}
	}
}

// retryable tells whether a repetition may help. The method is always GET.
func retryable(fail *Error) bool {
	switch status := fail.StatusCode; status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout, 530:
		return true
	default:
		return 520 <= status && status <= 527 || fail.transient || fail.Is(ErrRateLimited)
	}
}
