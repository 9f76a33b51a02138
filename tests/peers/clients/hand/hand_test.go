package hand_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/certuse/cloudflare-mtls/tests/peers/clients/hand"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/bench"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/payload"
)

func BenchmarkList(b *testing.B) { bench.List(b, hand.New) }

func BenchmarkPage(b *testing.B) { bench.Page(b, hand.Page) }

func BenchmarkSweep(b *testing.B) {
	bench.Audit(b, func(b *testing.B) bench.Sweep { return bench.Workload(b, hand.New) })
}

func BenchmarkInventory(b *testing.B) {
	bench.Inventory(b, func(b *testing.B) func() (int, error) {
		inventory := hand.Inventory(bench.Server(b), payload.Token, bench.Workers)
		return func() (int, error) { return inventory(b.Context(), payload.Account) }
	})
}

func TestInventoryCountsTheUnusedCertificates(t *testing.T) {
	t.Parallel()
	results := map[string]string{
		"/accounts/a/workers/scripts":                           `[{"id":"w"}]`,
		"/accounts/a/workers/scripts/w/settings":                `{"bindings":[{"type":"kv_namespace"},{"certificate_id":"bound"},{"certificate_id":"elsewhere"}]}`,
		"/accounts/a/pages/projects":                            `[]`,
		"/accounts/a/hyperdrive/configs":                        `[]`,
		"/accounts/a/devices/posture":                           `[]`,
		"/accounts/a/gateway/configuration":                     `{}`,
		"/zones":                                                `[{"id":"z"}]`,
		"/accounts/a/mtls_certificates":                         `[{"id":"bound"},{"id":"associated"},{"id":"named","ca":true},{"id":"unused","ca":true}]`,
		"/accounts/a/mtls_certificates/bound/associations":      `[]`,
		"/accounts/a/mtls_certificates/associated/associations": `[{"service":"gateway"}]`,
		"/accounts/a/mtls_certificates/named/associations":      `[]`,
		"/accounts/a/mtls_certificates/unused/associations":     `[]`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, ok := results[r.URL.Path]
		if id := r.URL.Query().Get("mtls_certificate_id"); id != "" {
			result, ok = map[string]string{"named": `{"hostnames":["h"]}`, "unused": `{"hostnames":[]}`}[id], true
		}
		if !ok {
			t.Errorf("request for %s", r.URL)
		}
		_, _ = fmt.Fprintf(w, `{"success":true,"errors":[],"messages":[],"result":%s}`, result)
	}))
	defer server.Close()
	if unused, err := hand.Inventory(server.URL, "token", 2)(t.Context(), "a"); err != nil || unused != 1 {
		t.Errorf("%d unused certificates, %v; want 1", unused, err)
	}
}
