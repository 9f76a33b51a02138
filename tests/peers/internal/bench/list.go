package bench

import (
	"fmt"
	"net/http"
	"runtime"
	"testing"

	"github.com/certuse/cloudflare-mtls/tests/peers/face"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/payload"
)

// OfTwo is the benchmark that only hand and ours have: no other client makes an
// inventory.
const OfTwo = "Inventory"

// Works names the benchmarks, in the order of the report.
func Works() []string {
	var works []string
	for _, way := range []string{"memory", "socket"} {
		for _, rows := range sizes {
			works = append(works, fmt.Sprintf("List/%s/rows=%d", way, rows))
		}
		if way == "memory" {
			works = append(works, "List/memory/distinct=1000")
		}
	}
	return append(works, "Page/memory/certificates=1000", "Sweep/audit/rows=2", fmt.Sprintf("%s/inventory/certificates=%d", OfTwo, payload.Certificates))
}

var sizes = []int{2, 20, 1_000, 100_000}

// List measures one call after another: in memory and over a socket.
func List(b *testing.B, newClient face.New) {
	const anywhere = "http://127.0.0.1/client/v4"
	b.Run("memory", func(b *testing.B) {
		for _, rows := range sizes {
			b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
				list(b, newClient, anywhere, payload.Memory(payload.Body(rows, false)), rows)
			})
		}
		b.Run("distinct=1000", func(b *testing.B) {
			list(b, newClient, anywhere, payload.Memory(payload.Body(1_000, true)), 1_000)
		})
	})
	b.Run("socket", func(b *testing.B) {
		for _, rows := range sizes {
			b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) { list(b, newClient, Server(b), nil, rows) })
		}
	})
}

// Page measures the list of certificates, a page of 1,000 with 2 kB of PEM each, in
// memory. It also reports the bytes allocated for each byte of the body.
func Page(b *testing.B, newClient face.New) {
	const certificates = 1_000
	b.Run(fmt.Sprintf("memory/certificates=%d", certificates), func(b *testing.B) {
		body := payload.Page(certificates)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		calls := list(b, newClient, "http://127.0.0.1/client/v4", payload.Memory(body), certificates)
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(calls)/float64(len(body)), "B/body-B")
	})
}

// list measures calls one after another, and returns how many it made.
func list(b *testing.B, newClient face.New, baseURL string, transport http.RoundTripper, rows int) int {
	call, err := newClient(baseURL, payload.Token, transport)
	if err != nil {
		b.Fatal(err)
	}
	id := payload.ID(0, rows)
	one := func() {
		if n, err := call(b.Context(), payload.Account, id); err != nil || n != rows {
			b.Fatalf("%d rows, %v; want %d", n, err, rows)
		}
	}
	one() // opens the connection and fills caches
	runtime.GC()
	b.ReportAllocs()
	calls, used := 0, cpu(b)
	for b.Loop() {
		one()
		calls++
	}
	b.ReportMetric(float64(cpu(b)-used)/float64(calls), "cpu-ns/op")
	return calls + 1
}
