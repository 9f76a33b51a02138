package api_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// The context ends before the evidence is complete, or when the request to delete is
// on its way.
func TestEvidenceContextEndsOnlyWhatComesBeforeTheDeletion(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]api.DeletionState{"associations": api.DeletionKept, "delete": api.DeletionDone} {
		synctest.Test(t, func(t *testing.T) {
			until, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := everySource()
			s.before = func(k string, _ *http.Request) (*http.Response, error) {
				if k == kind {
					cancel()
				}
				return nil, nil
			}
			d, err := newClient(t, s).DeleteUnused(t.Context(), ref(7), api.WithEvidenceContext(until))
			state := api.DeletionKept
			if d != nil {
				state = d.State
			}
			kept := want == api.DeletionKept
			if state != want || kept != errors.Is(err, context.Canceled) || kept != (s.count("delete") == 0) || kept != (s.copiesOf(ids(7)) == 1) {
				t.Errorf("ended at %s: %v, %v, %d requests to delete", kind, d, err, s.count("delete"))
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		if _, err := newClient(t, s).Evidence(t.Context(), ref(7)); err != nil {
			t.Fatal(err)
		}
		requests := 0
		for _, n := range s.requests {
			requests += n
		}
		// The limiter has room for the evidence only, and the context ends in its wait.
		until, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		d, err := newClient(t, s, api.WithRateLimit(requests, 5*time.Second)).DeleteUnused(t.Context(), ref(7), api.WithEvidenceContext(until))
		if d == nil || d.State != api.DeletionKept || !errors.Is(err, api.ErrNotAsked) || s.count("delete") != 0 || until.Err() == nil {
			t.Errorf("ended in the limiter: %v, %v, %d requests to delete", d, err, s.count("delete"))
		}
	})
	var none context.Context
	_, err := newClient(t, everySource()).DeleteUnused(t.Context(), ref(7), api.WithEvidenceContext(none))
	wantSentinels(t, err, api.ErrInvalidArgument)
}
