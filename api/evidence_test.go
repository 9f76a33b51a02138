package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestEvidenceReadsOneCertificateOnly(t *testing.T) {
	t.Parallel()
	s := everySource()
	client := newClient(t, s)
	e, err := client.Evidence(t.Context(), api.CertificateRef{AccountID: account, ID: certificateID(1)})
	if err != nil || e.Usage() != api.InUse {
		t.Fatalf("%v, %v", e, err)
	}
	if s.requests["certificates"] != 0 || s.requests["certificate"] != 1 || s.requests["associations"] != 1 {
		t.Errorf("requests %v", s.requests)
	}
	_, err = client.Evidence(t.Context(), api.CertificateRef{AccountID: account, ID: certificateID(99)})
	wantSentinels(t, err, api.ErrNotFound)
}

func TestEvidenceThatWasNotReceivedProvesNothing(t *testing.T) {
	t.Parallel()
	items, err := inventory(t, everySource())
	if err != nil {
		t.Fatal(err)
	}
	unused := items[certificateID(7)]
	var none *api.Evidence
	byHand := &api.Evidence{Uses: unused.Evidence.Uses, Sources: unused.Evidence.Sources}
	changed := unused.Evidence
	changed.Uses = []api.Use{{Source: api.SourceWorkers, Name: "x"}}
	shorter := unused.Evidence
	shorter.Sources = shorter.Sources[:3]
	text, err := json.Marshal(unused)
	if err != nil {
		t.Fatal(err)
	}
	var read api.InventoryItem
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	// JSON replaces received evidence completely.
	overwritten, broken := unused.Evidence, unused.Evidence
	evidence, err := json.Marshal(unused.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(evidence, &overwritten); err != nil || len(overwritten.Sources) != len(api.AllSources()) {
		t.Fatalf("%+v, %v", overwritten, err)
	}
	if err := json.Unmarshal([]byte(`{"uses":1}`), &broken); err == nil || len(broken.Sources) != 0 {
		t.Errorf("%+v, %v", broken, err)
	}
	for name, e := range map[string]*api.Evidence{"nil": none, "overwritten": &overwritten, "emptied by invalid JSON": &broken, "by hand": byHand, "changed": &changed, "sources dropped": &shorter, "read from JSON": &read.Evidence} {
		if e.Usage() != api.UsageUnknown {
			t.Errorf("%s: %v", name, e.Usage())
		}
	}
	if diff := diffOf(unused.Certificate, read.Certificate); diff != "" {
		t.Errorf("certificate: %s", diff)
	}
	if diff := diffOf(fmt.Sprintf("%+v", unused.Evidence.Sources), fmt.Sprintf("%+v", read.Evidence.Sources)); diff != "" {
		t.Errorf("sources: %s", diff)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"account_id", "certificate_id", "name", "usage", "uses", "sources", "ca", "type"} {
		if _, ok := fields[name]; !ok {
			t.Errorf("the JSON has no %s: %s", name, text)
		}
	}
}

// A use from a source counts, even if the kind of the certificate contradicts it.
func TestReferencesCountForAnyKindAndSpelling(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.certificates = []storedCertificate{{id: certificateID(2), ca: true}, {id: certificateID(3), ca: nil}, {id: certificateID(6), ca: false}, {id: certificateID(7), ca: false}}
	s.pages["shop"] = strings.ToUpper(strings.ReplaceAll(certificateID(3), "-", ""))
	items, err := inventory(t, s)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]api.Usage{2: api.InUse, 3: api.InUse, 6: api.InUse, 7: api.Unused} {
		if e := items[certificateID(n)].Evidence; e.Usage() != want {
			t.Errorf("certificate %d: %v, want %v: %+v", n, e.Usage(), want, e)
		}
	}
}

