//go:build unix

package faults

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// pauser returns a function during which this process is stopped for half a second, as
// on a busy machine or by the CPU limit of a container. The shell that stops and
// continues the process starts beforehand, because its start may take longer than the
// client waits.
func pauser(t *testing.T) (pause func()) {
	t.Helper()
	const script = "read -r start && kill -STOP %[1]d && sleep 0.5; kill -CONT %[1]d"
	shell := exec.Command("sh", "-c", fmt.Sprintf(script, os.Getpid()))
	start, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = start.Close() // ends a shell that was not needed
		_ = shell.Wait()
	})
	return func() {
		began := time.Now()
		_, _ = io.WriteString(start, "\n")
		for last := began; time.Since(last) < 300*time.Millisecond; time.Sleep(time.Millisecond) {
			if last = time.Now(); last.Sub(began) > slack {
				t.Error("the process was not stopped")
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// The client waits only a short time for code of the caller that blocks. A pause of the
// process does not count as waiting, so the error still has its cause.
func TestAPauseOfTheProcessHidesNoCause(t *testing.T) { // not parallel: others would be paused too
	server := fs.Start(t, fs.Always(fs.TruncatedLength()), nil)
	errOwn := errors.New("the transport's own error")
	for name, test := range map[string]struct {
		transport func(pause func()) http.RoundTripper
		cause     error
	}{
		"Proxy function": {func(pause func()) http.RoundTripper {
			var calls atomic.Int32
			return &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
				if calls.Add(1) == 2 { // the client asks for the proxy again, to redact its password
					pause()
				}
				return nil, nil
			}}
		}, io.ErrUnexpectedEOF},
		"transport": {func(pause func()) http.RoundTripper {
			return roundTrip(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				pause()
				return nil, errOwn
			})
		}, errOwn},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			for range rounds { // a loaded machine may take longer than the client waits
				client := newClient(t, server.URL(), api.WithMaxAttempts(1), api.WithAttemptTimeout(time.Second),
					api.WithHTTPClient(&http.Client{Transport: test.transport(pauser(t))}))
				if _, err = client.Associations(t.Context(), cert); errors.Is(err, test.cause) {
					return
				}
			}
			t.Errorf("got %v, want the cause %q", err, test.cause)
		})
	}
}
