package api

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

const operationInventory = "inventory of mTLS certificates"

// Inventory lists the certificates of an account and finds out where each is used.
// Every range over it is a new inventory.
//
// It first reads the sources that belong to the whole account, each once, then the
// list of certificates, and asks about each certificate, several at a time
// ([WithInventoryConcurrency]). A zone is asked about a CA only while no source
// names that CA, unless [WithAllUses] says otherwise. Items come in the order in
// which they are complete; memory does not grow with their number.
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
// vendor and outages, for as long as it takes. Leaving the loop cancels the requests in flight
// and waits until everything that the inventory started has ended.
func (c *Client) Inventory(ctx context.Context, accountID string, opts ...InventoryOption) iter.Seq2[InventoryItem, error] {
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
// does not have the certificate. To ask about several certificates, use
// [Client.Inventory] with [WithCertificates]: it reads the sources of the account
// once.
func (c *Client) Evidence(ctx context.Context, cert CertificateRef, opts ...InventoryOption) (*Evidence, error) {
	var out *Evidence
	var failure error
	opts = append(slices.Clone(opts), WithCertificates(cert))
	for item, err := range c.Inventory(ctx, cert.AccountID, opts...) {
		if err != nil {
			failure = err
			break
		}
		out = &item.Evidence
		// One failure of all sources is that of the certificate itself.
		if first, last := out.Sources[0].Err, out.Sources[len(sources)-1].Err; first != nil && first == last {
			failure = first
		}
	}
	if failure != nil {
		return nil, failure
	}
	return out, nil
}

// inventory is one range over an Inventory.
type inventory struct {
	*series
	client  *Client
	account string
	config  inventoryConfig

	findings map[Source]findings
	zones    []Zone

	// slots bounds the requests in flight.
	slots chan struct{}

	mu sync.Mutex
	// fatal ends the inventory.
	fatal error
	// speculative counts requests made beside another one that may make them
	// superfluous, and those that did turn out so: never more than workers.
	speculative int
	progress    InventoryProgress
	news        chan struct{}
}

func newInventory(ctx context.Context, c *Client, accountID string, opts []InventoryOption) (*inventory, error) {
	cfg, err := newInventoryConfig(opts)
	if err = errors.Join(err, c.check(ctx, validateID("account id", accountID, maxAccountIDLength))); err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
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
		slots: make(chan struct{}, cfg.concurrency), news: make(chan struct{}, 1),
	}
	v.series = newSeries(ctx, v.asked, v.wake)
	return v, nil
}

func (v *inventory) run(yield func(InventoryItem, error) bool) {
	defer v.cancel()
	v.readAccount()
	p := pool[Certificate, *InventoryItem]{workers: v.config.concurrency, work: v.item, cancel: v.cancel, news: v.news, report: v.report}
	left := false
	p.run(v.certificates(), func(item *InventoryItem) bool {
		if item == nil {
			return true
		}
		v.count(item)
		v.report()
		left = !yield(*item, nil)
		return !left
	})
	if !left && v.fatal != nil {
		yield(InventoryItem{}, v.fatal)
	}
}

// readAccount reads the sources that belong to the account.
func (v *inventory) readAccount() {
	for _, s := range accountSources {
		if v.wants(s.source) && v.err() == nil {
			v.expect(1)
			f := s.read(v.ctx, v)
			v.judge(f.failure)
			v.findings[s.source] = f
		}
	}
	if v.wants(SourceHostnames) && !v.config.noZones && v.err() == nil {
		v.expect(1)
		v.findings[SourceHostnames] = v.readZones()
	}
}

func (v *inventory) wants(s Source) bool { return slices.Contains(v.config.sources, s) }

// certificates yields the certificates in question; of those that were given, only
// the reference. An error of the list ends the inventory.
func (v *inventory) certificates() iter.Seq[Certificate] {
	return func(yield func(Certificate) bool) {
		v.expect(len(v.config.certificates))
		for _, ref := range v.config.certificates {
			if v.err() != nil || !yield(Certificate{Ref: ref}) {
				return
			}
		}
		if len(v.config.certificates) > 0 || v.err() != nil {
			return
		}
		v.expect(1)
		for cert, err := range v.client.certificates(v.ctx, v.account, v.policy(), v.listed) {
			if err != nil {
				v.end(err)
				return
			}
			if v.err() != nil || !yield(cert) {
				return
			}
		}
	}
}

// end notes what ends the inventory; the first one is kept.
func (v *inventory) end(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fatal == nil {
		v.fatal = err
	}
}

func (v *inventory) err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.fatal
}