// The kind from the API applies only if the PEM does not contradict it.
func TestKindThatThePEMContradictsIsUnknown(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.certificates = []storedCertificate{{id: certificateID(1), ca: false, pem: caPEM}, {id: certificateID(7), ca: true, pem: caPEM}, {id: certificateID(8), ca: false, pem: leafPEM}, {id: certificateID(9), ca: true, pem: leafPEM}, {id: certificateID(10), ca: true, pem: leafPEM + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}}
	items, err := inventory(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if e := items[certificateID(1)].Evidence; e.Usage() != api.InUse || e.Uses[0].Name != "api.example.com" {
		t.Errorf("a CA that the API reports as a leaf: %+v", e)
	}
	for n, notApplicable := range map[int]int{7: 2, 8: 2, 9: 0, 10: 0} {
		got := 0
		for _, r := range items[certificateID(n)].Evidence.Sources {
			if r.State == api.SourceNotApplicable {
				got++
			}
		}
		if got != notApplicable {
			t.Errorf("certificate %d: %d sources not applicable, want %d", n, got, notApplicable)
		}
	}
}

func TestRepeatedReferencesAreOneUse(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.faults = map[string]func() *http.Response{
		"/hyperdrive/": success(fmt.Sprintf(`[{"name":"a","origin":{},"mtls":{"ca_certificate_id":%q,"mtls_certificate_id":%q}}]`, certificateID(4), strings.ToUpper(certificateID(4)))),
	}
	items, err := inventory(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := diffOf([]api.Use{{Source: api.SourceHyperdrive, Name: "a"}}, items[certificateID(4)].Evidence.Uses); diff != "" {
		t.Errorf("uses: %s", diff)
	}
}

func TestEvidenceIsAboutItsCertificate(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.zones = s.zones[:2]
	other := api.WithCertificates(api.CertificateRef{AccountID: account, ID: certificateID(7)})
	e, err := newClient(t, s).Evidence(t.Context(), api.CertificateRef{AccountID: account, ID: certificateID(1)}, other)
	if err != nil || e.Usage() != api.InUse || s.requests["certificate"] != 1 {
		t.Errorf("%+v, %v, requests %v", e, err, s.requests)
	}
}

func TestErrorsOfAnItemAreItsOwn(t *testing.T) {
	t.Parallel()
	s := everySource()
	detailed := func() *http.Response {
		return response(403, `{"success":false,"errors":[{"code":1,"error_chain":[{"code":2}]}],"messages":[{"code":3}]}`)
	}
	s.faults = map[string]func() *http.Response{"/hyperdrive/": detailed, "/zones?": detailed}
	items, err := inventory(t, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 4} { // hostnames and hyperdrive, of two CAs
		mine, other := asError(t, items[certificateID(6)].Evidence.Sources[n].Err), asError(t, items[certificateID(7)].Evidence.Sources[n].Err)
		mine.StatusCode, mine.Details[0].Code, mine.Details[0].Chain[0].Code, mine.Messages[0].Code = 9, 9, 9, 9
		if other.StatusCode != 403 || other.Details[0].Code != 1 || other.Details[0].Chain[0].Code != 2 || other.Messages[0].Code != 3 {
			t.Errorf("the change to one error changed another: %+v", other)
		}
	}
}

// While one source is blocked, the results of the others become old.
func TestDeletionNeedsEvidenceThatIsNotOld(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		wait            string
		blocks, deletes int
		gatherings      int
		want            error
	}{
		"short block":        {"540", 1, 1, 1, nil},
		"long block":         {"840", 1, 1, 2, nil},
		"always long blocks": {"840", 2, 0, 2, api.ErrUsageUnknown},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, blocked, read := everySource(), 0, time.Time{}
			var age time.Duration
			s.before = func(kind string, _ *http.Request) (*http.Response, error) {
				switch {
				case kind == "workers":
					read = time.Now()
				case kind == "delete":
					age = time.Since(read)
				case kind == "hyperdrive" && blocked < tt.blocks && s.count("hyperdrive") == 2*blocked+1:
					blocked++
					return response(429, `{"success":false,"errors":[{"code":971,"message":"slow"}]}`, "Retry-After", tt.wait), nil
				}
				return nil, nil
			}
			d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8))
			if wantSentinels(t, err, tt.want); s.count("delete") != tt.deletes || s.count("workers") != tt.gatherings || age > 10*time.Minute {
				t.Errorf("%s: %v, evidence of %v, requests %v", name, err, age, s.requests)
			}
			if took := d.Evidence.GatheredAt.Sub(d.Evidence.StartedAt); tt.want != nil && (took < 14*time.Minute || !strings.Contains(err.Error(), "the evidence is 14m0s old")) {
				t.Errorf("%s: %v, gathered in %v", name, err, took)
			}
		})
	}
}

