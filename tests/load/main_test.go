// Package load tests many concurrent calls: each gets its own response, and memory,
// connections and goroutines stay bounded. It also tests inventories of random
// accounts.
package load

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/certuse/cloudflare-mtls/api"
)

// The bounds are those of a program that leaves GOGC at its default.
func TestMain(m *testing.M) {
	debug.SetGCPercent(100)
	goleak.VerifyTestMain(m)
}

const account = "023e105f4ecef8ad9ca31a8372d0c353"

func ref(i int) api.CertificateRef {
	return api.CertificateRef{AccountID: account, ID: "cert-" + strconv.Itoa(i)}
}

// responseBody is the body for one certificate, different from all others.
func responseBody(id string) string {
	return `{"success":true,"errors":[],"messages":[],"result":[{"service":"` + id + `","status":"active"}]}`
}

// isOwn reports whether the list is the response for this certificate.
func isOwn(cert api.CertificateRef, list *api.AssociationList) bool {
	return list != nil && len(list.Associations) == 1 && list.Associations[0].Service == cert.ID
}

// peakMemory returns the largest resident size of the process so far, in MiB, or the
// memory of the Go runtime if the system does not report the resident size.
func peakMemory() uint64 {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				if kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64); err == nil {
					return kib >> 10
				}
			}
		}
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Sys >> 20
}

func liveHeap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
