package v0_test

import (
	"testing"

	"github.com/certuse/cloudflare-mtls/tests/peers/clients/v0"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/bench"
)

func BenchmarkList(b *testing.B) { bench.List(b, v0.New) }

func BenchmarkPage(b *testing.B) { bench.Page(b, v0.Page) }

func BenchmarkSweep(b *testing.B) {
	bench.Audit(b, func(b *testing.B) bench.Sweep { return bench.Workload(b, v0.New) })
}
