package api

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

const operationInventory = "inventory of mTLS certificates"

// Inventory lists the certificates of an account with the evidence about each. Each
// range is a new inventory.
//
// It first reads each source of the account once, then lists the certificates and reads
// the sources of each, several at a time ([WithInventoryConcurrency]). Without
// [WithAllUses], it reads the hostnames of a zone for a CA only while no source names
// that CA. Items are yielded in the order of completion; memory grows by the id of each
// certificate.
//
// If a source fails, the certificates that it could name, and that no other source
// names, are [UsageUnknown]; [Evidence.Sources] has the reason. A certificate of
// [WithCertificates] that cannot be read is UsageUnknown too; all its sources then have
// the error of reading it.
//
// An error comes last, with a zero item, and ends the inventory:
//
//   - the error of listing the certificates, or of the context
//   - [ErrUnauthorized], when the API first refuses the credentials
//   - [ErrRateLimited], if the API refuses all requests for longer than 15 minutes
//   - [ErrUnreachable], if there is no response for that time, or none to the first
//     request
//
// Before the error, the inventory yields the certificates that were listed, or given
// with [WithCertificates], and are not complete: all their sources have that error, and
// GatheredAt is zero.
//
// Like an audit, an inventory waits for the limiter, and for the end of blocks by the
// vendor and of outages. But a source fails if, for five minutes or more, all responses
// are server errors that ask callers to wait. Leaving the loop cancels the requests in
// flight and waits for all goroutines of the inventory.
func (c *Client) Inventory(ctx context.Context, accountID string, opts ...InventoryOption) iter.Seq2[InventoryItem, error] {
	opts = slices.Clone(opts) // the caller may use the slice again before a range
	return func(yield func(InventoryItem, error) bool) {
		v, err := newInventory(ctx, c, accountID, opts)
		if err != nil {
			yield(InventoryItem{}, invalidArgument(operationInventory, err.Error()))
			return
		}
		v.run(yield)
	}
}

// Evidence reads one certificate and the evidence of all sources about it. The error is
// an [*Error]; it is [ErrNotFound] if the store does not have the certificate.
// [WithCertificates] has no effect. For several certificates, use [Client.Inventory]
// with [WithCertificates]: it reads the sources of the account only once.
//
// Evidence waits as an inventory does, but not beyond the deadline of ctx.
func (c *Client) Evidence(ctx context.Context, cert CertificateRef, opts ...InventoryOption) (*Evidence, error) {
	item, _, failure := c.inspect(ctx, cert, opts)
	if failure != nil {
		return nil, failure
	}
	return &item.Evidence, nil
}

// inspect returns the inventory of one certificate and the number of its calls.
func (c *Client) inspect(ctx context.Context, cert CertificateRef, opts []InventoryOption) (out *InventoryItem, calls int, failure *Error) {
	only := func(cfg *inventoryConfig) error {
		cfg.certificates = []CertificateRef{cert} // in place of those of the options
		return nil
	}
	v, err := newInventory(ctx, c, cert.AccountID, append(slices.Clone(opts), only))
	if err != nil {
		return nil, 0, invalidArgument(operationInventory, err.Error())
	}
	v.run(func(item InventoryItem, err error) bool {
		out, failure = &item, asError(err)
		if err != nil {
			return false
		}
		failure = item.Evidence.unreadable
		return true
	})
	return out, int(v.sent.Load()), failure
}

// inventory is the state of one range over an Inventory.
type inventory struct {
	*series
	client  *Client
	account string
	config  inventoryConfig

	// started, findings and zones are set before the first certificate is processed.
	started  time.Time
	findings map[Source]findings
	zones    []Zone

	// slots has an element for each request in flight. speculative has an element for
	// each request in flight that the response to an earlier request may make
	// unnecessary. The element of a request that turns out to be unnecessary is never
	// removed. The capacity of both is the concurrency.
	slots, speculative chan struct{}

	// fatal is canceled with the first error that ends the inventory. end cancels fatal
	// and the requests.
	fatal context.Context
	end   context.CancelCauseFunc

	// Only the goroutine of the loop uses counts. expected and total are the parts of
	// the progress that other goroutines change.
	counts          InventoryProgress
	expected, total atomic.Int64
}

func newInventory(ctx context.Context, c *Client, accountID string, opts []InventoryOption) (*inventory, error) {
	cfg := inventoryConfig{sources: sources, concurrency: defaultConcurrency}
	err := errors.Join(configure(&cfg, opts), validateID("account id", accountID, maxAccountIDLength))
	if err := c.check(ctx, err); err != nil {
		return nil, err
	}
	for _, cert := range cfg.certificates {
		if err := cert.validate(); err != nil {
			return nil, err
		}
		if cert.AccountID != accountID {
			return nil, errors.New("WithCertificates: a certificate of another account")
		}
	}
	v := &inventory{
		client: c, account: accountID, config: cfg, findings: map[Source]findings{},
		slots: make(chan struct{}, cfg.concurrency), speculative: make(chan struct{}, cfg.concurrency),
		// An unavailable source must fail soon, so that the others are read.
		series: newSeries(ctx, quota.DefaultBlock),
	}
	fatal, end := context.WithCancelCause(context.Background())
	v.fatal, v.end = fatal, func(err error) { end(err); v.cancel() }
	return v, nil
}

// policy returns the policy of the calls of the inventory. Each call takes a slot.
func (v *inventory) policy() callPolicy {
	p := v.series.policy()
	p.begin, p.ended = func() { v.slots <- struct{}{} }, v.callEnded
	return p
}

