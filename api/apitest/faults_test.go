package apitest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestFaultsAreSentAsDocumented(t *testing.T) {
	t.Parallel()
	full := `{"errors":[],"messages":[],"success":true,"result":[]`
	tests := []struct {
		name     string
		response apitest.Response
		status   int
		header   http.Header
		body     string // the beginning of the body
		err      error
	}{
		{"server error", apitest.ServerError(503), 503, http.Header{"Content-Type": {"application/json"}}, `{"errors":[{"code":`, nil},
		{"edge page", apitest.EdgePage(522), 522, http.Header{"Content-Type": {"text/html; charset=UTF-8"}}, "<!DOCTYPE html>", nil},
		{"empty", apitest.Empty(503), 503, http.Header{"Content-Type": nil, "Content-Length": {"0"}}, "", nil},
		{"no content", apitest.Empty(204), 204, http.Header{"Content-Type": nil}, "", nil},
		{"older error", apitest.LegacyError(400, api.ErrorDetail{Code: 6003, Message: "m", Chain: []api.ErrorDetail{{Code: 6111, Message: "n"}}}),
			400, nil, `{"code":6003,"message":"m","error_chain":[{"code":6111,"message":"n"}]}`, nil},
		{"success false at 200", apitest.Unsuccessful(api.ErrorDetail{Code: 1, Message: "m"}), 200, nil, `{"errors":[{"code":1,"message":"m"}],"messages":[],"success":false,"result":null`, nil},
		{"null result", apitest.NullResult(), 200, nil, `{"errors":[],"messages":[],"success":true,"result":null`, nil},
		{"redirect", apitest.Redirect(307, "http://example.com/"), 307, http.Header{"Location": {"http://example.com/"}}, "", nil},
		{"wrong content type", apitest.Raw(200, "text/plain", "ok"), 200, http.Header{"Content-Type": {"text/plain"}}, "ok", nil},
		{"rate limit", apitest.RateLimited(1500 * time.Millisecond), 429,
			http.Header{"Retry-After": {"2"}, "Ratelimit": {`"default";r=0;t=2`}, "Ratelimit-Policy": {`"default";q=1200;w=300`}}, `{"errors":[{"code":971,`, nil},
		{"rate limit without headers", apitest.RateLimited(0), 429, http.Header{"Retry-After": nil, "Ratelimit": nil}, `{"errors":[{"code":971,`, nil},
		{"cut", apitest.NoAssociations().CutAfter(10), 200, nil, full[:10], io.ErrUnexpectedEOF},
		{"cut at once", apitest.NoAssociations().CutAfter(0), 200, nil, "", io.ErrUnexpectedEOF},
		{"cut, chunked", apitest.NoAssociations().Chunked().CutAfter(10), 200, http.Header{"Content-Length": nil}, full[:10], io.ErrUnexpectedEOF},
		{"reset after the header", apitest.NoAssociations().ResetAfter(0), 200, nil, "", syscall.ECONNRESET},
		{"chunked", apitest.NoAssociations().Chunked(), 200, http.Header{"Content-Length": nil}, full, nil},
		{"gzip", apitest.NoAssociations().Gzipped(), 200, http.Header{"Content-Encoding": nil}, full, nil},
		{"dripped", apitest.Raw(200, "text/plain", "drip").Dripped(time.Millisecond), 200, nil, "drip", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			script(t, server, tt.response)
			resp, body, err := send(t, server, "GET", associationsPath, "", authorized)
			if resp == nil || resp.StatusCode != tt.status || !errors.Is(err, tt.err) {
				t.Fatalf("response %+v, error %v", resp, err)
			}
			if !strings.HasPrefix(body, tt.body) || (tt.body == "" && len(body) > 0) {
				t.Errorf("body %q", body)
			}
			for name, want := range tt.header {
				if got := strings.Join(resp.Header.Values(name), "|"); got != strings.Join(want, "|") {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if resp.Uncompressed != (tt.name == "gzip") { // by the transport
				t.Errorf("sent with gzip: %t", resp.Uncompressed)
			}
			if resp.Header.Get("CF-Ray") == "" {
				t.Error("no CF-Ray")
			}
		})
	}
}

func TestResetSendsNoResponse(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	script(t, server, apitest.Reset())
	_, err := newClient(t, server).Associations(t.Context(), cert)
	if !errors.Is(err, api.ErrUnreachable) || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("error %v", err)
	}
	if seen := server.Requests(); len(seen) != 1 || seen[0].StatusCode != 0 {
		t.Errorf("recorded %+v", seen)
	}
}

func TestHugeResponsesHaveTheRequestedSizeAndAreValid(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	const size = 3 << 20
	script(t, server, apitest.Huge(size), apitest.Huge(size), apitest.Huge(12<<20).Gzipped())
	if _, body, err := send(t, server, "GET", associationsPath, "", authorized); err != nil || len(body) < size || len(body) > size+1<<17 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	if list, err := newClient(t, server, api.WithAttemptTimeout(5*time.Minute)).Associations(t.Context(), cert); err != nil || list.Usage() != api.InUse {
		t.Errorf("huge response: %v", err)
	}
	if _, err := newClient(t, server, api.WithAttemptTimeout(5*time.Minute)).Associations(t.Context(), cert); !errors.Is(err, api.ErrResponseTooLarge) {
		t.Errorf("gzip bomb: %v", err)
	}
}

// The test is not parallel, because it looks at the goroutines of the process.
func TestDelayIsKeptAndEndsWithTheClient(t *testing.T) {
	server := newServer(t)
	const delay = 30 * time.Millisecond
	script(t, server, apitest.NoAssociations().After(delay), apitest.NoAssociations().After(time.Hour), apitest.Hang(), apitest.NoAssociations().Dripped(time.Hour))
	client := newClient(t, server)
	begin := time.Now()
	if _, err := client.Associations(t.Context(), cert); err != nil || time.Since(begin) < delay {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		if _, err := client.Associations(ctx, cert); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		cancel()
	}
	stacks := make([]byte, 1<<20)
	sending := func() bool {
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "apitest.Response.send(")
	}
	for deadline := time.Now().Add(5 * time.Second); sending(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server still sends to a client that is gone")
		}
	}
}

func TestCloseEndsResponsesInProgressAndAllGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, response := range []apitest.Response{
		apitest.Hang(), apitest.NoAssociations().Dripped(time.Hour), apitest.NoAssociations().After(time.Hour), apitest.Huge(1 << 40),
	} {
		server, err := apitest.NewServer()
		if err != nil {
			t.Fatal(err)
		}
		script(t, server, response)
		done := make(chan error, 1)
		go func() {
			_, _, err := send(t, server, "GET", associationsPath, "", authorized)
			done <- err
		}()
		for len(server.Requests()) == 0 {
			runtime.Gosched()
		}
		server.Close()
		server.Close()
		if err := <-done; err == nil {
			t.Error("the response was complete")
		}
		if _, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(server.URL(), "http://"), "/client/v4")); err == nil {
			t.Error("the port is still open")
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before:\n%s", n, before, stacks[:runtime.Stack(stacks, true)])
	}
}
