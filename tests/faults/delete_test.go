package faults

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// variant says which DELETE requests meet the fault, and whether they delete the
// certificate despite the fault.
type variant struct {
	name string
	// effective: a DELETE that meets the fault deletes the certificate.
	effective bool
	// always: every DELETE meets the fault; otherwise only the first one.
	always bool
}

// Each fault is on the connection for a DELETE, or in the response to it. The client
// never reports a state that the store contradicts.
func TestDeletionsAreReportedTruthfully(t *testing.T) {
	t.Parallel()
	for _, f := range table {
		refusal := !slices.Contains(f.sentinels, api.ErrUnexpectedResponse) && // by the API itself
			(f.status >= 400 && f.status < 500 && f.status != http.StatusRequestTimeout || f.name == "success false with 200")
		for _, v := range []variant{{"with effect", true, false}, {"without effect", false, false}, {"always", false, true}, {"always, with effect", true, true}} {
			if v.effective && (refusal || f.connection != nil) {
				continue // a refused or lost request has no effect
			}
			t.Run(f.name+", "+v.name, func(t *testing.T) {
				t.Parallel()
				retrySucceeds := f.reaction != final && f.reaction != blocked && !v.always
				limit := time.Minute // for a loaded machine
				if !retrySucceeds && !v.effective {
					limit = 3 * time.Second
				}
				store := newCell(t, f, operations[2], situation{}.attempt(f)).store(v)
				deletion, err := store.cell.client.DeleteUnused(t.Context(), cert, api.WithDeleteTimeout(limit))
				if deletion == nil || !store.failed.Load() {
					t.Fatalf("the deletion did not meet the fault: %v", err)
				}
				gone := store.gone.Load()
				switch deletion.State {
				case api.DeletionDone:
					if !gone || err != nil {
						t.Errorf("deleted, %v; gone from the store: %v", err, gone)
					}
				case api.DeletionKept:
					if gone || err == nil || errors.Is(err, api.ErrOutcomeUnknown) {
						t.Errorf("kept, %v; gone from the store: %v", err, gone)
					}
				default:
					if !errors.Is(err, api.ErrOutcomeUnknown) {
						t.Errorf("unknown, %v", err)
					}
				}
				if want := retrySucceeds || v.effective; want != (deletion.State == api.DeletionDone) {
					t.Errorf("%s, %v; want deleted: %v", deletion.State, err, want)
				}
				certain := refusal || f.connection != nil && f.name != abortedName
				if !retrySucceeds && !v.effective && certain != (deletion.State == api.DeletionKept) {
					t.Errorf("%s, %v; want kept: %v", deletion.State, err, certain)
				}
				if err != nil && !errors.Is(err, f.sentinels[0]) {
					t.Errorf("does not match %q: %v", f.sentinels[0], err)
				}
				canary.Check(t, "error", err)
			})
		}
	}
}

// store is a server with one unused certificate.
type store struct {
	cell *cell
	// gone: the certificate was deleted; failed: a DELETE has met the fault.
	gone, failed atomic.Bool
}

// store lets the DELETE requests that v selects meet the fault, and all others succeed.
func (c *cell) store(v variant) *store {
	s := &store{cell: c}
	meets := func() bool { return !s.failed.Swap(true) || v.always }
	if c.fault.connection != nil {
		var deleting atomic.Bool
		c.link.transport.DisableKeepAlives = true // one dial for each request
		c.link.transport.Proxy = func(r *http.Request) (*url.URL, error) {
			deleting.Store(r.Method == http.MethodDelete) // net/http calls Proxy before the dial
			return nil, nil
		}
		c.link.fail(func(int) bool { return deleting.Load() && meets() }, nothing)
	}
	missing := fs.Failure(404, 1472)
	stored := result(`{"id":"` + cert.ID + `","ca":false,"type":"custom"}`)
	c.server.SetPlan(fs.Always(func(x *fs.Exchange) bool {
		path := x.Request.URL.Path
		switch {
		case x.Request.Method == http.MethodDelete && c.fault.connection == nil && meets():
			if v.effective {
				s.gone.Store(true)
			}
			return c.fault.response(x)
		case x.Request.Method == http.MethodDelete && !s.gone.Swap(true):
			return stored(x)
		case x.Request.Method == http.MethodDelete:
			return missing(x)
		case strings.HasSuffix(path, "/gateway/configuration"):
			return result(`{"settings":{}}`)(x)
		case !strings.HasSuffix(path, "/"+cert.ID):
			return result(`[]`)(x)
		case s.gone.Load():
			return missing(x)
		default:
			return stored(x)
		}
	}))
	return s
}
