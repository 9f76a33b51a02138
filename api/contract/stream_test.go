package contract_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/contract"
)

// streaming returns a transport that responds with the body r.
func streaming(r io.ReadCloser) roundTrip {
	return func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
			Body: r, ContentLength: -1, Request: req,
		}, nil
	}
}

func TestTransportDoesNotBufferTheBody(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	transport, seen := newTransport(t, streaming(r))
	resp, err := transport.RoundTrip(get(t))
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, len(inUse))
	for i := range inUse { // a transport that buffers would block here
		go func() { _, _ = io.WriteString(w, inUse[i:i+1]) }()
		if n, err := resp.Body.Read(buffer); n != 1 || err != nil || buffer[0] != inUse[i] {
			t.Fatalf("byte %d: %d bytes, %v", i, n, err)
		}
	}
	go func() { _ = w.Close() }()
	if n, err := resp.Body.Read(buffer); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d bytes, %v", n, err)
	}
	wantViolations(t, seen.got)
}

func TestCallsOfTheHandlerNeverOverlap(t *testing.T) {
	t.Parallel()
	var got []contract.Violation // unlocked: the race detector reports calls that overlap
	transport, err := contract.NewTransport(respondWith(200, "application/json", `{"success":true,"result":[]}`),
		contract.WithHandler(func(v contract.Violation) { got = append(got, v) }))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		req := get(t)
		wg.Go(func() {
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		})
	}
	wg.Wait()
	if len(got) != 32 {
		t.Errorf("%d violations, want 32", len(got))
	}
}

func TestNewValueIsReportedOnceForEachTransport(t *testing.T) {
	t.Parallel()
	for range 2 {
		transport, seen := newTransport(t, respondWith(200, "application/json", strings.ReplaceAll(inUse, "gateway", "workers")))
		for range 3 {
			_, _, _ = send(t, transport, get(t))
		}
		wantViolations(t, seen.got, "drift /result/0/service")
	}
}

func TestNewValuesThatWereNotListedAreReportedLater(t *testing.T) {
	t.Parallel()
	const services = 45
	var rows []string
	for i := range services {
		rows = append(rows, fmt.Sprintf(`{"service":"new-%02d"}`, i), fmt.Sprintf(`{"service":"new-%02d"}`, i))
	}
	body := `{"errors":[],"messages":[],"success":true,"result":[` + strings.Join(rows, ",") + `]}`
	transport, seen := newTransport(t, respondWith(200, "application/json", body))
	reported := map[string]int{}
	for _, want := range []int{21, 21, 5, 0} { // 21: 20 values and the number of the others
		_, _, _ = send(t, transport, get(t))
		if len(seen.got) != want {
			t.Errorf("%d violations, want %d: %v", len(seen.got), want, seen.got)
		}
		for _, v := range seen.got {
			if v.Pointer != "" {
				reported[v.Excerpt]++
			}
		}
		seen.got = nil
	}
	for service, n := range reported {
		if n != 1 {
			t.Errorf("%s was reported %d times", service, n)
		}
	}
	if len(reported) != services {
		t.Errorf("%d of %d new services were reported", len(reported), services)
	}
}

// allocated returns the bytes that the process allocates while f runs, so tests that
// call allocated are not parallel.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestMemoryIsBoundedForALongBody(t *testing.T) {
	const size, limit = 16 << 20, 1 << 16
	long := io.NopCloser(io.LimitReader(endlessReader{}, size))
	transport, seen := newTransport(t, streaming(long), contract.WithMaxBytes(limit))
	resp, err := transport.RoundTrip(get(t))
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	if used := allocated(func() { n, err = io.Copy(io.Discard, resp.Body) }); used > 1<<20 {
		t.Errorf("%d bytes were allocated for a limit of %d", used, limit)
	}
	if n != size || err != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	wantViolations(t, seen.got, "unchecked ")
}

func TestMemoryIsBoundedForAHostileBody(t *testing.T) {
	header := http.Header{"Content-Type": {"application/json"}}
	for name, rows := range map[string]string{
		"every row is wrong":     strings.Repeat("1,", 50_000) + "1",
		"every row lacks fields": strings.Repeat(`{"code":1},`, 9_000) + "1",
		"every row has drift":    strings.Repeat(`{"a":1},`, 12_000) + "{}",
	} {
		for _, list := range []string{"errors", "result"} {
			body := []byte(`{"messages":[],"success":true,"` + list + `":[` + rows + `]}`)
			used := allocated(func() {
				if _, err := contract.CheckResponse(get(t), 200, header, body); err != nil {
					t.Fatal(err)
				}
			})
			if used > 400*uint64(len(body)) {
				t.Errorf("%s in %s: %d MiB were allocated for a body of %d bytes", name, list, used>>20, len(body))
			}
		}
	}
}

// endlessReader is an infinite body of spaces.
type endlessReader struct{}

func (endlessReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