// callEnded frees the slot of a call, and ends the inventory after a failure that all
// further calls would have.
func (v *inventory) callEnded(failure *Error) {
	<-v.slots
	switch {
	case failure == nil:
	case v.ctx.Err() != nil && errors.Is(failure, v.ctx.Err()),
		failure.Is(ErrUnauthorized), failure.Is(ErrRateLimited), failure.Is(ErrUnreachable) && v.admission.Err() != nil:
		v.end(failure)
	}
}

func (v *inventory) run(yield func(InventoryItem, error) bool) {
	p := pool{workers: v.config.concurrency, cancel: v.cancel, notify: v.notify, report: v.report}
	defer v.cancel()
	left := false
	process(&p, v.certificates, v.item, func(item *InventoryItem) bool {
		v.count(item)
		v.report()
		left = !yield(*item, nil)
		return !left
	})
	if err := v.err(); !left && err != nil {
		yield(InventoryItem{}, err)
	}
}

func (v *inventory) readAccount() {
	for _, s := range readOrder {
		if s.read != nil && v.includes(s.source) && v.err() == nil {
			v.expect(1)
			f := findings{source: s.source, uses: map[string][]Use{}}
			s.read(v, &f)
			v.findings[s.source] = f
		}
	}
}

func (v *inventory) includes(s Source) bool { return slices.Contains(v.config.sources, s) }

// certificates reads the sources of the account and then yields the selected
// certificates. An error ends the inventory; the certificates of the page that was read
// last, or of WithCertificates, are still yielded.
func (v *inventory) certificates(yield func(Certificate) bool) {
	v.expectCertificates(len(v.config.certificates))
	v.started = time.Now()
	v.readAccount()
	given := 0
	for cert, err := range v.listed() {
		if err != nil {
			v.end(err)
			return
		}
		given++
		v.expectCertificates(max(given, int(v.total.Load())))
		if !yield(cert) {
			return
		}
	}
}

// listed iterates over the selected certificates; those of WithCertificates have only a
// reference.
func (v *inventory) listed() iter.Seq2[Certificate, error] {
	v.expect(max(1, len(v.config.certificates)))
	if len(v.config.certificates) == 0 {
		policy := v.pagesPolicy()
		countPage := policy.onPage
		policy.onPage = func(number int64, info *ResultInfo) {
			countPage(number, info)
			if info != nil && info.TotalCount > 0 {
				v.expectCertificates(int(min(info.TotalCount, maxCounted)))
			}
		}
		return v.client.certificates(v.ctx, v.account, policy)
	}
	return func(yield func(Certificate, error) bool) {
		for _, ref := range v.config.certificates {
			if !yield(Certificate{Ref: ref}, nil) {
				return
			}
		}
	}
}

func (v *inventory) err() error { return context.Cause(v.fatal) }

// item returns a certificate with its evidence.
func (v *inventory) item(cert Certificate) *InventoryItem {
	if len(v.config.certificates) > 0 {
		got, failure := v.client.certificate(v.ctx, cert.Ref, v.policy())
		switch {
		case v.err() != nil:
			return v.unreadable(cert, v.err(), time.Time{})
		case failure != nil:
			if v.includes(SourceAssociations) {
				v.expect(-1)
			}
			return v.unreadable(cert, failure, time.Now())
		}
		cert = *got
	}
	item := &InventoryItem{Certificate: cert, Evidence: Evidence{Sources: make([]SourceResult, len(sources))}}
	e, ca := &item.Evidence, cert.confirmedCA()
	for _, s := range readOrder {
		f, r := v.findings[s.source], SourceResult{Source: s.source}
		uses := f.uses[idKey(cert.Ref.ID)]
		switch {
		case !v.includes(s.source):
			r.State = SourceLeftOut
		case !s.applies(ca) && len(uses) == 0:
			r.State = SourceNotApplicable
		case s.source == SourceAssociations:
			r = v.readAssociations(cert, e)
		case s.source == SourceHostnames:
			r = v.readHostnames(cert, e)
		default:
			e.Uses = append(e.Uses, uses...)
			r = f.result()
		}
		e.Sources[s.source.position()] = r
		if v.err() != nil {
			return v.unreadable(cert, v.err(), time.Time{})
		}
	}
	sort.SliceStable(e.Uses, func(i, j int) bool {
		a, b := &e.Uses[i], &e.Uses[j]
		return cmp.Or(a.Source.position()-b.Source.position(), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Status, b.Status)) < 0
	})
	e.StartedAt, e.GatheredAt = v.started, time.Now()
	e.proven = e.conclude()
	return item
}

// unreadable returns the item of a certificate that was not read because of err, or
// because the inventory ended with err. Every included source has the error, as a copy,
// because the caller may change it.
func (v *inventory) unreadable(cert Certificate, err error, gatheredAt time.Time) *InventoryItem {
	failure := asError(err).clone()
	item := &InventoryItem{Certificate: cert, Evidence: Evidence{StartedAt: v.started, GatheredAt: gatheredAt, unreadable: failure}}
	for _, source := range sources {
		r := SourceResult{Source: source, State: SourceLeftOut}
		if v.includes(source) {
			r = SourceResult{Source: source, State: SourceFailed, Err: failure, Permission: failure.missingPermission()}
		}
		item.Evidence.Sources = append(item.Evidence.Sources, r)
	}
	return item
}

// asError returns the *Error in err, or nil.
func asError(err error) *Error {
	e, _ := errors.AsType[*Error](err)
	return e
}
