package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// handwritten is the baseline: the same call with net/http and encoding/json, without
// retries, a rate limit or typed errors.
type handwritten struct {
	client *http.Client
	base   string
	token  string
}

type handwrittenResponse struct {
	Success bool `json:"success"`
	Errors  []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
	Result []struct {
		Service string `json:"service"`
		Status  string `json:"status"`
	} `json:"result"`
	ResultInfo *struct {
		Count      int `json:"count"`
		Page       int `json:"page"`
		PerPage    int `json:"per_page"`
		TotalCount int `json:"total_count"`
	} `json:"result_info"`
}

func (h *handwritten) list(ctx context.Context, account, id string) (*handwrittenResponse, error) {
	url := fmt.Sprintf("%s/accounts/%s/mtls_certificates/%s/associations", h.base, account, id)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Header.Set("Accept", "application/json")
	resp, err := h.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	var out handwrittenResponse
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, err
	}
	if !out.Success {
		return nil, fmt.Errorf("failed: %v", out.Errors)
	}
	return &out, nil
}

func associationsBody(n int) []byte {
	services := []string{"gateway", "access", "api_shield", "workers", "email_security"}
	statuses := []string{"active", "pending_deployment", "pending_deletion"}
	var b bytes.Buffer
	b.WriteString(`{"success":true,"errors":[],"messages":[],"result":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"service":%q,"status":%q}`, services[i%5], statuses[i%3])
	}
	fmt.Fprintf(&b, `],"result_info":{"count":%d,"page":1,"per_page":%d,"total_count":%d}}`, n, n, n)
	return b.Bytes()
}

// constantTransport returns the same body for every request, with a known length.
func constantTransport(body []byte) http.RoundTripper {
	header := http.Header{"Content-Type": {"application/json"}, "Cf-Ray": {"8f2a5c-AMS"}}
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 200, Header: header.Clone(), Request: r,
			Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		}, nil
	})
}

// BenchmarkAssociations measures the client and the baseline alternately, and reports
// time and allocations of the client relative to the baseline.
func BenchmarkAssociations(b *testing.B) {
	for _, n := range []int{0, 2, 20, 1000, 100_000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			rt := constantTransport(associationsBody(n))
			client := newClient(b, rt, api.WithRateLimit(0, 0), api.WithMaxResponseBytes(64<<20))
			baseline := &handwritten{&http.Client{Transport: rt}, "https://api.cloudflare.com/client/v4", token}
			ours := func() {
				if list, err := client.Associations(b.Context(), cert); err != nil || len(list.Associations) != n {
					b.Fatal(err)
				}
			}
			theirs := func() {
				if out, err := baseline.list(b.Context(), cert.AccountID, cert.ID); err != nil || len(out.Result) != n {
					b.Fatal(err)
				}
			}
			measureAlternately(b, ours, theirs)
		})
	}
}

// measureAlternately runs both in alternating batches, so that a busy machine slows
// both.
func measureAlternately(b *testing.B, ours, theirs func()) {
	b.Helper()
	var ourTime, theirTime time.Duration
	var ourAllocs, theirAllocs uint64
	measure := func(f func(), took *time.Duration, allocs *uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		for range 16 {
			f()
		}
		*took += time.Since(start)
		runtime.ReadMemStats(&after)
		*allocs += after.Mallocs - before.Mallocs
	}
	ours()
	theirs()
	for b.Loop() {
		measure(ours, &ourTime, &ourAllocs)
		measure(theirs, &theirTime, &theirAllocs)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(ourTime)/float64(theirTime), "time/baseline")
	b.ReportMetric(float64(ourAllocs)/float64(theirAllocs), "allocs/baseline")
	b.ReportMetric(float64(ourAllocs)/float64(16*b.N), "allocs/call")
	b.ReportMetric(float64(ourTime.Nanoseconds())/float64(16*b.N), "ns/call")
}

// BenchmarkAudit measures an audit of 2,000 certificates with 32 requests at a time,
// and 32 goroutines that call the baseline for the same certificates.
func BenchmarkAudit(b *testing.B) {
	const certificates, workers = 2000, 32
	rt := constantTransport(associationsBody(2))
	client := newClient(b, rt, api.WithRateLimit(0, 0))
	baseline := &handwritten{&http.Client{Transport: rt}, "https://api.cloudflare.com/client/v4", token}
	ours := func() {
		n := 0
		for r := range client.Audit(b.Context(), numberedRefs(certificates), api.WithConcurrency(workers)) {
			if n++; r.Usage() != api.InUse {
				b.Fatal(r.Err)
			}
		}
		if n != certificates {
			b.Fatal(n)
		}
	}
	theirs := func() {
		work, results := make(chan api.CertificateRef), make(chan error)
		var pool sync.WaitGroup
		for range workers {
			pool.Go(func() {
				for ref := range work {
					_, err := baseline.list(b.Context(), ref.AccountID, ref.ID)
					results <- err
				}
			})
		}
		go func() {
			for ref := range numberedRefs(certificates) {
				work <- ref
			}
			close(work)
			pool.Wait()
			close(results)
		}()
		for err := range results {
			if err != nil {
				b.Error(err)
			}
		}
	}
	measureAlternately(b, ours, theirs)
}