func TestOldEvidenceOfAUseIsNotGatheredAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.workers["late"] = certificateID(8)
		s.before = func(kind string, _ *http.Request) (*http.Response, error) {
			if kind == "hyperdrive" && s.count(kind) == 1 {
				return response(429, `{"success":false,"errors":[{"code":971,"message":"slow"}]}`, "Retry-After", "840"), nil
			}
			return nil, nil
		}
		d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8))
		wantSentinels(t, err, api.ErrInUse)
		if took := d.Evidence.GatheredAt.Sub(d.Evidence.StartedAt); took < 14*time.Minute || s.count("workers") != 1 {
			t.Errorf("gathered in %v, requests %v", took, s.requests)
		}
	})
}

func TestCertificateThatIsDeletedDuringTheEvidenceIsNotFound(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"associations", "hostnames", "gateway"} {
		for _, deleted := range []bool{true, false} {
			if kind == "gateway" && deleted {
				continue // its requests do not name the certificate
			}
			s := everySource()
			s.before = func(k string, _ *http.Request) (*http.Response, error) {
				if k != kind {
					return nil, nil
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				if deleted {
					s.certificates = nil
				}
				return refuse(404, 7003)(), nil
			}
			d, err := newClient(t, s).DeleteUnused(t.Context(), ref(7))
			if want := map[bool]error{true: api.ErrNotFound, false: api.ErrUsageUnknown}[deleted]; !errors.Is(err, want) || (d == nil) != deleted || s.count("delete") != 0 || (s.count("gateway") == 2) != (kind != "gateway") {
				t.Errorf("%s: deleted %t: %v, %v, requests %v", kind, deleted, d, err, s.requests)
			}
		}
	}
}

func TestADeletionWithAnEvidenceContextAlsoEndsWithTheContextOfTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.before = func(_ string, req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		start := time.Now()
		_, err := newClient(t, s).DeleteUnused(ctx, ref(7), api.WithEvidenceContext(t.Context()))
		wantTook(t, "gathering evidence", start, 15*time.Second, 15*time.Second)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "deadline") {
			t.Errorf("after the deadline: %v, canceled: %t", err, errors.Is(err, context.Canceled))
		}

		stopped := errors.New("the server stops")
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { stop(stopped) })
		_, err = newClient(t, s).DeleteUnused(ctx, ref(7), api.WithEvidenceContext(t.Context()))
		if !errors.Is(err, context.Canceled) || !errors.Is(err, stopped) {
			t.Errorf("canceled: %v, with its cause: %t", err, errors.Is(err, stopped))
		}
	})
}

func TestListedZonesAreReadInSpiteOfWithDeleteNoZones(t *testing.T) {
	t.Parallel()
	s := everySource()
	d, err := newClient(t, s).DeleteUnused(t.Context(), ref(1), api.WithDeleteNoZones())
	wantSentinels(t, err, api.ErrInUse)
	if s.count("delete") != 0 || len(d.Evidence.Uses) != 1 || d.Evidence.Uses[0].Name != "api.example.com" || !strings.HasPrefix(d.Evidence.Sources[1].Scope, "hostnames of ") {
		t.Errorf("%+v, requests %v", d.Evidence, s.requests)
	}
	s.faults = faults("/zones?", refuse(403, 10000))
	_, err = newClient(t, s, api.WithMaxAttempts(1)).DeleteUnused(t.Context(), ref(7), api.WithDeleteNoZones())
	wantSentinels(t, err, api.ErrUsageUnknown)
}

