package faults

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// operation is an operation that reads in one request.
type operation struct {
	name string
	// ok is a valid response; good reports that got has the data of ok.
	ok   fs.Handler
	call func(ctx context.Context, client *api.Client) (got any, good bool, err error)
}

var operations = []operation{
	{"Associations", fs.OK(), func(ctx context.Context, client *api.Client) (any, bool, error) {
		list, err := client.Associations(ctx, cert)
		return list, list.Usage() == api.InUse, err
	}},
	{"Certificates", result(`[{"id":"` + cert.ID + `"}]`), func(ctx context.Context, client *api.Client) (any, bool, error) {
		return only(client.Certificates(ctx, cert.AccountID), func(c api.Certificate) bool { return c.Ref == cert })
	}},
	{"Certificate", result(`{"id":"` + cert.ID + `"}`), func(ctx context.Context, client *api.Client) (any, bool, error) {
		c, err := client.Certificate(ctx, cert)
		return c, c != nil && c.Ref == cert, err
	}},
	{"Zones", result(`[{"id":"` + cert.AccountID + `"}]`), func(ctx context.Context, client *api.Client) (any, bool, error) {
		return only(client.Zones(ctx, cert.AccountID), func(z api.Zone) bool { return z.ID == cert.AccountID })
	}},
	{"Hostnames", result(`{"hostnames":["api.example.com"]}`), func(ctx context.Context, client *api.Client) (any, bool, error) {
		names, err := client.Hostnames(ctx, api.HostnamesRef{ZoneID: cert.AccountID, CertificateID: cert.ID})
		return names, len(names) == 1 && names[0] == "api.example.com", err
	}},
}

func result(text string) fs.Handler {
	return fs.JSON(200, `{"success":true,"errors":[],"messages":[],"result":`+text+`}`)
}

// only returns the only item of a list and whether it is good, or the list's error.
func only[T any](all iter.Seq2[T, error], isGood func(T) bool) (got any, good bool, err error) {
	n := 0
	for item, e := range all {
		if err = e; e == nil {
			n++
			got, good = item, n == 1 && isGood(item)
		}
	}
	return got, good, err
}

// An inventory reports a failed source where other calls return an error. It waits as
// long as the server asks, so the test ends these waits with the context.
func TestEveryFaultIsAFailedSourceOfAnInventory(t *testing.T) {
	t.Parallel()
	for _, f := range table {
		if f.connection != nil {
			continue // the list of certificates fails, which ends the inventory
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var attempts atomic.Int64
			// The client waits after this attempt until its context ends.
			lastAttempt := map[reaction]int64{waited: 2, blocked: 1}[f.reaction]
			server := fs.Start(t, fs.Always(func(x *fs.Exchange) bool {
				if !strings.HasSuffix(x.Request.URL.Path, "/associations") {
					return operations[1].ok(x)
				}
				if attempts.Add(1) == lastAttempt {
					time.AfterFunc(retryAfter/2, cancel)
				}
				return f.response(x)
			}), nil)
			client := newClient(t, server.URL(), api.WithMaxAttempts(1), api.WithMaxResponseBytes(1<<20), api.WithAttemptTimeout(3*attemptTimeout))
			patient, want := lastAttempt > 0, 1
			if patient {
				want = 2 // the certificate, and the error that ends the inventory
			}
			items := 0
			for item, err := range client.Inventory(ctx, cert.AccountID, api.WithSources(api.SourceAssociations)) {
				canary.Check(t, "item", fmt.Sprintf("%+v", item))
				canary.Check(t, "error", err)
				cause := err
				if got := item.Evidence.Sources; err == nil && got[0].State == api.SourceFailed {
					cause = got[0].Err
				}
				if (err == nil) != (items == 0) || item.Evidence.Usage() != api.UsageUnknown || !errors.Is(cause, f.sentinels[0]) || patient && !errors.Is(cause, context.Canceled) {
					t.Errorf("got %+v, %v; want %v, and the end of the context: %t", item, cause, f.sentinels, patient)
				}
				items++
			}
			if items != want {
				t.Errorf("%d items", items)
			}
			if n := attempts.Load(); patient && n != lastAttempt {
				t.Errorf("%d attempts, want %d", n, lastAttempt)
			}
			client.CloseIdleConnections()
			if !server.Drained(slack) {
				t.Error("a connection is still open")
			}
		})
	}
}
