package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// record is one certificate of a report.
type record struct {
	api.InventoryItem
	usage    api.Usage
	deletion *deletionOutcome // nil if the command is not delete
	// lookedUp is false for a certificate that was only listed.
	lookedUp bool
	// line is the result as an earlier run printed it; nil for a result of this run.
	line []byte
}

func newRecord(item api.InventoryItem) record {
	return record{InventoryItem: item, usage: item.Evidence.Usage(), lookedUp: true}
}

// recordWithoutResult returns the record of a certificate whose lookup gave no result
// because of err.
func recordWithoutResult(cert api.Certificate, err error) record {
	r := record{InventoryItem: api.InventoryItem{Certificate: cert}, lookedUp: true}
	for _, source := range api.AllSources() {
		r.Evidence.Sources = append(r.Evidence.Sources, api.SourceResult{Source: source, State: api.SourceFailed, Err: err})
	}
	return r
}

const day = 24 * time.Hour

// expiryWarning is how long before its expiry a certificate needs action.
const expiryWarning = 30 * day

// expiresWithin reports whether the certificate expires within d, has expired, or has
// an unknown expiry.
func (r *record) expiresWithin(d time.Duration, now time.Time) bool {
	expires := r.Certificate.ExpiresOn
	return expires.IsZero() || !expires.After(now.Add(d))
}

// zones returns the number of zones whose hostnames were read for the certificate.
func (r *record) zones() (n int) {
	for _, s := range r.Evidence.Sources {
		if s.Source == api.SourceHostnames {
			_, _ = fmt.Sscanf(s.Scope, "hostnames of %d", &n) // 0 in another scope
		}
	}
	return n
}

// sortRank returns the rank of a record in the default order; see sortHelp.
func (r *record) sortRank(now time.Time) int {
	expiring := r.expiresWithin(expiryWarning, now)
	switch {
	case r.usage == api.InUse && expiring, !r.lookedUp && expiring:
		return 0
	case r.usage == api.UsageUnknown && r.lookedUp:
		return 1
	case r.usage == api.Unused:
		return 2
	default:
		return 3
	}
}

// sortHelp states the default order.
const sortHelp = `what needs action first: in use and expiring within 30 days (or of
unknown expiry), then unknown, then unused, then the rest; in each group by
expiry, name, account and id`

var sortOrders = []string{"action", "expiry", "name", "usage"}

// sortRecords sorts records independently of the order in which they arrived.
func sortRecords(records []record, by string, now time.Time) {
	slices.SortFunc(records, func(a, b record) int {
		first := 0
		switch by {
		case "action":
			first = cmp.Compare(a.sortRank(now), b.sortRank(now))
		case "usage":
			first = cmp.Compare(slices.Index(allUsages, a.usage), slices.Index(allUsages, b.usage))
		case "name":
			first = compareNames(a.Certificate.Name, b.Certificate.Name)
		}
		return cmp.Or(first,
			a.Certificate.ExpiresOn.Compare(b.Certificate.ExpiresOn),
			compareNames(a.Certificate.Name, b.Certificate.Name),
			cmp.Compare(a.Certificate.Ref.AccountID, b.Certificate.Ref.AccountID),
			cmp.Compare(a.Certificate.Ref.ID, b.Certificate.Ref.ID))
	})
}

func compareNames(a, b string) int {
	return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
}

// filter selects the certificates of a report. If the API does not report a value, the
// condition for it selects the certificate.
type filter struct {
	types         []string
	ca, leaf      bool
	expiresWithin durationFlag
	usages        []string
}

// selected reports whether the certificate counts, also for the exit code.
func (f *filter) selected(r *record, now time.Time) bool {
	cert := &r.Certificate
	switch {
	case len(f.types) > 0 && cert.Type != "" && !slices.Contains(f.types, cert.Type):
		return false
	case f.ca && cert.CA != nil && !*cert.CA, f.leaf && cert.CA != nil && *cert.CA:
		return false
	case f.expiresWithin.set && !r.expiresWithin(f.expiresWithin.Duration, now):
		return false
	}
	return true
}

// shown reports whether a record is printed.
func (f *filter) shown(r *record) bool {
	return len(f.usages) == 0 || slices.Contains(f.usages, r.usage.String())
}
