package api

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// InventoryOption configures [Client.Inventory] and [Client.Evidence]. If an option is
// given twice, the last one applies, but the certificates of each [WithCertificates]
// are selected.
type InventoryOption func(*inventoryConfig) error

type inventoryConfig struct {
	sources      []Source
	certificates []CertificateRef
	concurrency  int
	allUses      bool
	noZones      bool
	progress     func(InventoryProgress)
}

// WithSources limits the evidence to these sources; an [Unused] then does not cover the
// others. The default is all sources. No source, or an unknown one, is invalid.
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

// WithCertificates selects these certificates of the account instead of all. Each takes
// one more request. No certificate, or one of another account, is invalid.
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

// WithAllUses requests the hostnames of every zone for every CA, even if the CA is
// known to be in use, so that all uses are found.
func WithAllUses() InventoryOption {
	return func(c *inventoryConfig) error {
		c.allUses = true
		return nil
	}
}

// WithNoZones states that the account has no zones: an empty list of zones is then not
// a failure. Listed zones are read all the same, and an error of the list is a failure.
func WithNoZones() InventoryOption {
	return func(c *inventoryConfig) error {
		c.noZones = true
		return nil
	}
}

// WithInventoryConcurrency limits the requests of the inventory that are in flight; the
// default is 32, and less than 1 is invalid.
func WithInventoryConcurrency(n int) InventoryOption {
	return func(c *inventoryConfig) error {
		c.concurrency = n
		return positive("WithInventoryConcurrency", n)
	}
}

// WithInventoryProgress calls report before each item is yielded, and when the
// inventory begins to wait. The calls are sequential, on the goroutine that ranges over
// the inventory.
func WithInventoryProgress(report func(InventoryProgress)) InventoryOption {
	return func(c *inventoryConfig) error {
		c.progress = report
		return requireFunc("WithInventoryProgress", report)
	}
}

// InventoryProgress is the progress of an inventory.
type InventoryProgress struct {
	// Requests counts the calls that were made. Expected is an upper limit of that number
	// as known so far: it grows when Workers, zones and certificates are listed, and falls
	// when a call turns out to be unnecessary. Retries are not counted.
	Requests int `json:"requests"`
	Expected int `json:"expected"`
	// InUse, Unused and Unknown count the yielded certificates by usage, including the one
	// that is yielded next.
	InUse   int `json:"in_use"`
	Unused  int `json:"unused"`
	Unknown int `json:"unknown"`
	// Certificates is the number of certificates as known so far.
	Certificates int `json:"certificates"`
	// WaitingUntil is as in [AuditProgress].
	WaitingUntil time.Time `json:"waiting_until,omitzero"`
}

// expect adds calls that will be made.
func (v *inventory) expect(calls int) {
	v.expected.Add(int64(calls))
}

// pagesPolicy returns the policy of the calls for the pages of one list. It adds the
// calls after the first to the expected ones; the caller has added the first.
func (v *inventory) pagesPolicy() callPolicy {
	p, expected := v.policy(), int64(1)
	p.onPage = func(number int64, info *ResultInfo) {
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
	return p
}

// maxCounted limits the numbers that a list can add to the progress.
const maxCounted = 1 << 30

// expectCertificates sets the number of certificates as known so far. Each takes one
// call for its associations; readHostnames counts the calls for the zones of a CA.
func (v *inventory) expectCertificates(n int) {
	before := v.total.Swap(int64(n))
	if v.includes(SourceAssociations) {
		v.expect(n - int(before))
	}
}

// count adds an item that is about to be yielded.
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
	p.Requests, p.Certificates = int(v.sent.Load()), int(v.total.Load())
	// A list may report too few pages until the next page is read.
	p.Expected = max(int(v.expected.Load()), p.Requests)
	p.WaitingUntil, _ = v.client.limiter.WaitingUntil()
	v.config.progress(p)
}
