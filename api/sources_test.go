package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestEveryUserOfACertificateIsNamed(t *testing.T) {
	t.Parallel()
	s := everySource()
	for _, users := range []map[string]string{s.workers, s.pages, s.hyperdrive, s.posture} {
		users["one"], users["two"] = certificateID(9), certificateID(9)
	}
	s.certificates = append(s.certificates, storedCertificate{id: certificateID(9)})
	items, err := inventory(t, s)
	if err != nil {
		t.Fatal(err)
	}
	var want []api.Use
	for _, source := range []api.Source{api.SourceWorkers, api.SourcePages, api.SourceHyperdrive, api.SourcePosture} {
		want = append(want, api.Use{Source: source, Name: "one"}, api.Use{Source: source, Name: "two"})
	}
	if diff := diffOf(want, items[certificateID(9)].Evidence.Uses); diff != "" {
		t.Errorf("uses: %s", diff)
	}
}

func TestABindingOfAnyTypeWithACertificateIsAUse(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{`"type":"mtls_certificate"`, `"type":"new"`, `"type":""`, `"name":"C"`} {
		s := everySource()
		s.faults = faults("/workers/scripts/static/", success(`{"bindings":[{`+kind+`,"certificate_id":"`+certificateID(8)+`"}]}`))
		items, err := inventory(t, s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := diffOf([]api.Use{{Source: api.SourceWorkers, Name: "static"}}, items[certificateID(8)].Evidence.Uses); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}

func TestSettingsOfAWorkerWithAnInvalidNameAreNotRequested(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "../x", "a/b", strings.Repeat("a", 256)} {
		s := everySource()
		s.faults = faults("/workers/scripts?", success(`[{"id":"checkout"},{"id":`+jsonString(name)+`}]`))
		items, err := inventory(t, s)
		if err != nil || s.count("settings") != 1 || s.count("other") != 0 {
			t.Errorf("%q: %v, requests %v", name, err, s.requests)
		}
		r := items[certificateID(8)].Evidence.Sources[2]
		if e := asError(t, r.Err); !errors.Is(e, api.ErrUnexpectedResponse) || e.StatusCode != 200 || !strings.HasPrefix(e.Error(), "list Workers: ") {
			t.Errorf("%q: %v", name, e)
		}
	}
	s := everySource()
	s.workers[strings.Repeat("a", 255)] = certificateID(8)
	if items, err := inventory(t, s); err != nil || usageOf(items, certificateID(8)) != api.InUse {
		t.Errorf("a name of 255 bytes: %v, requests %v", err, s.requests)
	}
}

func TestAGatewayCertificateIsAUseEvenIfItIsReportedAsNotInUse(t *testing.T) {
	t.Parallel()
	for _, member := range []string{`"certificate":{"in_use":false,`, `"custom_certificate":{"enabled":false,`} {
		s := everySource()
		s.faults = faults("/gateway/", success(`{"settings":{`+member+`"id":"`+certificateID(8)+`"}}}`))
		items, err := inventory(t, s)
		if usage := usageOf(items, certificateID(8)); err != nil || usage != api.InUse {
			t.Errorf("%s: %v, %v", member, usage, err)
		}
	}
}

func TestAnIncompleteSourceNamesItsOperation(t *testing.T) {
	t.Parallel()
	for text, path := range map[string]string{
		"get settings of a Worker: ": "/workers/scripts/static/", "list Pages projects: ": "/pages/projects",
		"list Hyperdrive configurations: ": "/hyperdrive/", "get Gateway configuration: ": "/gateway/",
		"list device posture rules: ": "/devices/posture", "list zones: ": "/zones?",
	} {
		s := everySource()
		result := `[{"deployment_configs":null}]`
		switch {
		case strings.HasPrefix(text, "get "):
			result = `{}`
		case path == "/zones?":
			result = `[]`
		}
		s.faults = faults(path, success(result))
		items, err := inventory(t, s)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, r := range append(items[certificateID(7)].Evidence.Sources, items[certificateID(8)].Evidence.Sources...) {
			if r.Err != nil && strings.HasPrefix(r.Err.Error(), text) && !strings.Contains(r.Scope, "as the caller says") {
				found++
			} else if r.Err != nil {
				t.Errorf("%s: %v, %q", path, r.Err, r.Scope)
			}
		}
		if found == 0 {
			t.Errorf("%s: no source has the error", path)
		}
	}
}

// Nothing uses the CA. While the request for one zone is in flight, the other workers
// read further zones.
func TestFreeWorkersReadTheZonesOfOneCA(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{certificates: []storedCertificate{{id: certificateID(1), ca: true}}}
		for n := range 40 {
			s.zones = append(s.zones, zoneID(n))
		}
		s.before = func(kind string, _ *http.Request) (*http.Response, error) {
			if kind == "hostnames" {
				time.Sleep(time.Second)
			}
			return nil, nil
		}
		start := time.Now()
		_, err := newClient(t, s, api.WithRateLimit(0, 0)).Evidence(t.Context(), ref(1), api.WithInventoryConcurrency(4))
		wantTook(t, "reading 40 zones", start, 10*time.Second, 15*time.Second)
		if err != nil || s.count("hostnames") != 40 {
			t.Errorf("%v, requests %v", err, s.requests)
		}
	})
}

