package faults

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// A deletion meets each fault once, in the response to its DELETE, which has had its
// effect or not. What the client reports is never contrary to what is in the store.
func TestDeletionsAreReportedAsTheyAre(t *testing.T) {
	t.Parallel()
	missing := fs.Failure(404, 1472)
	stored := result(`{"id":"` + cert.ID + `","ca":false,"type":"custom"}`)
	for _, f := range table {
		if f.way != nil {
			continue // never arrives; see package api
		}
		for name, effective := range map[string]bool{"with effect": true, "without effect": false} {
			refusal := f.status >= 400 && f.status < 500 && f.status != http.StatusRequestTimeout || f.name == "success false with 200"
			if effective && refusal {
				continue // the API does not do what it refuses
			}
			t.Run(f.name+", "+name, func(t *testing.T) {
				t.Parallel()
				var asked, gone atomic.Bool
				server := fs.Start(t, fs.Always(func(x *fs.Exchange) bool {
					path := x.Request.URL.Path
					switch {
					case x.Request.Method == http.MethodDelete && asked.CompareAndSwap(false, true):
						gone.Store(effective)
						return f.answer(x)
					case x.Request.Method == http.MethodDelete && !gone.Swap(true):
						return stored(x)
					case x.Request.Method == http.MethodDelete:
						return missing(x)
					case strings.HasSuffix(path, "/gateway/configuration"):
						return result(`{"settings":{}}`)(x)
					case !strings.HasSuffix(path, "/"+cert.ID):
						return result(`[]`)(x)
					case gone.Load():
						return missing(x)
					default:
						return stored(x)
					}
				}), nil)
				client := newClient(t, server.URL(), api.WithMaxResponseBytes(1<<20), api.WithAttemptTimeout(attemptTimeout))
				deletion, err := client.DeleteUnused(t.Context(), cert, api.WithDeleteTimeout(3*time.Second))
				if deletion == nil || !asked.Load() {
					t.Fatalf("no DELETE was sent: %v", err)
				}
				switch deletion.State {
				case api.DeletionDone:
					if !gone.Load() || err != nil {
						t.Errorf("deleted, %v; in truth gone: %v", err, gone.Load())
					}
				case api.DeletionKept:
					if gone.Load() || err == nil {
						t.Errorf("kept, %v; in truth gone: %v", err, gone.Load())
					}
				default:
					if !errors.Is(err, api.ErrOutcomeUnknown) {
						t.Errorf("unknown, %v", err)
					}
				}
				if again := f.treatment != final && f.treatment != blocked; again != (deletion.State == api.DeletionDone) && !effective {
					t.Errorf("%s, %v", deletion.State, err)
				}
				if effective && deletion.State != api.DeletionDone {
					t.Errorf("%s although the API shows that it is gone: %v", deletion.State, err)
				}
				canary.Check(t, "error", err)
			})
		}
	}
}
