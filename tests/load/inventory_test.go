package load

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	acct "github.com/certuse/cloudflare-mtls/tests/internal/account"
	"github.com/certuse/cloudflare-mtls/tests/internal/random"
)

func drawAccount(rng *rand.Rand) *acct.Account {
	a := &acct.Account{ID: account, Services: map[string][]string{}, Hostnames: map[string]string{}, PageSize: 1 + rng.IntN(4)}
	rare := []int{3, 9, 27}[rng.IntN(3)] // the larger, the fewer references to certificates
	for n := range 1 + rng.IntN(6) {
		c := acct.Certificate{ID: fmt.Sprintf("2458ce5a-0c35-4c7f-82c7-%012d", n), Null: rng.IntN(2) == 0}
		c.CA = []any{true, false, nil}[rng.IntN(3)]
		a.Certificates = append(a.Certificates, c)
	}
	zones, projects := rng.IntN(5), 3
	if rng.IntN(8) == 0 { // lists of about one page
		a.PageSize, zones, projects = 10, 8+rng.IntN(6), 13
	}
	for n := range zones {
		a.Zones = append(a.Zones, fmt.Sprintf("%032d", n))
	}
	several := func(kind string, most, certificates int) (out []acct.Referrer) {
		for n := range rng.IntN(most + 1) {
			r := acct.Referrer{Name: kind + "-" + strconv.Itoa(n)}
			for range certificates {
				id := a.Certificates[rng.IntN(len(a.Certificates))].ID
				switch rng.IntN(rare) {
				case 0:
					r.Certificates = append(r.Certificates, id)
				case 1:
					r.Certificates = append(r.Certificates, strings.ToUpper(id))
				case 2:
					r.Certificates = append(r.Certificates, "2458ce5a-0000-0000-0000-000000000000") // not in the account
				}
			}
			out = append(out, r)
		}
		return out
	}
	a.Workers, a.Pages = several("worker", 4, 3), several("project", projects, 3)
	a.Hyperdrive, a.Posture = several("config", 2, 2), several("rule", 2, 1)
	for _, r := range several("gateway", 1, 2) {
		a.Gateway = r.Certificates
	}
	for _, c := range a.Certificates {
		for n := range max(0, rng.IntN(rare+2)-rare+1) {
			a.Services[c.ID] = append(a.Services[c.ID], "service-"+strconv.Itoa(n))
		}
		for _, zone := range a.Zones {
			if rng.IntN(rare) == 0 {
				a.Hostnames[zone+" "+c.ID] = "api.example.com"
			}
		}
	}
	return a
}

// namedBy returns the sources that name a certificate.
func namedBy(a *acct.Account, c acct.Certificate) map[api.Source]bool {
	out := map[api.Source]bool{}
	note := func(source api.Source, named bool) {
		if named {
			out[source] = true
		}
	}
	refers := func(id string) bool { return strings.EqualFold(id, c.ID) }
	for source, referrers := range map[api.Source][]acct.Referrer{
		api.SourceWorkers: a.Workers, api.SourcePages: a.Pages, api.SourceHyperdrive: a.Hyperdrive, api.SourcePosture: a.Posture,
		api.SourceGateway: {{Certificates: a.Gateway}},
	} {
		for _, r := range referrers {
			note(source, slices.ContainsFunc(r.Certificates, refers))
		}
	}
	note(api.SourceAssociations, len(a.Services[c.ID]) > 0)
	for _, zone := range a.Zones { // hostnames are not read for a leaf
		note(api.SourceHostnames, c.CA != false && a.Hostnames[zone+" "+c.ID] != "")
	}
	return out
}

// couldName are the kinds of certificates that a source can name.
var couldName = map[api.Source]struct{ ca, leaf bool }{
	api.SourceAssociations: {true, true}, api.SourceHostnames: {true, false}, api.SourceWorkers: {false, true}, api.SourcePages: {false, true},
	api.SourceHyperdrive: {true, true}, api.SourceGateway: {true, true}, api.SourcePosture: {true, false},
}

