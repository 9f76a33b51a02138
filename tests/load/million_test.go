package load

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// memoryTransport responds without a network.
type memoryTransport struct{}

func (memoryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	parts := strings.Split(r.URL.Path, "/")
	body := responseBody(parts[len(parts)-2])
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}, nil
}

// In memory, an audit keeps only the requests in flight and the limiter's window.
func TestAnAuditOfAMillionCertificatesTakesNoMoreMemoryThanASmallOne(t *testing.T) {
	const (
		samples = 10
		growth  = 1 << 20
	)
	if reduced != "" {
		t.Logf("%d certificates only, %s", audited, reduced)
	}
	client, err := api.New(api.APIToken("token"), api.WithRateLimit(1000, time.Millisecond),
		api.WithHTTPClient(&http.Client{Transport: memoryTransport{}}))
	if err != nil {
		t.Fatal(err)
	}
	certs := func(yield func(api.CertificateRef) bool) {
		for i := range audited {
			if !yield(ref(i)) {
				return
			}
		}
	}
	started, answered := time.Now(), 0
	var heap []uint64
	for r := range client.Audit(t.Context(), certs) {
		if !isOwn(r.Certificate, r.List) {
			t.Fatalf("%s: %+v, %v", r.Certificate.ID, r.List, r.Err)
		}
		answered++
		if answered%(audited/samples) == 0 {
			heap = append(heap, liveHeap()>>10)
		}
	}
	t.Logf("%d results in %v; live heap in KiB after each tenth: %v", answered, time.Since(started).Round(time.Millisecond), heap)
	if answered != audited {
		t.Errorf("%d results", answered)
	}
	if last, first := heap[len(heap)-1], heap[0]; last > first+growth>>10 {
		t.Errorf("the live heap grew from %d to %d KiB", first, last)
	}
}
