package api

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// InventoryOption configures [Client.Inventory] and [Client.Evidence]. A wrong one
// sends nothing and is an [ErrInvalidArgument] that names it.
type InventoryOption func(*inventoryConfig) error

type inventoryConfig struct {
	sources      []Source
	certificates []CertificateRef
	concurrency  int
	allUses      bool
	noZones      bool
	progress     func(InventoryProgress)
}

// WithSources narrows the evidence to these sources; the others are left out, and
// an [Unused] then says nothing about them. Without it, all are read.
func WithSources(only ...Source) InventoryOption {
	only = slices.Clone(only)
	return func(c *inventoryConfig) error {
		if len(only) == 0 {
			return errors.New("WithSources: no sources")
		}
		for _, s := range only {
			if !slices.Contains(sources, s) {
				return fmt.Errorf("WithSources: there is no source %.40q", string(s))
			}
		}
		c.sources = only
		return nil
	}
}

// WithCertificates asks about these certificates of the account instead of all.
// Each is read first, which takes one request.
func WithCertificates(certs ...CertificateRef) InventoryOption {
	certs = slices.Clone(certs)
	return func(c *inventoryConfig) error {
		if len(certs) == 0 {
			return errors.New("WithCertificates: no certificates")
		}
		c.certificates = append(c.certificates, certs...)
		return nil
	}
}

// WithAllUses asks every zone about every CA, also when the CA is known to be in
// use, so that all uses are found.
func WithAllUses() InventoryOption {
	return func(c *inventoryConfig) error {
		c.allUses = true
		return nil
	}
}

// WithNoZones says that the account has no zones: an empty list of zones then is an
// answer and no failure. Zones that the list shows are asked as without it, and a
// list that fails is a failure. The option holds for every account that is asked.
func WithNoZones() InventoryOption {
	return func(c *inventoryConfig) error {
		c.noZones = true
		return nil
	}
}

// WithInventoryConcurrency bounds the requests that the inventory has in flight at
// a time; the default is 32.
func WithInventoryConcurrency(n int) InventoryOption {
	return func(c *inventoryConfig) error {
		c.concurrency = n
		return positive("WithInventoryConcurrency", n)
	}
}

// WithInventoryProgress calls report before each item is yielded, and when the
// inventory begins to wait. The calls come one at a time, on the goroutine that
// ranges over the inventory.
func WithInventoryProgress(report func(InventoryProgress)) InventoryOption {
	return func(c *inventoryConfig) error {
		c.progress = report
		return given("WithInventoryProgress", report)
	}
}

// InventoryProgress is how far an inventory has come.
type InventoryProgress struct {
	// Requests counts the calls that have been made. Expected is how many there
	// will be at most, as far as it is known: with the list of Workers, of zones
	// and of certificates it grows. Retries are not counted.
	Requests int `json:"requests"`
	Expected int `json:"expected"`
	// InUse, Unused and Unknown count the certificates that are complete.
	InUse   int `json:"in_use"`
	Unused  int `json:"unused"`
	Unknown int `json:"unknown"`
	// Certificates is how many there are, as far as it is known.
	Certificates int `json:"certificates"`
	// WaitingUntil is when the next request may be made, as far as it is known,
	// while the limiter or a block by the vendor holds requests back; otherwise
	// it is the zero time.
	WaitingUntil time.Time `json:"waiting_until,omitzero"`
}

// expect counts calls that will be made.
func (v *inventory) expect(calls int) {
	v.expected.Add(int64(calls))
}

// countPages returns a function for pages that counts the calls for a list, of
// which the first is expected already.
func (v *inventory) countPages() func(number int64, info *ResultInfo) {
	expected := int64(1)
	return func(number int64, info *ResultInfo) {
		known := number
		switch {
		case info == nil:
		case info.TotalPages > 0:
			known = max(known, info.TotalPages)
		case info.TotalCount > 0 && info.PerPage > 0:
			known = max(known, (info.TotalCount-1)/info.PerPage+1)
		}
		known = min(known, maxCounted)
		v.expect(int(known - expected))
		expected = known
	}
}

// maxCounted bounds what the numbers of a list can do to those of the progress.
const maxCounted = 1 << 30

// countCertificates is countPages for the list of certificates.
func (v *inventory) countCertificates() func(number int64, info *ResultInfo) {
	countPage := v.countPages()
	return func(number int64, info *ResultInfo) {
		countPage(number, info)
		if info != nil && info.TotalCount > 0 {
			v.expectCertificates(int(min(info.TotalCount, maxCounted)))
		}
	}
}

// expectCertificates says how many certificates there are, as far as it is known.
// Each takes one call, and a CA one for each zone, which askZones counts.
func (v *inventory) expectCertificates(n int) {
	before := v.total.Swap(int64(n))
	if v.wants(SourceAssociations) {
		v.expect(n - int(before))
	}
}

// count adds an item that is complete.
func (v *inventory) count(item *InventoryItem) {
	switch item.Evidence.Usage() {
	case InUse:
		v.counts.InUse++
	case Unused:
		v.counts.Unused++
	default:
		v.counts.Unknown++
	}
}

func (v *inventory) report() {
	if v.config.progress == nil {
		return
	}
	p := v.counts
	p.Requests, p.Certificates = int(v.asked.Load()), int(v.total.Load())
	// The numbers of a list may be wrong until its next page.
	p.Expected = max(int(v.expected.Load()), p.Requests)
	p.WaitingUntil, _ = v.client.limiter.WaitingUntil()
	v.config.progress(p)
}