func applies(source api.Source, c acct.Certificate) bool {
	kinds := couldName[source]
	return c.CA == nil || c.CA == true && kinds.ca || c.CA == false && kinds.leaf
}

// open returns the sources whose faults may leave a use of the certificate unknown.
func open(a *faulty, c acct.Certificate) map[api.Source]bool {
	out, refusals := map[api.Source]bool{}, 0
	for _, f := range a.faults {
		if f.place.Source == api.SourceAssociations && f.kind == "403" {
			refusals++
		}
	}
	for _, f := range a.faults {
		about := true
		switch {
		case f.place.Source == api.SourceAssociations:
			about = f.place.Target == c.ID || refusals == 3 // after three refusals, no associations are requested
		case f.place.Source == api.SourceHostnames && strings.Contains(f.place.Target, " "):
			about = strings.HasSuffix(f.place.Target, " "+c.ID)
		}
		out[f.place.Source] = out[f.place.Source] || about
	}
	return out
}

// Under any fault, an inventory reports a certificate as unused only if no source names
// it that was read or is for its kind, CA or leaf. It reports a certificate as unknown
// only if a failed source could name it.
func TestCertificatesNamedByASourceAreNeverUnused(t *testing.T) {
	harmfulFaults, usages := map[string]int{}, map[api.Usage]int{}
	for n := range accounts {
		rng := rand.New(rand.NewPCG(random.Seed, uint64(n)))
		a := &faulty{Account: drawAccount(rng)}
		a.faults = drawFaults(rng, a.Account)
		a.seen = make([]int, len(a.faults))
		opts := []api.InventoryOption{api.WithInventoryConcurrency(1 + rng.IntN(8))}
		noZones := len(a.Zones) == 0 && rng.IntN(2) == 0
		if noZones {
			opts = append(opts, api.WithNoZones())
		}
		if rng.IntN(2) == 0 {
			opts = append(opts, api.WithAllUses())
		}
		items, err := collect(t, a, opts)
		problem, harmful := "", err != nil
		if err != nil && !slices.ContainsFunc(a.faults, endsAll) {
			problem = fmt.Sprintf("the inventory ended with %v", err)
		}
		for _, c := range a.Certificates {
			item, ok := items[c.ID]
			switch {
			case ok && item.Evidence.GatheredAt.IsZero(): // listed before the end, and not read
				if err == nil || item.Evidence.Usage() != api.UsageUnknown {
					problem = fmt.Sprintf("%s was not read: %v, the inventory ended with %v", c.ID, item.Evidence, err)
				}
			case ok:
				problem = cmp.Or(problem, check(a, c, item, noZones))
			case err == nil:
				problem = "no " + c.ID
			}
			usages[item.Evidence.Usage()]++
			harmful = harmful || item.Evidence.Usage() == api.UsageUnknown
		}
		if problem != "" {
			t.Fatalf("TEST_SEED=%d, account %d: %s\n%+v\nfaults %+v", random.Seed, n, problem, a.Account, a.faults)
		}
		if harmful && len(a.faults) == 1 && (noZones || len(a.Zones) > 0) {
			harmfulFaults[a.faults[0].kind]++
		}
	}
	t.Logf("%d accounts, certificates: %v; faults that left a usage unknown: %v", accounts, usages, harmfulFaults)
	for kind := range respond {
		if harmless := kind == "slow"; harmless != (harmfulFaults[kind] == 0) && (harmless || reduced == "") {
			t.Errorf("the fault %q left a usage unknown in %d accounts, want none: %t", kind, harmfulFaults[kind], harmless)
		}
	}
}

// endsAll reports whether a fault may end the whole inventory: a fault of the list of
// certificates, a refusal of all requests, or no response to the first request,
// because the address may be wrong.
func endsAll(f fault) bool {
	first := f.place.Source == api.SourceWorkers && f.place.List
	return f.place.Source == "" || f.kind == "401" || f.kind == "429" ||
		first && slices.Contains([]string{"reset", "hangs", "cut off"}, f.kind)
}