// results has documented results of the read operations. path, if not empty, is a part
// of the path and query of the requests of that operation.
var results = map[string]struct {
	result, path string
	certificates []int // unused ones of everySource that the source could name
}{
	"certificates":          {`[{"id":"2458ce5a-0c35-4c7f-82c7-8e9487d3ff60","name":"root","type":"custom","ca":true,"certificates":"","issuer":"O=Example","serial_number":"1","signature":"SHA256WithRSA","uploaded_on":"2022-11-22T17:32:30Z","expires_on":"2122-10-29T16:59:47Z"}]`, "", nil},
	"one certificate":       {`{"id":"2458ce5a-0c35-4c7f-82c7-8e9487d3ff60","name":"root","type":"custom","ca":true,"certificates":"","issuer":"O=Example"}`, "", nil},
	"associations":          {`[]`, "/associations", []int{7, 8}},
	"a used association":    {`[{"service":"gateway","status":"pending_deployment"}]`, "", nil},
	"zones":                 {`[{"id":"` + zoneID(1) + `","name":"example.com","status":"active","paused":false,"type":"full","owner":{"id":"1"},"account":{"id":"1"},"meta":{"step":2}}]`, "/zones?", []int{7}},
	"hostnames":             {`{"hostnames":[]}`, "/certificate_authorities/hostname_associations", []int{7}},
	"Workers":               {`[{"id":"static","etag":"ea95132c","handlers":["fetch"],"usage_model":"standard","created_on":"2022-05-05T05:15:11Z"}]`, "/workers/scripts?", []int{8}},
	"settings of a Worker":  {`{"bindings":[],"compatibility_date":"2022-04-05","logpush":false,"usage_model":"standard"}`, "/settings", []int{8}},
	"Pages projects":        {`[{"id":"7b162ea7-7367-4d67-bcde-1160995d5","name":"shop","subdomain":"shop.pages.dev","source":{"type":"github"},"build_config":{},"deployment_configs":{"preview":null,"production":{}}}]`, "/pages/projects", []int{8}},
	"Hyperdrive":            {`[{"id":"023e105f4ecef8ad9ca31a8372d0c353","name":"db","origin":{"scheme":"postgres","host":"db"},"caching":{"disabled":false}}]`, "/hyperdrive/", []int{7, 8}},
	"Gateway configuration": {`{"settings":{"antivirus":{"enabled_download_phase":false},"certificate":null},"created_at":"2014-01-01T05:20:00Z"}`, "/gateway/", []int{7, 8}},
	"posture rules":         {`[{"id":"f174e90a-fafe-4643-bbbc-4a0ed4fc8415","name":"laptops","type":"file","input":{"path":"/bin/cat"},"match":[{"platform":"mac"}],"schedule":"1h"}]`, "/devices/posture", []int{7}},
}

// The response of one operation can arrive in place of that of another, for example
// because of a proxy. An empty list has no sign of its kind.
func TestAResultOfAnotherOperationShowsNothing(t *testing.T) {
	t.Parallel()
	for place, expected := range results {
		for kind, got := range results {
			if expected.path == "" || got.result == "[]" && place != kind {
				continue
			}
			t.Run(kind+" in place of "+place, func(t *testing.T) {
				t.Parallel()
				s := everySource()
				s.faults = map[string]func() *http.Response{expected.path: success(got.result)}
				items, err := inventory(t, s)
				if err != nil || len(items) != 9 {
					t.Fatalf("%d items, %v", len(items), err)
				}
				for _, n := range expected.certificates {
					e := items[certificateID(n)].Evidence
					if unused := e.Usage() == api.Unused; unused != (kind == place) {
						t.Errorf("certificate %d: %v, %+v", n, e.Usage(), e.Sources)
					}
				}
			})
		}
	}
}
