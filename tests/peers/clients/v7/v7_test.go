package v7_test

import (
	"testing"

	"github.com/certuse/cloudflare-mtls/tests/peers/clients/v7"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/bench"
)

func BenchmarkList(b *testing.B) { bench.List(b, v7.New) }

func BenchmarkSweep(b *testing.B) {
	bench.Audit(b, func(b *testing.B) bench.Sweep { return bench.Workload(b, v7.New) })
}
