package hand_test

import (
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
