package api

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

const operationInventory = "inventory of mTLS certificates"

// Inventory lists the certificates of an account and finds out where each is used.
// Every range over it is a new inventory.
//
// It first reads the sources that belong to the whole account, each once, then the
// list of certificates, and asks about each certificate, several at a time
// ([WithInventoryConcurrency]). A zone is asked about a CA only while no source
// names that CA, unless [WithAllUses] says otherwise. Items come in the order in
// which they are complete; of the certificates that came, memory keeps the ids.
//
// A source that fails leaves the certificates that it could name, and that no
// other source names, [UsageUnknown]; [Evidence.Sources] says why. A certificate
// of [WithCertificates] that cannot be read, as one that the store does not have,
// is unknown, and all its sources failed for that reason. An error comes
// last, with a zero item, and ends the inventory: that of listing the
// certificates, of the context, [ErrUnauthorized] as soon as the API refuses the
// credentials, [ErrRateLimited] when the API refuses all requests for longer than 15
// minutes, and [ErrUnreachable] when it answers none for that time, or not the first.
//
// Like an audit, an inventory waits for the limiter, and sits out blocks by the
// vendor and outages, for as long as it takes; but a source that for five minutes
// does nothing but ask all callers to wait has failed. Leaving the loop cancels the
// requests in flight and waits until everything that the inventory started has ended.
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

// Evidence gathers what every source says about one certificate. It reads the
// certificate first. The error is an [*Error], also [ErrNotFound] when the store
// does not have the certificate. [WithCertificates] has no effect here. To ask
// about several certificates, use [Client.Inventory] with [WithCertificates]: it
// reads the sources of the account once.
func (c *Client) Evidence(ctx context.Context, cert CertificateRef, opts ...InventoryOption) (*Evidence, error) {
	item, _, failure := c.inspect(ctx, cert, opts)
	if failure != nil {
		return nil, failure
	}
	return &item.Evidence, nil
}

// inspect is the inventory of one certificate. It also returns the number of calls.
func (c *Client) inspect(ctx context.Context, cert CertificateRef, opts []InventoryOption) (out *InventoryItem, calls int, failure *Error) {
	only := func(cfg *inventoryConfig) error {
		cfg.certificates = []CertificateRef{cert} // whatever the options say
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
		// One failure of all sources is that of the certificate itself.
		if first, last := item.Evidence.Sources[0].Err, item.Evidence.Sources[len(sources)-1].Err; first != nil && first == last {
			failure = asError(first)
		}
		return true
	})
	return out, int(v.asked.Load()), failure
}

// inventory is one range over an Inventory.
type inventory struct {
	*series
	client  *Client
	account string
	config  inventoryConfig

	// started, findings and zones are set before the first certificate is asked about.
	started  time.Time
	findings map[Source]findings
	zones    []Zone

	// slots bounds the requests in flight. speculative has an element for each one
	// that an earlier one under way may make superfluous, and for each that did turn
	// out so: never more than workers.
	slots, speculative chan struct{}

	// fatal is canceled with the error that ends the inventory, the first one.
	fatal context.Context
	end   context.CancelCauseFunc

	// counts belong to the goroutine of the loop. expected and total are parts of the
	// progress that other goroutines count.
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
		// Of the operations of an inventory one may be out of order, and not the service.
		series: newSeries(ctx, quota.AssumedBlock),
	}
	v.fatal, v.end = context.WithCancelCause(context.Background())
	return v, nil
}

// policy is that of all calls of the inventory: they are patient, and take a slot.
func (v *inventory) policy() callPolicy {
	p := v.policyWithSlot()
	p.begin = func() func(*Error) {
		v.slots <- struct{}{}
		return v.ended
	}
	return p
}

// policyWithSlot is that of a call for which a slot is taken already.
func (v *inventory) policyWithSlot() callPolicy {
	p := v.series.policy()
	p.begin = func() func(*Error) { return v.ended }
	return p
}

// ended gives the slot of a call back, and ends the inventory if a failure makes
// asking on pointless.
func (v *inventory) ended(failure *Error) {
	<-v.slots
	switch {
	case failure == nil:
	case v.ctx.Err() != nil && errors.Is(failure, v.ctx.Err()),
		failure.Is(ErrUnauthorized), failure.Is(ErrRateLimited), failure.Is(ErrUnreachable) && v.admission.Err() != nil:
		v.end(failure)
	}
}