// judge ends the inventory if a failure makes asking on pointless.
func (v *inventory) judge(failure *Error) {
	switch {
	case failure == nil:
	case v.ctx.Err() != nil:
		v.end(failure)
	case failure.Is(ErrUnauthorized), failure.Is(ErrRateLimited), failure.Is(ErrUnreachable) && v.admission.Err() != nil:
		v.end(failure)
	}
}

// item gathers the evidence about a certificate. It is nil when the inventory has
// ended.
func (v *inventory) item(cert Certificate) *InventoryItem {
	if len(v.config.certificates) > 0 {
		got, failure := v.readCertificate(cert.Ref)
		switch {
		case v.err() != nil:
			return nil
		case failure != nil:
			return unreadable(cert, failure)
		}
		cert = *got
	}
	item := &InventoryItem{Certificate: cert}
	e := &item.Evidence
	for _, source := range sources {
		switch {
		case !v.wants(source):
			e.Sources = append(e.Sources, SourceResult{Source: source, State: SourceLeftOut})
		case !source.applies(cert.CA):
			e.Sources = append(e.Sources, SourceResult{Source: source, State: SourceNotApplicable})
		case source == SourceAssociations:
			v.askAssociations(cert, e)
		case source == SourceHostnames: // last, when all others have spoken
			e.Sources = append(e.Sources, SourceResult{Source: source})
		default:
			e.addFindings(source, v.findings[source], cert.Ref.ID)
		}
		if v.err() != nil {
			return nil
		}
	}
	if at := slices.Index(sources, SourceHostnames); e.Sources[at].State == "" {
		e.Sources[at] = v.askZones(cert, e)
	}
	if v.err() != nil {
		return nil
	}
	slices.SortStableFunc(e.Uses, func(a, b Use) int {
		return cmp.Or(cmp.Compare(slices.Index(sources, a.Source), slices.Index(sources, b.Source)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Status, b.Status))
	})
	e.GatheredAt = time.Now()
	e.verdict = e.conclude()
	return item
}

func (v *inventory) readCertificate(ref CertificateRef) (cert *Certificate, failure *Error) {
	v.within(func() { cert, failure = v.client.certificate(v.ctx, ref, v.policy()) })
	v.judge(failure)
	return cert, failure
}

// unreadable is the item of a certificate that could not be read: every source
// failed for that reason.
func unreadable(cert Certificate, failure *Error) *InventoryItem {
	item := &InventoryItem{Certificate: cert, Evidence: Evidence{GatheredAt: time.Now()}}
	for _, source := range sources {
		item.Evidence.Sources = append(item.Evidence.Sources, SourceResult{
			Source: source, State: SourceFailed, Err: failure, Permission: missingPermission(getCertificate, failure),
		})
	}
	return item
}

// addFindings adds what a source of the account says about a certificate.
func (e *Evidence) addFindings(source Source, f findings, certificateID string) {
	e.Uses = append(e.Uses, f.uses[strings.ToLower(certificateID)]...)
	r := SourceResult{Source: source, State: SourceComplete, Scope: f.scope}
	if f.failure != nil {
		r.State, r.Err, r.Permission = SourceFailed, f.failure, f.permission
	}
	e.Sources = append(e.Sources, r)
}

// askAssociations asks the operation that names the services of a certificate. It
// sees the services that the vendor reports there; it is nowhere documented which
// these are.
func (v *inventory) askAssociations(cert Certificate, e *Evidence) {
	r := SourceResult{Source: SourceAssociations, State: SourceComplete, Scope: "services that the API reports"}
	var list *AssociationList
	var failure *Error
	v.expectAssociations()
	v.within(func() { list, failure = v.associations(v.client, cert.Ref) })
	v.judge(failure)
	if list != nil {
		for _, a := range list.Associations {
			e.Uses = append(e.Uses, Use{Source: SourceAssociations, Name: a.Service, Status: a.Status})
		}
		if err := list.incomplete(); err != nil {
			failure = asError(err)
		}
	}
	if failure != nil {
		r.State, r.Err, r.Permission = SourceFailed, failure, missingPermission(listAssociations, failure)
	}
	e.Sources = append(e.Sources, r)
}

// within makes a request within the bound on requests in flight.
func (v *inventory) within(request func()) {
	v.slots <- struct{}{}
	defer func() { <-v.slots }()
	request()
}

// each calls do for 0 to n-1, several at a time.
func (v *inventory) each(n int, do func(i int)) {
	p := pool[int, struct{}]{workers: v.config.concurrency, cancel: func() {}, news: v.news, report: v.report, work: func(i int) struct{} {
		if v.err() == nil {
			v.within(func() { do(i) })
		}
		return struct{}{}
	}}
	p.run(func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}, func(struct{}) bool { return true })
}

// asError returns an error of this package as what it is.
func asError(err error) *Error {
	e, _ := errors.AsType[*Error](err)
	return e
}