// The CA is in use by hostnames of zones 1 and 3, and by a Worker if worker is true.
func TestHostnamesOfAUsedCAAreReadInFullOnlyWithAllUses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		worker   bool
		opts     []api.InventoryOption
		requests int
		want     string
		uses     int
	}{
		"until the first use": {false, nil, 1, "left_out, hostnames of 1 zone of 3", 1},
		"used by a Worker":    {true, nil, 0, "left_out, hostnames of 0 zones of 3", 1},
		"all uses":            {false, []api.InventoryOption{api.WithAllUses()}, 3, "complete, hostnames of 3 zones", 2},
		"all uses, a Worker":  {true, []api.InventoryOption{api.WithAllUses()}, 3, "complete, hostnames of 3 zones", 3},
	} {
		s := everySource()
		s.hostnames = map[string]string{zoneID(1) + " " + certificateID(7): "a.example.com", zoneID(3) + " " + certificateID(7): "b.example.com"}
		if tt.worker {
			s.workers["late"] = certificateID(7)
		}
		e, err := newClient(t, s).Evidence(t.Context(), ref(7), append(tt.opts, api.WithInventoryConcurrency(1))...)
		if err != nil {
			t.Fatal(err)
		}
		r := e.Sources[1]
		if got := fmt.Sprintf("%s, %s", r.State, r.Scope); got != tt.want || len(e.Uses) != tt.uses || s.count("hostnames") != tt.requests {
			t.Errorf("%s: %s, want %s; %+v, requests %v", name, got, tt.want, e.Uses, s.requests)
		}
		if last := e.Uses[len(e.Uses)-1]; tt.worker && last.Source != api.SourceWorkers {
			t.Errorf("%s: %+v, want the Worker last", name, e.Uses)
		}
	}
}

func TestAForbiddenCertificateNamesTheMissingPermission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, start := everySource(), time.Now()
		s.faults = faults("/mtls_certificates/"+certificateID(1), refuse(403, 10000))
		items, err := inventory(t, s, api.WithCertificates(ref(1)))
		e := items[certificateID(1)].Evidence
		if err != nil || !e.StartedAt.Equal(start) || !e.GatheredAt.Equal(start) {
			t.Errorf("from %v to %v, want %v; %v", e.StartedAt, e.GatheredAt, start, err)
		}
		for i, r := range e.Sources {
			if r.Source != api.AllSources()[i] || r.Permission != "Account: SSL and Certificates Read" || !errors.Is(r.Err, api.ErrForbidden) {
				t.Errorf("source %d: %+v", i, r)
			}
		}
	})
}

// The first request of the kind would take an hour, and the next one is refused.
func TestRefusedCredentialsCancelTheRequestsInFlight(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"settings", "associations", "hostnames"} {
		synctest.Test(t, func(t *testing.T) {
			s, start := everySource(), time.Now()
			s.before = func(k string, req *http.Request) (*http.Response, error) {
				switch {
				case k != kind:
					return nil, nil
				case s.count(kind) > 1:
					time.Sleep(time.Second)
					return refuse(401, 10000)(), nil
				}
				select {
				case <-time.After(time.Hour):
				case <-req.Context().Done():
				}
				return nil, req.Context().Err()
			}
			_, err := inventory(t, s)
			wantSentinels(t, err, api.ErrUnauthorized)
			wantTook(t, kind, start, time.Second, time.Second)
		})
	}
}

func TestASourceWithoutAResponseDoesNotEndAnInventory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.before = func(kind string, _ *http.Request) (*http.Response, error) {
			if kind == "settings" && s.count(kind) == 1 {
				return nil, errReset
			}
			return nil, nil
		}
		items, err := inventory(t, s)
		if err != nil || len(items) != 9 || usageOf(items, certificateID(8)) != api.UsageUnknown || usageOf(items, certificateID(7)) != api.Unused {
			t.Errorf("%v, %v, requests %v", items, err, s.requests)
		}
		wantSentinels(t, items[certificateID(8)].Evidence.Sources[2].Err, api.ErrUnreachable)
	})
}

func TestAnInventoryEndsWhenTheAPIRefusesAllRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, start := everySource(), time.Now()
		s.before = func(kind string, _ *http.Request) (*http.Response, error) {
			if kind == "associations" {
				return response(429, envelopeWith("971"), "Retry-After", "60"), nil
			}
			return nil, nil
		}
		items, err := inventory(t, s)
		wantSentinels(t, err, api.ErrRateLimited)
		wantTook(t, "the inventory", start, 14*time.Minute, 17*time.Minute)
		for id, item := range items {
			if usageOf(items, id) != api.UsageUnknown || !item.Evidence.GatheredAt.IsZero() {
				t.Errorf("%s: %+v", id, item.Evidence)
			}
		}
		if len(items) != 9 {
			t.Errorf("%d items", len(items))
		}
	})
}

