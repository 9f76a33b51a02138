package api_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// A 404 without the code 1472 may be about the account or the path. Then only a list
// without the certificate shows its deletion.
func TestDeletionIsProvenByTheListIfTheNotFoundIsNotAboutTheCertificate(t *testing.T) {
	t.Parallel()
	noRoute := refuse(404, 7003)
	for name, tt := range map[string]struct {
		deleted   bool // whether the request to delete has its effect
		list      func() *http.Response
		want      api.DeletionState
		sentinels []error
	}{
		"deleted":                {true, nil, api.DeletionDone, nil},
		"still listed":           {false, nil, api.DeletionUnknown, []error{api.ErrNotFound, api.ErrOutcomeUnknown}},
		"the list is not found":  {false, noRoute, api.DeletionUnknown, []error{api.ErrNotFound, api.ErrOutcomeUnknown}},
		"the list is incomplete": {true, success(`[` + strings.Repeat(`{"id":"other","type":"custom"},`, 9) + `{"id":"last"}]`), api.DeletionUnknown, []error{api.ErrNotFound, api.ErrOutcomeUnknown}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			s.before = func(kind string, _ *http.Request) (*http.Response, error) {
				switch after := s.count("delete") > 0; {
				case kind == "delete":
					if tt.deleted {
						s.mu.Lock()
						defer s.mu.Unlock()
						s.certificates = s.certificates[:8]
					}
					return noRoute(), nil
				case kind == "certificate" && after:
					return noRoute(), nil
				case kind == "certificates" && after && tt.list != nil:
					return tt.list(), nil
				}
				return nil, nil
			}
			d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8))
			wantSentinels(t, err, tt.sentinels...)
			if d == nil || d.State != tt.want || d.DeletedAt.IsZero() != (tt.want != api.DeletionDone) {
				t.Errorf("%s: %+v, %v", name, d, err)
			}
		})
	}
}

// A cache may hold a response from before the upload of the certificate.
func TestStaleNotFoundDoesNotProveADeletion(t *testing.T) {
	t.Parallel()
	for name, header := range map[string][2]string{"Age": {"Age", "600"}, "Warning": {"Warning", `110 cache "stale"`}} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			gone := func() *http.Response {
				return response(404, `{"success":false,"errors":[{"code":1472,"message":"not found"}]}`, header[0], header[1])
			}
			s.before = func(kind string, _ *http.Request) (*http.Response, error) {
				switch {
				case kind == "delete": // accepted without effect
					return success(`{"id":"` + certificateID(8) + `"}`)(), nil
				case kind == "certificate" && s.count("delete") > 0:
					return gone(), nil
				}
				return nil, nil
			}
			d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8))
			wantSentinels(t, err, api.ErrOutcomeUnknown)
			if d.State != api.DeletionUnknown {
				t.Errorf("%s: %v, %v", name, d.State, err)
			}
		})
	}
}

// The vendor refuses a second deletion in more than one way.
func TestDeletionByAnotherCallerCountsAsDeleted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault      func() *http.Response
		gatherings int
	}{
		"404": {refuse(404, 1), 1}, "1472": {refuse(400, 1472), 1}, "already deleted": {refuse(400, 1), 2},
	} {
		s := everySource()
		s.before = func(kind string, _ *http.Request) (*http.Response, error) {
			if kind == "delete" {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.certificates = nil
				return tt.fault(), nil
			}
			return nil, nil
		}
		d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8))
		if err != nil || d.State != api.DeletionDone || !d.AlreadyGone || d.Evidence == nil {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		// A check with the code 1472 is proof without the list.
		if s.count("workers") != tt.gatherings || s.count("certificates") != 0 {
			t.Errorf("%s: requests %v", name, s.requests)
		}
	}
}

func TestADeletionWithoutAResponseIsDetectedAlthoughRetriesGetNoConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.before = func(kind string, req *http.Request) (*http.Response, error) {
			if kind == "delete" && s.count(kind) > 1 {
				noConnection(req)
				return nil, errReset
			}
			return nil, nil
		}
		s.after = func(kind string, resp *http.Response) (*http.Response, error) {
			if kind == "delete" {
				return nil, errReset
			}
			return resp, nil
		}
		d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8))
		if err != nil || d.State != api.DeletionDone || d.AlreadyGone || s.count("delete") != 4 {
			t.Errorf("%+v, %v, requests %v", d, err, s.requests)
		}
	})
}

// The request to delete or upload is the last that the limit admits, or its response
// begins a block. The delay is longer than the time of the check.
func TestADelayByTheLimiterDoesNotShortenTheCheckOfAnOutcome(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		resp    step // to a request that had its effect
		room    int  // in the limit, besides the other requests before the check
		timeout time.Duration
	}{
		"the limit":           {fail(errReset), 1, time.Minute},
		"a block":             {reply(503, envelopeWith("1"), "Retry-After", "200"), 100, time.Minute},
		"the longest timeout": {reply(503, envelopeWith("1"), "Retry-After", "200"), 100, math.MaxInt64},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			if _, err := newClient(t, s).Evidence(t.Context(), ref(8)); err != nil {
				t.Fatal(err)
			}
			evidence := s.total()
			s.after = func(kind string, resp *http.Response) (*http.Response, error) {
				if kind == "delete" || kind == "upload" {
					return tt.resp(nil)
				}
				return resp, nil
			}
			limited := func(before int) *api.Client {
				return newClient(t, s, api.WithMaxAttempts(1), api.WithRateLimit(before+tt.room, 5*time.Minute))
			}
			if d, err := limited(evidence).DeleteUnused(t.Context(), ref(8), api.WithDeleteTimeout(tt.timeout)); err != nil || d.State != api.DeletionDone {
				t.Errorf("%s: %+v, %v", name, d, err)
			}
			if got, err := limited(0).Upload(t.Context(), account, api.CertificateUpload{PEM: leafPEM}); err != nil || s.has(got.Ref.ID) != 1 {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		})
	}
}

