package api

import (
	"context"
	"iter"
	"strings"
	"sync"
)

// Audit asks for every certificate of certs, several at a time, and yields one
// result for each, in the order in which they are complete. Each range over it
// is a new audit.
//
// The loop body runs on the caller's goroutine; certs runs on one other
// goroutine and may be lazy or endless. A certificate that certs names twice
// is asked for twice. Memory does not grow with the number of certificates.
//
// An audit waits for the limiter, and sits out blocks by the vendor, for as
// long as it takes; the 429s of a block count neither as attempts nor against
// the retry budget. Three things end the asking, and the rest of certs is then
// yielded with errors that match [ErrNotAsked]: the end of ctx (they also match
// its error), the first answer that is [ErrUnauthorized] (they match that too),
// and a block longer than 15 minutes (they match [ErrRateLimited]). An endless
// certs must then end itself, or the caller leaves the loop.
//
// Leaving the loop cancels the requests in flight and waits until everything
// that the audit started has ended, certs included: if certs blocks, so does
// leaving.
//
// A wrong option, a nil ctx and an unusable client send nothing and make every
// result an [ErrInvalidArgument]; a nil certs gives one such result.
func (c *Client) Audit(ctx context.Context, certs iter.Seq[CertificateRef], opts ...AuditOption) iter.Seq[AuditResult] {
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
			refuseAll(certs, strings.ReplaceAll(err.Error(), "\n", "; "), yield)
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
	client *Client
	config auditConfig
	// ctx is that of the requests; admission, which ends earlier when asking
	// on is pointless, that of the waiting.
	ctx       context.Context
	admission context.Context
	stop      context.CancelCauseFunc
	cancel    context.CancelFunc

	work    chan CertificateRef
	results chan AuditResult
	// left is closed when the caller leaves the loop.
	left    chan struct{}
	running sync.WaitGroup
	tally   tally
	panics  firstPanic
}

// firstPanic carries a panic of certs, or of the caller's transport, to the
// goroutine of the loop, where the caller can expect and recover it. A Goexit
// becomes a panic there, because the result of its goroutine is lost.
type firstPanic struct {
	once  sync.Once
	value any
	// kept is closed when there is a value.
	kept chan struct{}
}

// guard calls do, which runs on a goroutine of its own.
func (p *firstPanic) guard(do func()) {
	guard(do, func(panicked any) {
		if panicked != nil {
			p.once.Do(func() {
				p.value = panicked
				close(p.kept)
			})
		}
	})
}

func (p *firstPanic) rethrow() {
	select {
	case <-p.kept:
		panic(p.value)
	default:
	}
}

func newAudit(ctx context.Context, c *Client, cfg auditConfig) *audit {
	a := &audit{
		client: c, config: cfg,
		work: make(chan CertificateRef), left: make(chan struct{}),
		// Some room spares the workers a switch for each result.
		results: make(chan AuditResult, min(cfg.concurrency, defaultConcurrency)),
	}
	a.ctx, a.cancel = context.WithCancel(ctx)
	a.admission, a.stop = context.WithCancelCause(a.ctx)
	a.tally.news = make(chan struct{}, 1)
	a.panics.kept = make(chan struct{})
	return a
}

func (a *audit) run(certs iter.Seq[CertificateRef], yield func(AuditResult) bool) {
	defer a.panics.rethrow()
	defer a.end()
	a.running.Go(func() {
		defer close(a.work)
		a.panics.guard(func() { a.feed(certs) })
	})
	go func() {
		a.running.Wait()
		close(a.results)
	}()
	for {
		select {
		case r, ok := <-a.results:
			if !ok {
				return
			}
			a.tally.add(r)
			a.report()
			if !yield(r) {
				return
			}
		case <-a.tally.news:
			a.report()
		case <-a.panics.kept:
			return
		}
	}
}

// end stops everything and waits for it.
func (a *audit) end() {
	close(a.left)
	a.cancel()
	for range a.results {
		continue
	}
}

// feed hands the certificates to workers, which it starts as they are needed.
func (a *audit) feed(certs iter.Seq[CertificateRef]) {
	workers := 0
	for cert := range certs {
		select {
		case <-a.left:
			return
		case a.work <- cert:
			continue
		default:
		}
		if workers < a.config.concurrency {
			workers++
			a.running.Go(func() { a.panics.guard(func() { a.worker(cert) }) })
			continue
		}
		select {
		case <-a.left:
			return
		case a.work <- cert:
		}
	}
}

func (a *audit) worker(cert CertificateRef) {
	for ok := true; ok; cert, ok = <-a.work {
		select {
		case a.results <- a.ask(cert):
		case <-a.left:
			return
		}
	}
}

func (a *audit) ask(cert CertificateRef) AuditResult {
	if err := cert.validate(); err != nil {
		return AuditResult{Certificate: cert, Err: invalidArgument(operationAudit, err.Error())}
	}
	list, fail := a.client.ask(a.ctx, cert, manner{
		admission: a.admission, patient: true,
		asking: a.tally.ask, waiting: a.tally.wake,
	})
	if fail == nil {
		return AuditResult{Certificate: cert, List: list}
	}
	// A caller who went away ends the rest by that, whatever came with it.
	if a.ctx.Err() == nil && (fail.Is(ErrUnauthorized) || fail.Is(ErrRateLimited)) {
		a.stop(&auditStop{fail})
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
