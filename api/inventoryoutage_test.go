package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// accountOf serves an account with n unused leaf certificates.
func accountOf(n int) roundTrip {
	var certs []string
	for i := range n {
		certs = append(certs, fmt.Sprintf(`{"id":"c%d","ca":false}`, i))
	}
	return func(r *http.Request) (*http.Response, error) {
		time.Sleep(100 * time.Millisecond)
		if strings.HasSuffix(r.URL.Path, "/mtls_certificates") {
			return answer(200, fmt.Sprintf(`{"success":true,"result":[%s],"result_info":{"total_count":%d}}`, strings.Join(certs, ","), n)), nil
		}
		return answer(200, emptyBody), nil
	}
}

func TestAnInventorySurvivesAnOutage(t *testing.T) {
	t.Parallel()
	for _, begin := range []time.Duration{150 * time.Millisecond, 500 * time.Millisecond, 900 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			start, rt := time.Now(), accountOf(100)
			client := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
				if at := time.Since(start); begin <= at && at < begin+20*time.Second {
					return nil, errors.New("connection refused")
				}
				return rt(r)
			}))
			n := 0
			for item, err := range client.Inventory(t.Context(), "a", api.WithSources(api.SourceAssociations, api.SourceHyperdrive, api.SourcePosture)) {
				if err != nil {
					t.Fatalf("outage at %v: %v", begin, err)
				}
				if n++; item.Evidence.Usage() != api.Unused {
					t.Errorf("outage at %v: %v: %+v", begin, item, item.Evidence.Sources)
				}
			}
			if n != 100 {
				t.Errorf("outage at %v: %d items", begin, n)
			}
		})
	}
}

func TestAnInventoryEndsInALongOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, rt, failures := time.Now(), accountOf(5000), new(atomic.Int32)
		client := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			if time.Since(start) > time.Second {
				failures.Add(1)
				return nil, errors.New("connection refused")
			}
			return rt(r)
		}))
		var last error
		for _, err := range client.Inventory(t.Context(), "a", api.WithSources(api.SourceAssociations)) {
			last = err
		}
		if took := time.Since(start); !errors.Is(last, api.ErrUnreachable) || took > 17*time.Minute || failures.Load() > 1000 {
			t.Errorf("after %v and %d requests without an answer: %v", took, failures.Load(), last)
		}
	})
}
