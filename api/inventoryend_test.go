package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// interruptedStore is a store with slow responses. It calls action at one request.
type interruptedStore struct {
	*store
	at     int64                 // number of that request
	action func() *http.Response // if it returns nil, the store responds
	// slow, if not nil, returns how long a request takes.
	slow func(*http.Request) time.Duration

	sent atomic.Int64
	gauge
}

func (s *interruptedStore) RoundTrip(req *http.Request) (*http.Response, error) {
	defer s.add()()
	n, took := s.sent.Add(1), 10*time.Millisecond
	if s.slow != nil {
		took = s.slow(req)
	}
	select {
	case <-time.After(took + time.Duration(n)*time.Microsecond):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	if n == s.at {
		if resp := s.action(); resp != nil {
			return resp, nil
		}
	}
	return s.store.RoundTrip(req)
}

// refusingStore returns everySource with one more Worker, whose settings are refused.
func refusingStore() *store {
	s := everySource()
	s.workers["a"] = ""
	s.faults = map[string]func() *http.Response{"/workers/scripts/a/": refuse(404, 10007)}
	return s
}

const inventoryWorkers = 4

// synctest fails if a goroutine of the inventory does not end.
func TestAnInventoryCanEndAtAnyRequest(t *testing.T) {
	t.Parallel()
	total := int64(0)
	for n := int64(1); n <= max(1, total); n++ {
		for _, way := range []string{"to the end", "cancel", "unauthorized", "panic", "Goexit", "left"} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := &interruptedStore{store: refusingStore(), at: n, action: map[string]func() *http.Response{
					"to the end":   func() *http.Response { return nil },
					"left":         func() *http.Response { return nil },
					"cancel":       func() *http.Response { cancel(); return nil },
					"unauthorized": refuse(401, 10000),
					"panic":        func() *http.Response { panic("of the transport") },
					"Goexit":       func() *http.Response { runtime.Goexit(); return nil },
				}[way]}
				items, panicked, err := rangeOver(newClient(t, s).Inventory(ctx, account, api.WithInventoryConcurrency(inventoryWorkers)), func(items int) bool {
					return way == "left" && int64(items) == n
				})
				requests := s.sent.Load()
				if way == "to the end" {
					total = requests
				}
				complete := err == nil && panicked == nil && items == 9
				allOrNone := panicked == nil && (items == 0 || items == 9)
				var ok bool
				switch {
				case way == "left":
					ok = err == nil && panicked == nil && int64(items) == min(n, 9)
				case way == "to the end", requests < n: // fewer requests were needed this time
					ok = complete
				case way == "cancel": // the last requests, which are in flight, may still succeed
					ok = allOrNone && errors.Is(err, context.Canceled) || complete && n > total-inventoryWorkers
				case way == "unauthorized":
					ok = allOrNone && errors.Is(err, api.ErrUnauthorized) && requests < n+inventoryWorkers
				case way == "panic":
					ok = panicked == "of the transport"
				case way == "Goexit":
					ok = strings.Contains(fmt.Sprint(panicked), "runtime.Goexit")
				}
				if inFlight, peak := s.inFlight.Load(), s.peak.Load(); !ok || inFlight != 0 || peak > inventoryWorkers {
					t.Errorf("%s at request %d of %d: %d items, error %v, panic %v; %d requests in flight at the end, %d at a time",
						way, n, requests, items, err, panicked, inFlight, peak)
				}
			})
		}
	}
	if total < 20 {
		t.Errorf("%d requests only", total)
	}
}

