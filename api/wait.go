package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

const operationWait = "wait for the end of use"

const (
	// The interval between two checks of a poll grows from firstInterval to
	// lastInterval. callInterval can extend it, and the end of the time can shorten it.
	firstInterval = time.Second
	lastInterval  = 15 * time.Second
	// callInterval is the least interval for each call of a check, so that a wait uses
	// at most half of the vendor's limit of 1,200 requests in 5 minutes.
	callInterval = 500 * time.Millisecond
)

// WaitOption configures [Client.WaitUnused].
type WaitOption func(*waitConfig) error

type waitConfig struct {
	timeout  time.Duration
	progress func(*Evidence)
	evidence []InventoryOption
}

// WithWaitTimeout limits the wait; the default is 5 minutes, and less than 1 ms is
// invalid.
func WithWaitTimeout(d time.Duration) WaitOption {
	return func(c *waitConfig) error {
		c.timeout = d
		return duration("WithWaitTimeout", d)
	}
}

// WithWaitProgress calls report with the evidence of each check, including the last.
// The calls are made on the goroutine of WaitUnused.
func WithWaitProgress(report func(*Evidence)) WaitOption {
	return func(c *waitConfig) error {
		c.progress = report
		return requireFunc("WithWaitProgress", report)
	}
}

// WithWaitEvidence gathers the evidence with these options, as [Client.Evidence]
// does.
func WithWaitEvidence(opts ...InventoryOption) WaitOption {
	return func(c *waitConfig) error {
		c.evidence = append(c.evidence, opts...)
		return nil
	}
}

// WaitUnused gathers the evidence about a certificate repeatedly until it shows that
// nothing uses the certificate. That can take minutes after the last use has ended.
//
// The interval between two checks grows from 1 to 15 seconds. It is at least half a
// second for each request of a check. The last check is near the end of the time, even
// if the interval would be longer. A large account needs a longer time
// ([WithWaitTimeout]), because [WithRateLimit] applies to all checks.
//
// The error is nil if and only if the usage is [Unused]. Otherwise it is an [*Error],
// and the evidence is from the last check that did not fail, or nil if all failed:
//
//   - [ErrInUse]: the time is over, and the last evidence has a use.
//   - [ErrUsageUnknown]: the time is over, and the usage is still unknown; or, at once,
//     the credentials lack a required permission.
//   - the error of a check, such as [ErrNotFound] or [ErrUnauthorized], at once. A
//     server error or a missing response does not end the wait, but a block of more
//     than 15 minutes does, with [ErrRateLimited].
//
// If the caller's context has ended, the error also matches the context's error.
func (c *Client) WaitUnused(ctx context.Context, cert CertificateRef, opts ...WaitOption) (*Evidence, error) {
	cfg := waitConfig{timeout: 5 * time.Minute}
	if err := c.check(ctx, errors.Join(configure(&cfg, opts), cert.validate())); err != nil {
		return nil, invalidArgument(operationWait, err.Error())
	}
	var last *Evidence
	var failure *Error
	ended := poll(ctx, cfg.timeout, func(ctx context.Context) (bool, time.Duration) {
		item, calls, fail := c.inspect(ctx, cert, cfg.evidence)
		interval := time.Duration(calls) * callInterval
		if fail != nil {
			if ctx.Err() != nil {
				return false, interval
			}
			failure = fail
			return !fail.transient && !fail.Is(ErrServer), interval
		}
		last, failure = &item.Evidence, nil
		if cfg.progress != nil {
			cfg.progress(last)
		}
		forbidden := func(r SourceResult) bool { return r.Permission != "" }
		return last.Usage() == Unused || last.Usage() == UsageUnknown && slices.ContainsFunc(last.Sources, forbidden), interval
	})
	note, kind := last.refusal()
	switch {
	case ended && failure != nil:
		return last, failure
	case kind == nil:
		return last, nil
	case last == nil && failure != nil:
		note = failure.Error()
	}
	return last, &Error{operation: operationWait, kinds: []error{kind}, note: note, causes: c.contextErrors(ctx)}
}

// timeToCheck returns the time for checking an outcome: limit, plus the delay of the
// first check by the limiter, but at most 5 minutes of it.
func (c *Client) timeToCheck(limit time.Duration) time.Duration {
	delay := c.limiter.Wait()
	if delay-quota.DefaultBlock > limit { // the check cannot begin in that time
		return limit
	}
	delay = min(delay, quota.DefaultBlock)
	return delay + min(limit, maxDuration-delay)
}

// poll calls check at growing intervals until check reports the end, for at most limit.
// The context of check ends at that limit. check also returns the minimum interval
// before the next call. The last call may come earlier, so that it has as much time as
// the previous call took.
func poll(ctx context.Context, limit time.Duration, check func(context.Context) (ended bool, interval time.Duration)) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	deadline, _ := ctx.Deadline()
	isLast := false
	for interval := firstInterval; ; interval = min(2*interval, lastInterval) {
		start := time.Now()
		ended, minInterval := check(ctx)
		if ended {
			return true
		}
		remaining := time.Until(deadline)
		if isLast || remaining < firstInterval {
			return false
		}
		wait := max(min(interval, remaining/2), minInterval)
		if latest := remaining - min(time.Since(start)+firstInterval, remaining/2); wait+minInterval > latest {
			wait, isLast = latest, true
		}
		if !sleep(ctx, wait) {
			return false
		}
	}
}
