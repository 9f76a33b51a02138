package v7sub_test

import (
	"testing"

	"github.com/certuse/cloudflare-mtls/tests/peers/clients/v7sub"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/bench"
)

func BenchmarkList(b *testing.B) { bench.List(b, v7sub.New) }

func BenchmarkPage(b *testing.B) { bench.Page(b, v7sub.Page) }

func BenchmarkSweep(b *testing.B) {
	bench.Audit(b, func(b *testing.B) bench.Sweep { return bench.Workload(b, v7sub.New) })
}