func (v *inventory) run(yield func(InventoryItem, error) bool) {
	p := pool[Certificate, *InventoryItem]{workers: v.config.concurrency, work: v.item, cancel: v.cancel, news: v.news, report: v.report}
	defer v.cancel()
	left := false
	p.run(v.certificates, func(item *InventoryItem) bool {
		if item == nil {
			return true
		}
		v.count(item)
		v.report()
		left = !yield(*item, nil)
		return !left
	})
	if err := v.err(); !left && err != nil {
		yield(InventoryItem{}, err)
	}
}

// readAccount reads the sources that belong to the account.
func (v *inventory) readAccount() {
	for _, s := range askOrder {
		if s.read != nil && v.wants(s.source) && v.err() == nil {
			v.expect(1)
			f := findings{source: s.source, uses: map[string][]Use{}}
			s.read(v, &f)
			v.findings[s.source] = f
		}
	}
}

func (v *inventory) wants(s Source) bool { return slices.Contains(v.config.sources, s) }

// certificates reads the sources of the account and then yields the certificates in
// question. An error ends the inventory.
func (v *inventory) certificates(yield func(Certificate) bool) {
	v.expectCertificates(len(v.config.certificates))
	v.started = time.Now()
	v.readAccount()
	given := 0
	for cert, err := range v.listed() {
		switch {
		case v.err() != nil:
			return
		case err != nil:
			v.end(err)
			return
		}
		given++
		v.expectCertificates(max(given, int(v.total.Load())))
		if !yield(cert) {
			return
		}
	}
	v.expectCertificates(given)
}

// listed goes through the certificates in question; of those that were given, it has
// only the reference.
func (v *inventory) listed() iter.Seq2[Certificate, error] {
	v.expect(max(1, len(v.config.certificates)))
	if len(v.config.certificates) == 0 {
		return v.client.certificates(v.ctx, v.account, v.policy(), v.countCertificates())
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

// item gathers the evidence about a certificate. It is nil when the inventory has
// ended.
func (v *inventory) item(cert Certificate) *InventoryItem {
	if len(v.config.certificates) > 0 {
		got, failure := v.client.certificate(v.ctx, cert.Ref, v.policy())
		switch {
		case v.err() != nil:
			return nil
		case failure != nil:
			if v.wants(SourceAssociations) {
				v.expect(-1)
			}
			return v.unreadable(cert, failure)
		}
		cert = *got
	}
	item := &InventoryItem{Certificate: cert}
	e, ca := &item.Evidence, cert.agreedCA()
	for _, s := range askOrder {
		f, r := v.findings[s.source], SourceResult{Source: s.source}
		switch {
		case !v.wants(s.source):
			r.State = SourceLeftOut
		case !s.applies(ca) && !f.names(cert.Ref.ID):
			r.State = SourceNotApplicable
		case s.source == SourceAssociations:
			r = v.askAssociations(cert, e)
		case s.source == SourceHostnames:
			r = v.askZones(cert, e)
		default:
			e.Uses = append(e.Uses, f.uses[idKey(cert.Ref.ID)]...)
			r = f.result()
		}
		e.Sources = append(e.Sources, r)
		if v.err() != nil {
			return nil
		}
	}
	slices.SortFunc(e.Sources, func(a, b SourceResult) int { return a.Source.compare(b.Source) })
	slices.SortStableFunc(e.Uses, func(a, b Use) int {
		return cmp.Or(a.Source.compare(b.Source), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Status, b.Status))
	})
	e.StartedAt, e.GatheredAt = v.started, time.Now()
	e.verdict = e.conclude()
	return item
}

// unreadable is the item of a certificate that could not be read: every source
// failed for that reason.
func (v *inventory) unreadable(cert Certificate, failure *Error) *InventoryItem {
	item := &InventoryItem{Certificate: cert, Evidence: Evidence{StartedAt: v.started, GatheredAt: time.Now()}}
	for _, source := range sources {
		item.Evidence.Sources = append(item.Evidence.Sources, SourceResult{
			Source: source, State: SourceFailed, Err: failure, Permission: missingPermission(getCertificate, failure),
		})
	}
	return item
}

// asError returns an error of this package as what it is.
func asError(err error) *Error {
	e, _ := errors.AsType[*Error](err)
	return e
}
