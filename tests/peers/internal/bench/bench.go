// Package bench holds the benchmarks that every client of the comparison runs,
// each in a test binary of its own, so that none pays for what another links.
package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/tests/peers/face"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/payload"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/process"
)

// Environment variables through which the runner names its server: the base URL
// and the URL that counts connections. Without them the benchmarks start a
// server in their own process.
const (
	EnvServer      = "PEERS_SERVER"
	EnvConnections = "PEERS_CONNECTIONS"
)

// Workers is the number of parallel callers of the audit.
const Workers = 32

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
	return append(works, "Sweep/audit/rows=2")
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

func list(b *testing.B, newClient face.New, baseURL string, transport http.RoundTripper, rows int) {
	call, err := newClient(baseURL, payload.Token, transport)
	if err != nil {
		b.Fatal(err)
	}
	id := payload.ID(0, rows)
	one := func() {
		if n, err := call(b.Context(), payload.Account, id); err != nil || n != rows {
			b.Fatalf("%d associations, %v; want %d", n, err, rows)
		}
	}
	one() // connections and caches
	runtime.GC()
	b.ReportAllocs()
	calls, used := 0, cpu(b)
	for b.Loop() {
		one()
		calls++
	}
	b.ReportMetric(float64(cpu(b)-used)/float64(calls), "cpu-ns/op")
}

// cpu returns the processor time used so far. Unlike the time on the clock it
// does not count what other processes take.
func cpu(b *testing.B) time.Duration {
	used, err := process.CPU()
	if err != nil {
		b.Fatal(err)
	}
	return used
}

// Server returns the base URL of the server to ask.
func Server(b *testing.B) string {
	if url := os.Getenv(EnvServer); url != "" {
		return url
	}
	s := httptest.NewServer(payload.Handler())
	b.Cleanup(s.Close)
	return s.URL + "/client/v4"
}

// Sweep asks for n certificates with Workers parallel callers and reports how
// many gave their two associations.
type Sweep func(b *testing.B, ids []string) (answered int)

// Workload makes a sweep with plain workers around a client. Like an audit, it
// gives every answer to the goroutine that asked for the sweep.
func Workload(b *testing.B, newClient face.New) Sweep {
	call, err := newClient(Server(b), payload.Token, nil)
	if err != nil {
		b.Fatal(err)
	}
	type answer struct {
		rows int
		err  error
	}
	return func(b *testing.B, ids []string) (answered int) {
		queue, answers := make(chan string), make(chan answer, Workers)
		var wg sync.WaitGroup
		for range Workers {
			wg.Go(func() {
				for id := range queue {
					n, err := call(b.Context(), payload.Account, id)
					answers <- answer{n, err}
				}
			})
		}
		go func() {
			for _, id := range ids {
				queue <- id
			}
			close(queue)
			wg.Wait()
			close(answers)
		}()
		for a := range answers {
			if a.err == nil && a.rows == 2 {
				answered++
			}
		}
		return answered
	}
}

// Audit measures a sweep over a thousand certificates: time, processor time and
// allocations per certificate, and the connections it opened.
func Audit(b *testing.B, newSweep func(b *testing.B) Sweep) {
	b.Run("audit", func(b *testing.B) {
		b.Run("rows=2", func(b *testing.B) {
			sweep := newSweep(b)
			ids := make([]string, 1_000)
			for i := range ids {
				ids[i] = payload.ID(i, 2)
			}
			connections := accepted(b)
			sweeps, used := 0, cpu(b)
			for b.Loop() {
				if n := sweep(b, ids); n != len(ids) {
					b.Fatalf("%d of %d certificates answered", n, len(ids))
				}
				sweeps++
			}
			used = cpu(b) - used
			certificates := float64(sweeps * len(ids))
			b.ReportMetric(float64(b.Elapsed())/certificates, "ns/cert")
			b.ReportMetric(float64(used)/certificates, "cpu-ns/cert")
			if os.Getenv(EnvConnections) != "" {
				b.ReportMetric(float64(accepted(b)-connections), "connections")
			}
		})
	})
}

func accepted(b *testing.B) int {
	url := os.Getenv(EnvConnections)
	if url == "" {
		return 0
	}
	resp, err := http.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	n, err := strconv.Atoi(string(text))
	if err != nil {
		b.Fatal(err)
	}
	return n
}
