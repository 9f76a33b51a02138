package api_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestDeleteUnusedDeletesWhatNothingUses(t *testing.T) {
	t.Parallel()
	for _, n := range []int{7, 8} { // a CA and a leaf
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			s.certificates[n].pem = leafPEM
			time.Sleep(1500 * time.Millisecond) // the times in JSON have whole seconds
			digest, err := (&api.Certificate{PEM: leafPEM}).SHA256()
			if err != nil {
				t.Fatal(err)
			}
			d, err := newClient(t, s).DeleteUnused(t.Context(), ref(n), api.IfSHA256(digest))
			if err != nil || d.Certificate.Ref != ref(n) || s.has(certificateID(n)) != 0 || s.count("delete") != 1 {
				t.Errorf("%+v, %v, requests %v", d, err, s.requests)
			}
			text := must(json.Marshal(d))
			for _, part := range []string{`"certificate_id":"` + certificateID(n), `"usage":"unused"`, `"sources":[`, `"state":"deleted"`, `"already_gone":false`, `"started_at":"2000-01-01T00:00:01Z"`, `"gathered_at":"2000-01-01T00:00:01Z"`, `"deleted_at":"2000-01-01T00:00:01Z"`, `"ray_id":"8f2a5c-AMS"`} {
				if !strings.Contains(string(text), part) {
					t.Errorf("the record has no %s: %s", part, text)
				}
			}
			read := api.Deletion{RayID: "old"}
			if err := json.Unmarshal(text, &read); err != nil || read.Evidence.Usage() != api.UsageUnknown {
				t.Errorf("%v, %v", read.Evidence.Usage(), err)
			}
			if diff := diffOf(withoutMember(t, text, "usage"), withoutMember(t, must(json.Marshal(read)), "usage")); diff != "" {
				t.Errorf("the record written and read: %s", diff)
			}
			if _, err := newClient(t, s).DeleteUnused(t.Context(), ref(n)); !errors.Is(err, api.ErrNotFound) || s.count("delete") != 1 {
				t.Errorf("%v, requests %v", err, s.requests)
			}
		})
	}
}

// withoutMember returns a JSON object without one of its members.
func withoutMember(t *testing.T, text []byte, member string) (o object) {
	t.Helper()
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	delete(o, member)
	return o
}

