package ours_test

import (
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/peers/clients/ours"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/bench"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/payload"
)

func BenchmarkList(b *testing.B) { bench.List(b, ours.New) }

func BenchmarkPage(b *testing.B) { bench.Page(b, ours.Page) }

func BenchmarkSweep(b *testing.B) { bench.Audit(b, sweep) }

func sweep(b *testing.B) bench.Sweep {
	client, err := ours.Client(bench.Server(b), payload.Token, nil)
	if err != nil {
		b.Fatal(err)
	}
	return func(b *testing.B, ids []string) int {
		certs := func(yield func(api.CertificateRef) bool) {
			for _, id := range ids {
				if !yield(api.CertificateRef{AccountID: payload.Account, ID: id}) {
					return
				}
			}
		}
		answered := 0
		for result := range client.Audit(b.Context(), certs, api.WithConcurrency(bench.Workers)) {
			if result.Usage() == api.InUse && len(result.List.Associations) == 2 {
				answered++
			}
		}
		return answered
	}
}

func BenchmarkInventory(b *testing.B) {
	bench.Inventory(b, func(b *testing.B) func() (int, error) {
		client, err := ours.Client(bench.Server(b), payload.Token, nil)
		if err != nil {
			b.Fatal(err)
		}
		return func() (unused int, err error) {
			for item, err := range client.Inventory(b.Context(), payload.Account, api.WithInventoryConcurrency(bench.Workers)) {
				if err != nil {
					return 0, err
				}
				if item.Evidence.Usage() == api.Unused {
					unused++
				}
			}
			return unused, nil
		}
	})
}