func TestTheTotalOfTheListIsKnownBeforeItsLastPage(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.before = func(kind string, req *http.Request) (*http.Response, error) {
		switch {
		case kind != "certificates":
			return nil, nil
		case req.URL.Query().Get("page") == "":
			return pageOf(1, 5, info(1, 5, 9, 2)), nil
		default:
			return pageOf(6, 9, info(2, 5, 9, 2)), nil
		}
	}
	// The list of Workers, the settings of two Workers, and two pages of certificates.
	_, err := inventory(t, s, api.WithSources(api.SourceWorkers), api.WithInventoryConcurrency(1), api.WithInventoryProgress(func(p api.InventoryProgress) {
		if p.Certificates != 9 || p.Expected != 5 {
			t.Errorf("%+v, want 9 certificates and 5 requests", p)
		}
	}))
	if err != nil {
		t.Error(err)
	}
	var named []api.CertificateRef
	for n := range 9 {
		named = append(named, ref(n))
	}
	_, err = inventory(t, everySource(), api.WithCertificates(named...), api.WithInventoryConcurrency(1), api.WithInventoryProgress(func(p api.InventoryProgress) {
		if p.Certificates != 9 {
			t.Errorf("%+v, want the 9 certificates that were named", p)
		}
	}))
	if err != nil {
		t.Error(err)
	}
}

func TestAListWithoutATotalIsCountedAsItIsRead(t *testing.T) {
	t.Parallel()
	s, last := everySource(), api.InventoryProgress{}
	s.before = func(kind string, _ *http.Request) (*http.Response, error) {
		if kind != "certificates" {
			return nil, nil
		}
		return pageOf(1, 5, ""), nil
	}
	_, err := inventory(t, s, api.WithInventoryProgress(func(p api.InventoryProgress) { last = p }))
	if err != nil || last.Certificates != 5 || last.Expected != last.Requests {
		t.Errorf("%+v, %v", last, err)
	}
}

// The first page names no certificate.
func TestAllPagesOfProjectsAreRead(t *testing.T) {
	t.Parallel()
	for binding, want := range map[string]api.Usage{"": api.Unused, certificateID(8): api.InUse} {
		s := everySource()
		s.before = func(kind string, req *http.Request) (*http.Response, error) {
			switch page := req.URL.Query().Get("page"); {
			case kind != "pages":
				return nil, nil
			case page == "":
				return partialPage(1, 10, info(1, 10, 11, 2))(unboundProject), nil
			case page == "2" && req.URL.Query().Get("per_page") == "10":
				return listResponse([]string{projectJSON("last", binding)}, info(2, 10, 11, 2)), nil
			default:
				return nil, errReset
			}
		}
		items, err := inventory(t, s)
		if usage := usageOf(items, certificateID(8)); err != nil || usage != want || s.count("pages") != 2 {
			t.Errorf("%q: %v, want %v; %v, requests %v", binding, usage, want, err, s.requests)
		}
	}
}

func TestTheFirstFailureOfASourceIsReported(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.faults = faults("/hyperdrive/", func() *http.Response { return listResponse([]string{`{}`}, `{"total_pages":2}`) })
	items, err := inventory(t, s)
	if err != nil {
		t.Fatal(err)
	}
	wantSentinels(t, items[certificateID(8)].Evidence.Sources[4].Err, api.ErrTruncated)
}

func TestErrorsOfSourcesComeBackFromJSON(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.faults = map[string]func() *http.Response{"/gateway/": refuse(500, 1), "/workers/scripts?": refuse(403, 10000)}
	items, err := inventory(t, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range items[certificateID(8)].Evidence.Sources {
		got := api.SourceResult{Permission: "old", Err: errReset}
		if err := got.UnmarshalJSON(must(want.MarshalJSON())); err != nil {
			t.Fatal(err)
		}
		if got.Source != want.Source || got.State != want.State || got.Scope != want.Scope || got.Permission != want.Permission || fmt.Sprint(got.Err) != fmt.Sprint(want.Err) {
			t.Errorf("%+v came back as %+v", want, got)
		}
	}
}

func TestAbsentMembersMeanNoUse(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.faults = map[string]func() *http.Response{
		"/pages/projects":  success(`[{"name":"a","deployment_configs":{}},{"name":"b","deployment_configs":{"preview":null,"production":{"mtls_certificates":null}}}]`),
		"/hyperdrive/":     success(`[{"name":"a","origin":{}},{"name":"b","origin":{"host":"db"},"mtls":null},{"name":"c","origin":{},"mtls":{"sslmode":"require"}}]`),
		"/gateway/":        success(`{"settings":{"certificate":null,"custom_certificate":{"enabled":false}}}`),
		"/devices/posture": success(`[{"type":"file","input":{"path":"/x"}},{"type":"warp"},{"type":"tanium"},{"type":"gateway","input":null}]`),
	}
	items, err := inventory(t, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{3, 4, 5, 6, 7, 8} {
		if e := items[certificateID(n)].Evidence; e.Usage() != api.Unused {
			t.Errorf("certificate %d: %v, %+v", n, e.Usage(), e.Sources)
		}
	}
}