func TestDeleteUnusedSendsNoDeleteWithoutProof(t *testing.T) {
	t.Parallel()
	kind := func(kind string) func(*store) {
		return func(s *store) {
			for i := range s.certificates {
				s.certificates[i].kind = kind
			}
		}
	}
	fault := func(path string, status int) func(*store) {
		return func(s *store) { s.faults = faults(path, refuse(status, 10000)) }
	}
	for name, tt := range map[string]struct {
		n      int
		change func(*store)
		want   []error
		part   string // of the error
	}{
		"managed":  {7, kind("gateway_managed"), []error{api.ErrManaged}, "gateway_managed, not custom"},
		"new type": {7, kind("x"), []error{api.ErrManaged}, ""},
		"no type": {7, func(s *store) {
			s.faults = faults("/"+certificateID(7)+"?", success(`{"id":"`+certificateID(7)+`","ca":true}`))
		}, []error{api.ErrManaged}, "did not send the type"},
		"a source fails": {8, fault("/hyperdrive/", 500), []error{api.ErrUsageUnknown}, "hyperdrive: list Hyperdrive configurations: HTTP 500"},
		"no permission":  {8, fault("/workers/scripts?", 403), []error{api.ErrUsageUnknown}, "Account: Workers Scripts Read"},
		"a failure and no permission": {8, func(s *store) {
			s.faults = map[string]func() *http.Response{"/associations": refuse(500, 1), "/workers/scripts?": refuse(403, 10000)}
		}, []error{api.ErrUsageUnknown}, `workers needs the permission "Account: Workers Scripts Read", associations: `},
		"no zones":               {7, func(s *store) { s.zones = nil }, []error{api.ErrUsageUnknown}, `hostnames: the credentials see no zone and may lack "Zone: Zone Read"; if there is none, use WithNoZones`},
		"no such certificate":    {99, func(*store) {}, []error{api.ErrNotFound}, ""},
		"wrong credentials":      {8, fault("/", 401), []error{api.ErrUnauthorized}, ""},
		"used by associations":   {0, func(*store) {}, []error{api.ErrInUse}, "associations access"},
		"used by a hostname":     {1, func(*store) {}, []error{api.ErrInUse}, "hostnames api.example.com"},
		"used by a Worker":       {2, func(*store) {}, []error{api.ErrInUse}, "workers checkout"},
		"used by Pages":          {3, func(*store) {}, []error{api.ErrInUse}, "pages shop"},
		"used by Hyperdrive":     {4, func(*store) {}, []error{api.ErrInUse}, "hyperdrive orders-db"},
		"used by the Gateway":    {5, func(*store) {}, []error{api.ErrInUse}, "gateway TLS inspection"},
		"used by a posture rule": {6, func(*store) {}, []error{api.ErrInUse}, "posture corp laptops"},
		"another certificate":    {7, func(s *store) { s.certificates[7].pem = leafPEM }, []error{api.ErrMismatch}, "not the one of IfSHA256"},
		"unreadable PEM":         {7, func(s *store) { s.certificates[7].pem = "?" }, []error{api.ErrMismatch}, "IfSHA256: no certificate"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			for i := range s.certificates {
				s.certificates[i].pem = caPEM
			}
			tt.change(s)
			digest, err := (&api.Certificate{PEM: caPEM}).SHA256()
			if err != nil {
				t.Fatal(err)
			}
			d, err := newClient(t, s, api.WithMaxAttempts(1)).DeleteUnused(t.Context(), ref(tt.n), api.IfSHA256(digest))
			wantSentinels(t, err, tt.want...)
			if s.count("delete") != 0 || !strings.Contains(err.Error(), tt.part) {
				t.Errorf("%s: %v, requests %v", name, err, s.requests)
			}
			gathered := !errors.Is(err, api.ErrNotFound) && !errors.Is(err, api.ErrUnauthorized)
			if (d != nil) != gathered || s.count("certificate") > 1 {
				t.Errorf("%s: record %+v", name, d)
			}
			if d != nil && !strings.HasPrefix(err.Error(), "delete mTLS certificate: ") {
				t.Errorf("%s: %v", name, err)
			}
			if d != nil && (d.State != api.DeletionKept || d.Evidence == nil || !d.DeletedAt.IsZero()) {
				t.Errorf("%s: not kept: %+v", name, d)
			}
		})
	}
}

func TestDeleteUnusedAcceptsAnAccountWithoutZones(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.zones = nil
	d, err := newClient(t, s).DeleteUnused(t.Context(), ref(7), api.WithDeleteNoZones())
	if err != nil || d.State != api.DeletionDone || s.count("zones") != 1 || d.Evidence.Sources[1].Scope != "no zones, as the caller says" {
		t.Errorf("%+v, %v", d, err)
	}
}

// The API refuses to delete a certificate in use.
func TestCertificateThatBecomesUsedIsKept(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.before = func(kind string, _ *http.Request) (*http.Response, error) {
		if kind == "delete" {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.workers["late"] = certificateID(8)
		}
		return nil, nil
	}
	d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8))
	wantSentinels(t, err, api.ErrRejected, api.ErrInUse)
	if d.State != api.DeletionKept || len(d.Evidence.Uses) != 1 || d.Evidence.Uses[0].Name != "late" || s.has(certificateID(8)) != 1 {
		t.Errorf("%+v", d)
	}
	if e := asError(t, err); !strings.Contains(err.Error(), "code 1407: certificate has active associations") || e.Details[0].Code != 1407 {
		t.Error(err)
	}
}

func TestRefusedDeletionKeepsTheCertificate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault  func() *http.Response
		want   []error
		second bool // the evidence is gathered twice
	}{
		"rejected":      {refuse(400, 1305), []error{api.ErrRejected}, true},
		"success false": {refuse(200, 1305), []error{api.ErrRejected}, true},
		"forbidden":     {refuse(403, 10000), []error{api.ErrForbidden}, true},
		"unauthorized":  {refuse(401, 10000), []error{api.ErrUnauthorized}, false},
		"rate limited":  {refuse(429, 1), []error{api.ErrRateLimited}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			s.before = func(kind string, _ *http.Request) (*http.Response, error) {
				if kind == "delete" {
					return tt.fault(), nil
				}
				return nil, nil
			}
			d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8))
			wantSentinels(t, err, tt.want...)
			if d.State != api.DeletionKept || d.Evidence.Usage() != api.Unused || d.RayID == "" || d.AlreadyGone {
				t.Errorf("%s: %+v", name, d)
			}
			if s.count("delete") != 1 || (s.count("associations") == 2) != tt.second {
				t.Errorf("%s: requests %v", name, s.requests)
			}
		})
	}
}

