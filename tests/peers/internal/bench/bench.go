// Package bench holds the benchmarks of the comparison. Each client runs those that it
// supports in a test binary of its own, so that no client is charged for another's
// dependencies.
package bench

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/tests/peers/internal/payload"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/process"
)

// Environment variables with the URLs of the runner's server: the base URL, and the URL
// that returns the number of connections. Without them, the benchmarks start a server
// in their own process and report no connections.
const (
	EnvServer      = "PEERS_SERVER"
	EnvConnections = "PEERS_CONNECTIONS"
)

// Server returns the base URL of the server.
func Server(b *testing.B) string {
	if url := os.Getenv(EnvServer); url != "" {
		return url
	}
	s := httptest.NewServer(payload.Handler())
	b.Cleanup(s.Close)
	return s.URL + "/client/v4"
}

// cpu returns the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	used, err := process.CPU()
	if err != nil {
		b.Fatal(err)
	}
	return used
}

// accepted returns the number of connections that the runner's server has accepted, 0
// without such a server.
func accepted(b *testing.B) int {
	url := os.Getenv(EnvConnections)
	if url == "" {
		return 0
	}
	resp, err := http.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
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
