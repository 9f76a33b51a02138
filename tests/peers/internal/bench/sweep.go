package bench

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/certuse/cloudflare-mtls/tests/peers/face"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/payload"
)

// Workers is the number of parallel callers of a sweep or an inventory.
const Workers = 32

// Sweep reads the associations of the certificates with Workers parallel callers. It
// returns the number of certificates with two associations.
type Sweep func(b *testing.B, ids []string) (answered int)

// Workload returns a sweep with plain workers around a client. Like an audit, it
// passes every result to the calling goroutine.
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

// Audit measures a sweep over a thousand certificates: time and processor time per
// certificate, and the connections opened to the runner's server.
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

// Inventory measures an inventory of an account of [payload.Certificates]
// certificates with all sources: time and processor time per certificate. inventory
// returns the number of unused certificates.
func Inventory(b *testing.B, newInventory func(b *testing.B) func() (unused int, err error)) {
	b.Run("inventory", func(b *testing.B) {
		b.Run(fmt.Sprintf("certificates=%d", payload.Certificates), func(b *testing.B) {
			inventory := newInventory(b)
			runs, used := 0, cpu(b)
			for b.Loop() {
				if unused, err := inventory(); err != nil || unused != payload.Certificates {
					b.Fatalf("%d of %d certificates are unused, %v", unused, payload.Certificates, err)
				}
				runs++
			}
			used = cpu(b) - used
			certificates := float64(runs * payload.Certificates)
			b.ReportMetric(float64(b.Elapsed())/certificates, "ns/cert")
			b.ReportMetric(float64(used)/certificates, "cpu-ns/cert")
		})
	})
}