func TestDeletedCertificateMayStayForAWhile(t *testing.T) {
	t.Parallel()
	for _, lag := range []time.Duration{90 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			var deleted time.Time
			s.before = func(kind string, _ *http.Request) (*http.Response, error) {
				switch {
				case kind == "delete":
					deleted = time.Now()
				case kind == "certificate" && !deleted.IsZero() && time.Since(deleted) < lag:
					return response(200, `{"success":true,"result":{"id":"`+certificateID(8)+`","ca":false,"type":"custom"}}`), nil
				}
				return nil, nil
			}
			start := time.Now()
			d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8))
			took := time.Since(start)
			if lag < time.Hour {
				wantTook(t, "the deletion", start, lag, lag+15*time.Second)
				if err != nil || d.State != api.DeletionDone || d.DeletedAt.Sub(start) != took {
					t.Errorf("after %v: %+v, %v", took, d, err)
				}
				return
			}
			wantSentinels(t, err, api.ErrOutcomeUnknown)
			if took > 2*time.Minute || d.State != api.DeletionUnknown || !strings.Contains(err.Error(), "the API still shows the certificate") {
				t.Errorf("after %v: %+v, %v", took, d, err)
			}
			if n := s.count("certificate"); n > 20 {
				t.Errorf("%d checks", n)
			}
			deleted, start = time.Time{}, time.Now()
			s.certificates = everySource().certificates
			_, err = newClient(t, s).DeleteUnused(t.Context(), ref(8), api.WithDeleteTimeout(30*time.Second))
			wantSentinels(t, err, api.ErrOutcomeUnknown)
			wantTook(t, "the shorter deletion", start, 15*time.Second, 30*time.Second)
		})
	}
}

func TestConcurrentDeletionsBothSucceed(t *testing.T) {
	t.Parallel()
	s := everySource()
	both := make(chan struct{}, 2)
	ready := sync.OnceValue(func() error { <-both; <-both; close(both); return nil })
	s.before = func(kind string, _ *http.Request) (*http.Response, error) {
		if kind == "delete" { // both calls have their evidence
			both <- struct{}{}
			return nil, ready()
		}
		return nil, nil
	}
	var group sync.WaitGroup
	var records [2]*api.Deletion
	var errs [2]error
	for i := range records {
		client := newClient(t, s) // as two processes
		group.Go(func() { records[i], errs[i] = client.DeleteUnused(t.Context(), ref(8)) })
	}
	group.Wait()
	gone := 0
	for i, d := range records {
		if errs[i] != nil || d.State != api.DeletionDone {
			t.Errorf("%+v, %v", d, errs[i])
		}
		if d.AlreadyGone {
			gone++
		}
	}
	if gone != 1 || s.count("delete") != 2 || s.has(certificateID(8)) != 0 {
		t.Errorf("%d were already gone; requests %v", gone, s.requests)
	}
}

func TestAZeroDeletionHasEmptyListsInJSON(t *testing.T) {
	t.Parallel()
	if text := must(json.Marshal(api.Deletion{})); !strings.Contains(string(text), `"uses":[],"sources":[]`) {
		t.Errorf("a zero record is %s", text)
	}
}

func TestWrongDeleteOptionsSendNothing(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]api.DeleteOption{"nil": {nil}, "negative time": {api.WithDeleteTimeout(-1)}, "2 ns": {api.WithDeleteTimeout(2)}} {
		s := everySource()
		d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8), opts...)
		if !errors.Is(err, api.ErrInvalidArgument) || len(s.requests) != 0 || d != nil {
			t.Errorf("%s: %v, requests %v", name, err, s.requests)
		}
	}
	if d, err := newClient(t, everySource()).DeleteUnused(t.Context(), api.CertificateRef{ID: "../x"}); !errors.Is(err, api.ErrInvalidArgument) || d != nil {
		t.Error(err)
	}
}