func TestALongerBlockIsNotWaitedForBeforeTheCheckOfAnOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.after = func(kind string, resp *http.Response) (*http.Response, error) {
			if kind == "delete" {
				return reply(503, envelopeWith("1"), "Retry-After", "3600")(nil)
			}
			return resp, nil
		}
		start := time.Now()
		d, err := newClient(t, s, api.WithMaxAttempts(1)).DeleteUnused(t.Context(), ref(8), api.WithDeleteTimeout(time.Minute))
		wantSentinels(t, err, api.ErrServer, api.ErrOutcomeUnknown)
		if wantTook(t, "the call", start, 0, time.Minute); d.State != api.DeletionUnknown {
			t.Errorf("%+v", d)
		}
	})
}

// The evidence cannot explain why there was no connection.
func TestNoEvidenceIsGatheredAfterADeletionWithoutAConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.before = func(kind string, req *http.Request) (*http.Response, error) {
			if kind == "delete" {
				noConnection(req)
				return nil, errReset
			}
			return nil, nil
		}
		d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8))
		wantSentinels(t, err, api.ErrUnreachable)
		if d.State != api.DeletionKept || s.count("workers") != 1 || s.has(certificateID(8)) != 1 {
			t.Errorf("%+v, requests %v", d, s.requests)
		}
	})
}

func TestADeletionThatHasBegunIsRetriedAfterTheEndOfTheEvidenceContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		until, cancel := context.WithCancel(t.Context())
		s := everySource()
		s.before = func(kind string, _ *http.Request) (*http.Response, error) {
			if kind == "delete" && s.count(kind) == 1 {
				cancel()
				return refuse(503, 1)(), nil
			}
			return nil, nil
		}
		d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8), api.WithEvidenceContext(until))
		if err != nil || d.State != api.DeletionDone || s.count("delete") != 2 {
			t.Errorf("%+v, %v, requests %v", d, err, s.requests)
		}
	})
}

// The context ends during the last request, so the evidence is complete.
func TestNothingIsDeletedAfterTheEndOfTheEvidenceContext(t *testing.T) {
	t.Parallel()
	until, cancel := context.WithCancel(t.Context())
	s := everySource()
	s.after = func(kind string, resp *http.Response) (*http.Response, error) {
		if kind == "hostnames" && s.count(kind) == 3 {
			cancel()
		}
		return resp, nil
	}
	d, err := newClient(t, s).DeleteUnused(t.Context(), ref(7), api.WithEvidenceContext(until))
	wantSentinels(t, err, api.ErrNotAsked)
	if !errors.Is(err, context.Canceled) || d == nil || d.State != api.DeletionKept || d.Evidence.Usage() != api.Unused || s.count("delete") != 0 {
		t.Errorf("%+v, %v, requests %v", d, err, s.requests)
	}
}

// A 404 may be from another server, also if its body is too large to read.
func TestDeletionIsNotProvenByAnotherServer(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"small": "<html>", "large": "<html>" + strings.Repeat(" ", 9<<20)} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			page := func() *http.Response { return response(404, body, "Content-Type", "text/html") }
			s.before = func(kind string, _ *http.Request) (*http.Response, error) {
				if kind == "delete" || kind == "certificate" && s.count("delete") > 0 {
					return page(), nil
				}
				return nil, nil
			}
			d, err := newClient(t, s).DeleteUnused(t.Context(), ref(8), api.WithDeleteTimeout(10*time.Second))
			if d.State != api.DeletionUnknown || !errors.Is(err, api.ErrOutcomeUnknown) || name == "small" && !strings.Contains(err.Error(), "unknown: get mTLS certificate: HTTP 404") {
				t.Errorf("%s: %+v, %v", name, d, err)
			}
		})
	}
}

func TestCancelledDeletionHasAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		ctx, cancel := context.WithCancel(t.Context())
		s.after = func(kind string, resp *http.Response) (*http.Response, error) {
			if kind == "delete" {
				cancel()
			}
			return resp, nil
		}
		d, err := newClient(t, s).DeleteUnused(ctx, ref(8))
		if d.State != api.DeletionUnknown || !errors.Is(err, api.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

func TestDeadlineOfTheEvidenceContextIsTheCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		client := newClient(t, everySource(), api.WithMaxRetryWait(time.Hour), api.WithRateLimit(10, 9*time.Minute))
		_, err := client.DeleteUnused(t.Context(), ref(8), api.WithEvidenceContext(ctx))
		if !errors.Is(err, api.ErrNotAsked) || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