func TestACancelledInventoryYieldsAllListedCertificates(t *testing.T) {
	t.Parallel()
	var given []api.CertificateRef
	for n := range 9 {
		given = append(given, api.CertificateRef{AccountID: account, ID: certificateID(n)})
	}
	for _, options := range [][]api.InventoryOption{nil, {api.WithCertificates(given...)}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			options = append(options, api.WithInventoryConcurrency(1))
			names, complete, last := map[string]bool{}, 0, error(nil)
			for item, err := range newClient(t, everySource()).Inventory(ctx, account, options...) {
				if last = err; err != nil {
					if asError(t, err).RayID != "" {
						t.Errorf("an item shares the error %+v", err)
					}
					break
				}
				names[item.Certificate.Ref.ID] = true
				if !item.Evidence.GatheredAt.IsZero() {
					complete++
					cancel()
					continue
				}
				if e := asError(t, item.Evidence.Sources[0].Err); e.RayID != "" {
					t.Errorf("another item shares the error %+v", e)
				} else {
					e.RayID = "changed by the caller"
				}
				for _, source := range item.Evidence.Sources {
					if source.State != api.SourceFailed || !errors.Is(source.Err, context.Canceled) {
						t.Errorf("%s: %+v", item.Certificate.Ref.ID, source)
					}
				}
				if len(item.Evidence.Sources) != len(api.AllSources()) || item.Evidence.Usage() != api.UsageUnknown {
					t.Errorf("an item without evidence is %+v", item)
				}
			}
			if len(names) != 9 || complete == 0 || complete > 2 {
				t.Errorf("%d certificates, %d complete", len(names), complete)
			}
			if !errors.Is(last, context.Canceled) {
				t.Errorf("the last error is %v, want a cancel", last)
			}
		})
	}
}

// rangeOver ranges over an inventory until leave returns true.
func rangeOver(all func(func(api.InventoryItem, error) bool), leave func(items int) bool) (items int, panicked any, last error) {
	defer func() { panicked = recover() }()
	for _, err := range all {
		if last = err; err == nil {
			items++
		}
		if leave(items) {
			break
		}
	}
	return items, nil, last
}

// While the first zone is slow, the workers request the next zones in advance. The
// responses of the first zone make these requests unnecessary.
func TestASlowZoneCausesAtMostOneUnnecessaryRequestPerWorker(t *testing.T) {
	t.Parallel()
	const cas, zones = 60, 40
	for _, workers := range []int{1, 8, 32} {
		synctest.Test(t, func(t *testing.T) {
			s := &interruptedStore{store: &store{hostnames: map[string]string{}}, slow: func(r *http.Request) time.Duration {
				if strings.Contains(r.URL.Path, zoneID(0)) {
					return time.Second
				}
				return time.Millisecond
			}}
			for n := range zones {
				s.zones = append(s.zones, zoneID(n))
			}
			for n := range cas {
				s.certificates = append(s.certificates, storedCertificate{id: certificateID(n), ca: true})
				s.hostnames[zoneID(0)+" "+certificateID(n)] = "api.example.com"
			}
			client := newClient(t, s, api.WithRateLimit(0, 0))
			for item, err := range client.Inventory(t.Context(), account, api.WithInventoryConcurrency(workers)) {
				if err != nil || item.Evidence.Usage() != api.InUse {
					t.Errorf("%+v, %v", item, err)
				}
			}
			if got := s.requests["hostnames"]; got < cas || got > cas+workers {
				t.Errorf("%d workers: %d requests for the hostnames of %d CAs", workers, got, cas)
			}
		})
	}
}

// Each page of the list has 4 CAs, so 4 of 8 workers are free while the first zone is
// read.
func TestSlowPagesDoNotRepeatTheUnnecessaryRequests(t *testing.T) {
	t.Parallel()
	const pages, workers = 6, 8
	synctest.Test(t, func(t *testing.T) {
		s := &store{hostnames: map[string]string{}}
		for n := range 40 {
			s.zones = append(s.zones, zoneID(n))
		}
		for n := range 4*pages + 1 {
			s.hostnames[zoneID(0)+" "+certificateID(n)] = "api.example.com"
		}
		page := 0
		s.before = func(kind string, req *http.Request) (*http.Response, error) {
			if kind == "hostnames" && strings.Contains(req.URL.Path, zoneID(0)) {
				time.Sleep(time.Second)
			}
			if kind != "certificates" {
				return nil, nil
			}
			time.Sleep(10 * time.Second)
			page++
			rows := itemRange(4*page-3, 4*page, func(n int) string { return fmt.Sprintf(`{"id":%q,"type":"custom","ca":true}`, certificateID(n)) })
			return listResponse(rows, info(page, 4, 4*pages, pages)), nil
		}
		items, err := inventory(t, s, api.WithInventoryConcurrency(workers))
		if got := s.requests["hostnames"]; err != nil || len(items) != 4*pages || got > 4*pages+workers {
			t.Errorf("%d requests for the hostnames of %d CAs, %v", got, len(items), err)
		}
	})
}

