package quota

import (
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	acct "github.com/certuse/cloudflare-mtls/tests/internal/account"
	"github.com/certuse/cloudflare-mtls/tests/internal/quotaserver"
)

// zonesPerPage is the page size of the client's list of zones.
const zonesPerPage = 50

// shapes are accounts with one large part.
var shapes = map[string]struct {
	certificates, zones, workers int
	pageSize                     int // of the lists whose page size the API chooses
}{
	"few certificates, many zones": {24, 120, 3, 20},
	"many certificates, no zones":  {1150, 0, 3, 50},
	"many Workers":                 {9, 4, 1150, 50},
}

// newAccount creates an account. Of its CAs, a third are named by one of the first
// zones, a third by one of the last, and a third by none. Every tenth certificate also
// has another use.
func newAccount(certificates, zones, workers, pageSize int) *acct.Account {
	a := &acct.Account{ID: account, PageSize: pageSize, Hostnames: map[string]string{}, Services: map[string][]string{}}
	for n := range zones {
		a.Zones = append(a.Zones, "zone-"+strconv.Itoa(n))
	}
	for n := range certificates {
		c := acct.Certificate{ID: ref(n).ID, CA: n%5 != 4}
		a.Certificates = append(a.Certificates, c)
		if n%10 == 7 {
			a.Services[c.ID] = []string{"gateway"}
		}
		if c.CA == true && zones > 0 && n%3 < 2 {
			at := []int{n % 4, zones - 1 - n%4}[n%3]
			a.Hostnames[a.Zones[at]+" "+c.ID] = "api.example.com"
		}
	}
	for n := range workers {
		a.Workers = append(a.Workers, acct.Referrer{Name: "worker-" + strconv.Itoa(n)})
	}
	return a
}

// formula returns the number of requests of an inventory with one worker: one for the
// Gateway configuration, each page of a list, each Worker and each certificate. Each CA
// without another use adds one for each zone up to the first that names the CA. With
// allUses, each CA adds one for each zone.
func formula(a *acct.Account, allUses bool) int {
	pages := func(items, size int) int { return max(1, (items+size-1)/size) }
	const hyperdrive, gateway, posture = 1, 1, 1
	n := 1 + len(a.Workers) + pages(len(a.Pages), a.PageSize) + hyperdrive + gateway + posture
	n += pages(len(a.Zones), min(zonesPerPage, a.PageSize))
	n += pages(len(a.Certificates), a.PageSize) + len(a.Certificates)
	for _, c := range a.Certificates {
		if c.CA == false || !allUses && len(a.Services[c.ID]) > 0 {
			continue
		}
		for _, zone := range a.Zones {
			if n++; !allUses && a.Hostnames[zone+" "+c.ID] != "" {
				break
			}
		}
	}
	return n
}

func TestAnInventoryTakesTheRequestsOfTheFormula(t *testing.T) {
	t.Parallel()
	s := seed(t)
	for name, shape := range shapes {
		for _, allUses := range []bool{false, true} {
			for _, workers := range []int{1, 8, 32} {
				t.Run(fmt.Sprintf("%s, all uses %v, %d workers", name, allUses, workers), func(t *testing.T) {
					t.Parallel()
					a := newAccount(shape.certificates, shape.zones, shape.workers, shape.pageSize)
					least := formula(a, allUses)
					synctest.Test(t, func(t *testing.T) {
						rules := strict(s, false)
						rules.Respond = a.RoundTrip
						server := quotaserver.New(rules)
						var last api.InventoryProgress
						opts := []api.InventoryOption{api.WithInventoryConcurrency(workers), api.WithInventoryProgress(func(p api.InventoryProgress) {
							if p.Requests > p.Expected {
								t.Errorf("%+v", p)
							}
							last = p
						})}
						if allUses {
							opts = append(opts, api.WithAllUses())
						}
						if shape.zones == 0 {
							opts = append(opts, api.WithNoZones())
						}
						started, yielded, hostnames := time.Now(), 0, 0
						for item, err := range newClient(t, server).Inventory(t.Context(), account, opts...) {
							if err != nil || item.Evidence.Usage() == api.UsageUnknown {
								t.Fatalf("%+v, %v", item, err)
							}
							yielded++
							for _, use := range item.Evidence.Uses {
								if use.Source == api.SourceHostnames {
									hostnames++
								}
							}
						}
						took, seen := time.Since(started), server.Report()
						t.Logf("%d requests, %d by the formula", seen.Counted, least)
						if seen.Counted < least || seen.Counted > least+workers || (allUses || workers == 1) && seen.Counted != least {
							t.Errorf("%d requests with %d workers, the formula says %d", seen.Counted, workers, least)
						}
						if yielded != shape.certificates || seen.Refusals() != 0 || seen.MaxInWindow > limit || seen.Peak > workers {
							t.Errorf("%d certificates; the server saw %+v", yielded, seen)
						}
						if last.Requests != seen.Counted || last.Expected != seen.Counted || last.Certificates != yielded {
							t.Errorf("%d requests; the last progress is %+v", seen.Counted, last)
						}
						if allUses && hostnames != len(a.Hostnames) {
							t.Errorf("%d hostnames of %d", hostnames, len(a.Hostnames))
						}
						if workers > 1 { // one request after another takes longer than the quota
							checkOptimum(t, least, took)
						}
					})
				})
			}
		}
	}
}

// Two inventories at a time share the limiter of their client.
func TestTwoInventoriesKeepTheLimitTogether(t *testing.T) {
	t.Parallel()
	s := seed(t)
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(900, 0, 0, 50)
		rules := strict(s, false)
		rules.Respond = a.RoundTrip
		server := quotaserver.New(rules)
		server.BlockAt(700, 5*time.Minute)
		client := newClient(t, server)
		ended := make(chan int)
		for range 2 {
			go func() {
				yielded := 0
				for _, err := range client.Inventory(t.Context(), account, api.WithNoZones()) {
					if err == nil {
						yielded++
					}
				}
				ended <- yielded
			}()
		}
		if first, second := <-ended, <-ended; first+second != 1800 {
			t.Errorf("%d and %d certificates", first, second)
		}
		if seen := server.Report(); seen.Counted != 2*formula(a, false) || seen.MaxInWindow > limit || seen.Refusals() > 2*workers+1 {
			t.Errorf("the server saw %+v", seen)
		}
	})
}
