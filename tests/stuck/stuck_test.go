// Package stuck tests that calls and commands end although net/http does not
// return. In Go before 1.26.11, and in Go 1.27 before 1.27.4, it never returns from a
// request to the server of this package, even if the context of the request is
// canceled. The goroutines that hang stay until the process ends.
package stuck

import (
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
)

var cert = api.CertificateRef{AccountID: "023e105f4ecef8ad9ca31a8372d0c353", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}

func TestCallEndsWhenTheTransportHangs(t *testing.T) {
	t.Parallel()
	server := newServer(nil)
	defer server.Close()
	defer server.CloseClientConnections()
	// A copy, because server.Close closes the idle connections of the original, and would
	// wait for the locked connection.
	transport := server.Client().Transport.(*http.Transport).Clone()
	client, err := api.New(api.APIToken(canary.Token), api.WithBaseURL(server.URL), api.WithHTTPClient(&http.Client{Transport: transport}),
		api.WithAttemptTimeout(200*time.Millisecond), api.WithMaxAttempts(2))
	if err != nil {
		t.Fatal(err)
	}
	// The second call reuses the connection of the first.
	for range 2 {
		_, err := client.Associations(t.Context(), cert)
		e, ok := errors.AsType[*api.Error](err)
		if !ok || e.Attempts != 2 || !errors.Is(err, api.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
	}
	client.CloseIdleConnections()
}

func TestInterruptEndsTheCommandWhenTheTransportHangs(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("processes cannot be interrupted here")
	}
	certuse := filepath.Join(t.TempDir(), "certuse")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", certuse, "../../cmd/certuse").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, arg := range []string{"usage", "audit", "wait"} {
		t.Run(arg, func(t *testing.T) {
			t.Parallel()
			requests := make(chan struct{}, 100)
			server := newServer(requests)
			t.Cleanup(server.Close)
			t.Cleanup(server.CloseClientConnections)
			root := filepath.Join(t.TempDir(), "root.pem")
			block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
			if err := os.WriteFile(root, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
			var stderr strings.Builder
			cmd := exec.CommandContext(t.Context(), certuse, arg, "a", "b", "c")
			cmd.Env = []string{
				"CLOUDFLARE_API_TOKEN=" + canary.Token, "CLOUDFLARE_ACCOUNT_ID=" + cert.AccountID,
				"CLOUDFLARE_BASE_URL=" + server.URL, "SSL_CERT_FILE=" + root,
			}
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-requests
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
			err := cmd.Wait()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 || !strings.Contains(stderr.String(), "3 unknown") {
				t.Errorf("%v: %s", err, stderr.String())
			}
		})
	}
}