func TestInventoryProgressCountsTheRequests(t *testing.T) {
	t.Parallel()
	few := []api.CertificateRef{{AccountID: account, ID: certificateID(1)}, {AccountID: account, ID: certificateID(2)}}
	for name, tt := range map[string]struct {
		opts   []api.InventoryOption
		faults map[string]func() *http.Response
		certs  int
	}{
		"an account":                {nil, nil, 9},
		"all uses":                  {[]api.InventoryOption{api.WithAllUses()}, nil, 9},
		"two certificates":          {[]api.InventoryOption{api.WithCertificates(few...)}, nil, 2},
		"an unknown certificate":    {[]api.InventoryOption{api.WithCertificates(append(few, api.CertificateRef{AccountID: account, ID: certificateID(99)})...)}, nil, 3},
		"one source":                {[]api.InventoryOption{api.WithSources(api.SourceHostnames)}, nil, 9},
		"refused":                   {nil, map[string]func() *http.Response{"/associations": refuse(403, 10000), "/zones?": refuse(403, 10000)}, 9},
		"a path as a Worker's name": {nil, map[string]func() *http.Response{"/workers/scripts?": success(`[{"id":"../x"},{"id":"checkout"}]`)}, 9},
		"a wrong total": {nil, map[string]func() *http.Response{"/zones?": func() *http.Response {
			return response(200, `{"success":true,"result":[{"id":"`+zoneID(1)+`"}],"result_info":{"page":1,"per_page":1,"total_pages":7}}`)
		}}, 9},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := everySource()
			s.faults = tt.faults
			var last api.InventoryProgress
			_, err := inventory(t, s, append(tt.opts, api.WithInventoryProgress(func(p api.InventoryProgress) {
				if p.Requests > p.Expected {
					t.Errorf("more requests than expected: %+v", p)
				}
				last = p
			}))...)
			made, expected := s.total(), s.total()
			if name == "a wrong total" {
				expected += 5 // announced pages that are not requested
			}
			if err != nil || last.Requests != made || last.Expected != expected {
				t.Errorf("%d requests of %d, progress %+v, error %v", made, expected, last, err)
			}
			if last.Certificates != tt.certs || last.InUse+last.Unused+last.Unknown != tt.certs {
				t.Errorf("%d certificates, progress %+v", tt.certs, last)
			}
		})
	}
}

// The first request lists the Workers. The requests for the settings of two Workers
// then begin to wait at the same time, so no further wait begins after request 2.
func TestProgressReportsEveryWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		client := newClient(t, s, api.WithRateLimit(1, time.Hour))
		started, waits := time.Now(), map[int]bool{}
		report := api.WithInventoryProgress(func(p api.InventoryProgress) {
			if !p.WaitingUntil.IsZero() {
				waits[p.Requests] = true
			}
			if p.Requests == 4 {
				panic("enough")
			}
		})
		_, panicked, err := rangeOver(client.Inventory(t.Context(), account, report), func(int) bool { return false })
		if panicked != "enough" || time.Since(started) > 4*time.Hour {
			t.Errorf("after %v: error %v, panic %v", time.Since(started), err, panicked)
		}
		if diff := diffOf(map[int]bool{1: true, 3: true, 4: true}, waits); diff != "" {
			t.Errorf("waits after so many requests: %s", diff)
		}
	})
}

func TestConcurrentInventoriesOfOneSequenceAreIndependent(t *testing.T) {
	t.Parallel()
	s := everySource()
	client := newClient(t, s, api.WithRateLimit(0, 0))
	all := client.Inventory(t.Context(), account, api.WithAllUses())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if items, panicked, err := rangeOver(all, func(int) bool { return false }); items != 9 || err != nil || panicked != nil {
				t.Errorf("%d items, %v, %v", items, err, panicked)
			}
		})
		group.Go(func() {
			const other = "ffffffffffffffffffffffffffffffff"
			e, err := client.Evidence(t.Context(), api.CertificateRef{AccountID: other, ID: certificateID(1)})
			if !errors.Is(err, api.ErrNotFound) || e != nil {
				t.Errorf("another account: %+v, %v", e, err)
			}
		})
	}
	group.Wait()
}