// collect runs an inventory in synthetic time.
func collect(t *testing.T, a *faulty, opts []api.InventoryOption) (items map[string]api.InventoryItem, ended error) {
	t.Helper()
	items = map[string]api.InventoryItem{}
	synctest.Test(t, func(t *testing.T) {
		client, err := api.New(api.APIToken("token"), api.WithHTTPClient(&http.Client{Transport: a}),
			api.WithRateLimit(0, 0), api.WithMaxAttempts(2))
		if err != nil {
			t.Fatal(err)
		}
		for item, err := range client.Inventory(t.Context(), account, opts...) {
			if ended = err; err != nil {
				return
			}
			if _, twice := items[item.Certificate.Ref.ID]; twice {
				t.Errorf("%s was yielded twice", item.Certificate.Ref.ID)
			}
			items[item.Certificate.Ref.ID] = item
		}
	})
	return items, ended
}

// check returns what is wrong with an item of an inventory, or "".
func check(a *faulty, c acct.Certificate, item api.InventoryItem, noZones bool) string {
	named, faulted := namedBy(a.Account, c), open(a, c)
	if len(a.Zones) == 0 && !noZones {
		faulted[api.SourceHostnames] = true
	}
	listed := c
	if faulted[""] {
		listed.CA = nil // the list may lack the member ca
	}
	reliable, unknown := false, false
	for source := range named {
		if faulted[source] && !applies(source, c) {
			delete(named, source) // a source for the other kind of certificate counts only if it was read
		}
		reliable = reliable || !faulted[source]
	}
	for source, faulty := range faulted {
		unknown = unknown || faulty && applies(source, listed)
	}
	usage := item.Evidence.Usage()
	reason := slices.ContainsFunc(item.Evidence.Sources, func(r api.SourceResult) bool {
		var e *api.Error
		return r.State == api.SourceFailed && errors.As(r.Err, &e)
	})
	switch {
	case usage == api.Unused && len(named) > 0,
		usage == api.InUse && len(namedBy(a.Account, listed)) == 0,
		usage != api.InUse && reliable,
		usage == api.UsageUnknown && (!unknown || !reason):
		return fmt.Sprintf("%s (ca %v) is %v, but %v name it, with faults in %v: %+v", c.ID, c.CA, usage, named, faulted, item.Evidence)
	}
	return ""
}

// In memory, an inventory keeps only the ids and the requests in flight.
func TestTheHeapGrowsByAtMost4MiBInAnInventoryOf20000Certificates(t *testing.T) {
	const certificates, samples, growth = 20_000, 10, 4 << 20
	a := &acct.Account{ID: account, PageSize: 50, Hyperdrive: []acct.Referrer{{Name: "db", Certificates: []string{"cert-7"}}}}
	for n := range certificates {
		a.Certificates = append(a.Certificates, acct.Certificate{ID: "cert-" + strconv.Itoa(n), CA: n%2 == 0})
	}
	client, err := api.New(api.APIToken("token"), api.WithRateLimit(0, 0), api.WithHTTPClient(&http.Client{Transport: a}))
	if err != nil {
		t.Fatal(err)
	}
	started, yielded, used := time.Now(), 0, 0
	var heap []uint64
	for item, err := range client.Inventory(t.Context(), account, api.WithNoZones()) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Evidence.Usage() == api.InUse {
			used++
		}
		if yielded++; yielded%(certificates/samples) == 0 {
			heap = append(heap, liveHeap()>>10)
		}
	}
	t.Logf("%d certificates in %v; live heap in KiB after each tenth: %v", yielded, time.Since(started).Round(time.Millisecond), heap)
	if yielded != certificates || used != 1 {
		t.Errorf("%d certificates, %d of them in use", yielded, used)
	}
	if last, first := heap[len(heap)-1], heap[0]; last > first+growth>>10 {
		t.Errorf("the live heap grew from %d to %d KiB", first, last)
	}
}
