package api

import (
	"context"
	"iter"
	"slices"
)

// Audit asks for every certificate of certs, several at a time, and yields one
// result for each, in the order in which they are complete. Each range over it
// is a new audit.
//
// The loop body runs on the caller's goroutine; certs runs on one other
// goroutine and may be lazy or endless. A certificate that certs names twice
// is asked for twice. Memory does not grow with the number of certificates.
//
// An audit waits for the limiter, and sits out blocks by the vendor and outages,
// for as long as it takes; what fails in them counts neither as an attempt nor
// against the retry budget. Four things end the asking, and the rest of certs is
// then yielded with errors that match [ErrNotAsked]: the end of ctx (they also
// match its error), the first answer that is [ErrUnauthorized] (they match that
// too), a block that keeps the audit back for more than 15 minutes (they match
// [ErrRateLimited]), and an outage of that length, or a first call to which no
// answer came (they match [ErrUnreachable]). An endless certs must then end itself,
// or the caller leaves the loop.
//
// When the API has refused the certificates of an account three times with a 403 of
// its own, without a success for that account between them, the rest of that account
// is not asked: the errors match [ErrNotAsked] and [ErrForbidden] and name the
// permission.
//
// Leaving the loop cancels the requests in flight and waits until everything
// that the audit started has ended, certs included: if certs blocks, so does
// leaving.
//
// A wrong option, a nil ctx and an unusable client send nothing and make every
// result an [ErrInvalidArgument]; a nil certs gives one such result.
func (c *Client) Audit(ctx context.Context, certs iter.Seq[CertificateRef], opts ...AuditOption) iter.Seq[AuditResult] {
	opts = slices.Clone(opts) // the caller may use the slice again before a range
	return func(yield func(AuditResult) bool) {
		if certs == nil {
			yield(AuditResult{Err: invalidArgument(operationAudit, "the sequence of certificates is nil")})
			return
		}
		cfg, err := newAuditConfig(opts)
		if err == nil {
			err = c.usable(ctx)
		}
		if err != nil {
			refuseAll(certs, err.Error(), yield)
			return
		}
		newAudit(ctx, c, cfg).run(certs, yield)
	}
}

const operationAudit = "audit mTLS certificates"

func refuseAll(certs iter.Seq[CertificateRef], note string, yield func(AuditResult) bool) {
	for cert := range certs {
		if !yield(AuditResult{Certificate: cert, Err: invalidArgument(operationAudit, note)}) {
			return
		}
	}
}

// audit is one range over an Audit.
type audit struct {
	*series
	client *Client
	config auditConfig
	tally  tally
}

func newAudit(ctx context.Context, c *Client, cfg auditConfig) *audit {
	a := &audit{client: c, config: cfg}
	a.series = newSeries(ctx, a.tally.ask, a.tally.wake)
	a.tally.news = make(chan struct{}, 1)
	return a
}

func (a *audit) run(certs iter.Seq[CertificateRef], yield func(AuditResult) bool) {
	p := pool[CertificateRef, AuditResult]{
		workers: a.config.concurrency, work: a.ask, cancel: a.cancel,
		news: a.tally.news, report: a.report,
	}
	p.run(certs, func(r AuditResult) bool {
		a.tally.add(r)
		a.report()
		return yield(r)
	})
}

func (a *audit) ask(cert CertificateRef) AuditResult {
	if err := cert.validate(); err != nil {
		return AuditResult{Certificate: cert, Err: invalidArgument(operationAudit, err.Error())}
	}
	list, fail := a.associations(a.client, cert, a.policy())
	if fail == nil {
		return AuditResult{Certificate: cert, List: list}
	}
	return AuditResult{Certificate: cert, Err: fail}
}

func (a *audit) report() {
	if a.config.progress == nil {
		return
	}
	p := a.tally.snapshot()
	if until, ok := a.client.limiter.WaitingUntil(); ok {
		p.WaitingUntil = until
	}
	a.config.progress(p)
}
