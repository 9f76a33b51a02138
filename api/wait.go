package api

import (
	"context"
	"errors"
	"slices"
	"time"
)

const operationWait = "wait for the end of use"

const (
	defaultWaitTimeout = 5 * time.Minute
	// firstInterval and lastInterval are the bounds of the interval between two
	// checks of a poll.
	firstInterval = time.Second
	lastInterval  = 15 * time.Second
	// callInterval is added to the interval for each call of a check, so that a wait
	// takes about half of what the vendor allows: 1,200 requests in 5 minutes.
	callInterval = 500 * time.Millisecond
)

// WaitOption configures [Client.WaitUnused]. A wrong one sends nothing and is an
// [ErrInvalidArgument] that names it.
type WaitOption func(*waitConfig) error

type waitConfig struct {
	timeout  time.Duration
	progress func(*Evidence)
	evidence []InventoryOption
}

// WithWaitTimeout bounds the wait; the default is 5 minutes.
func WithWaitTimeout(d time.Duration) WaitOption {
	return func(c *waitConfig) error {
		c.timeout = d
		return positive("WithWaitTimeout", d)
	}
}

// WithWaitProgress calls report with the evidence each time that it was gathered,
// also the last time. The calls come on the goroutine of the call.
func WithWaitProgress(report func(*Evidence)) WaitOption {
	return func(c *waitConfig) error {
		c.progress = report
		return given("WithWaitProgress", report)
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

// WaitUnused gathers the evidence about a certificate again and again until it shows
// that nothing uses the certificate. The vendor can take minutes to say so after the
// last user is gone.
//
// The interval between two checks grows from 1 to 15 seconds. It is longer if a check
// takes many requests: half a second for each. The last check comes near the end of
// the time, also when the time is shorter than that interval. A large account needs a
// longer time ([WithWaitTimeout]): the limit of [WithRateLimit] holds for both checks.
//
// The error is nil if and only if the evidence says [Unused]. Otherwise it is an
// [*Error], and the evidence is the last that was gathered, nil if there is none:
//
//   - [ErrInUse]: the time is over, and the last evidence names a use.
//   - [ErrUsageUnknown]: the time is over, and the last evidence settles nothing; or
//     the credentials lack a permission without which it never will.
//   - that of the call, such as [ErrNotFound] or [ErrUnauthorized], at once. A
//     server error or no answer does not end the wait.
//
// When the caller's context has ended, the error also matches that of the context.
func (c *Client) WaitUnused(ctx context.Context, cert CertificateRef, opts ...WaitOption) (*Evidence, error) {
	cfg := waitConfig{timeout: defaultWaitTimeout}
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
	note, kind := last.obstacle()
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

// poll calls check at growing intervals until it reports the end, for at most limit.
// The context of check ends with the time. check also returns the least interval to
// the next call; only the last call may come earlier, so that it has the time that
// the one before it took.
func poll(ctx context.Context, limit time.Duration, check func(context.Context) (ended bool, interval time.Duration)) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	deadline, _ := ctx.Deadline()
	isLast := false
	for interval := firstInterval; ; interval = min(2*interval, lastInterval) {
		start := time.Now()
		ended, least := check(ctx)
		if ended {
			return true
		}
		left := time.Until(deadline)
		if isLast || ctx.Err() != nil || left < firstInterval {
			return false
		}
		wait := max(min(interval, left/2), least)
		if latest := left - min(time.Since(start)+firstInterval, left/2); wait+least > latest {
			wait, isLast = latest, true
		}
		if !sleep(ctx, wait) {
			return false
		}
	}
}
