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
	// firstDistance and lastDistance are between the questions of a poll.
	firstDistance = time.Second
	lastDistance  = 15 * time.Second
	// callDistance is the share of a call in the distance to the next question, so
	// that a wait takes no more than half of what the vendor allows: 1,200 requests
	// in 5 minutes.
	callDistance = 500 * time.Millisecond
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
		if report == nil {
			return errors.New("WithWaitProgress: the function is nil")
		}
		c.progress = report
		return nil
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
// The distance between two questions grows from 1 to 15 seconds, and is longer if a
// question takes many requests: a wait makes 600 requests in 5 minutes at most.
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
		distance := time.Duration(calls) * callDistance
		if fail != nil {
			if ctx.Err() == nil {
				failure = fail
			}
			return failure != nil && !fail.transient && !fail.Is(ErrServer), distance
		}
		last, failure = &item.Evidence, nil
		if cfg.progress != nil {
			cfg.progress(last)
		}
		return last.Usage() == Unused || last.Usage() == UsageUnknown && slices.ContainsFunc(last.Sources, SourceResult.forbidden), distance
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
	e := &Error{operation: operationWait, kinds: []error{kind}, note: note}
	if ctx.Err() != nil {
		e.causes = c.contextErrors(ctx)
	}
	return last, e
}

// forbidden reports whether the credentials lack the permission for the source.
func (r SourceResult) forbidden() bool { return r.Permission != "" }

// poll calls ask at growing distances until it reports the end, for at most limit.
// The context of ask ends with the time. ask also returns the least distance to the
// next call.
func poll(ctx context.Context, limit time.Duration, ask func(context.Context) (ended bool, distance time.Duration)) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	deadline, _ := ctx.Deadline()
	for distance := firstDistance; ; distance = min(2*distance, lastDistance) {
		ended, least := ask(ctx)
		if ended {
			return true
		}
		left := time.Until(deadline)
		wait := max(min(distance, left/2), least) // so that the last question comes near the end
		if ctx.Err() != nil || left < firstDistance || wait > left {
			return false
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}
