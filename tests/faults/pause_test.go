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
	"syscall"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// pauser returns a function that stops this process for half a second, as a busy
// machine or the CPU limit of a container does, and then works for 20 ms. The shell
// that continues the process starts beforehand, because its start may take longer than
// the client waits.
func pauser(t *testing.T) (pause func()) {
	t.Helper()
	pid := os.Getpid()
	shell := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf("read -r start; while sleep 0.5; do kill -CONT %d || exit; done", pid))
	start, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shell.Wait() }) // the end of the context kills the shell
	return func() {
		if _, err := io.WriteString(start, "\n"); err != nil {
			t.Error(err)
			return
		}
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Error(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// The client waits only a short time for code of the caller that blocks. A pause of the
// process does not count as waiting, so the error still has its cause.
func TestAPauseOfTheProcessHidesNoCause(t *testing.T) {
	t.Parallel()
	server := fs.Start(t, fs.Always(fs.TruncatedLength()), nil)
	var pause func()
	var calls atomic.Int32
	proxied := &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
		if calls.Add(1) == 2 { // the client looks for the proxy's password in the error
			pause()
		}
		return nil, nil
	}}
	defer proxied.CloseIdleConnections()
	errOwn := errors.New("the transport's own error")
	for name, test := range map[string]struct {
		transport http.RoundTripper
		cause     error
	}{
		"Proxy function": {proxied, io.ErrUnexpectedEOF},
		"transport": {roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			pause()
			return nil, errOwn
		}), errOwn},
	} {
		t.Run(name, func(t *testing.T) {
			pause = pauser(t)
			client := newClient(t, server.URL(), api.WithMaxAttempts(1), api.WithAttemptTimeout(attemptTimeout),
				api.WithHTTPClient(&http.Client{Transport: test.transport}))
			if _, err := client.Associations(t.Context(), cert); !errors.Is(err, test.cause) {
				t.Errorf("got %v, want the cause %q", err, test.cause)
			}
		})
	}
}
