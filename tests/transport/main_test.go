// Package transport tests the promises about connections: where credentials go, which
// servers are trusted, and which protocols, proxies and addresses work.
package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	"github.com/certuse/cloudflare-mtls/tests/internal/certs"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

var cert = api.CertificateRef{AccountID: "023e105f4ecef8ad9ca31a8372d0c353", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}

// credentials are the two kinds that the vendor accepts.
var credentials = map[string]api.Credentials{
	"token": api.APIToken(canary.Token),
	"key":   api.APIKey(canary.Email, canary.Key),
}

// apiHost is the name of the server under test. Only a [network] resolves it.
const apiHost = "api.example.test"

// network maps hosts with ports to the addresses of test servers.
type network map[string]string

func (n network) dial(ctx context.Context, kind, addr string) (net.Conn, error) {
	if to, ok := n[addr]; ok {
		addr = to
	}
	return new(net.Dialer).DialContext(ctx, kind, addr)
}

// transport trusts the authority and resolves hosts by n.
func (n network) transport(authority *certs.Authority) *http.Transport {
	return &http.Transport{
		DialContext:       n.dial,
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: authority.Pool()},
	}
}

func newClient(t *testing.T, creds api.Credentials, transport http.RoundTripper, base string) *api.Client {
	t.Helper()
	client, err := api.New(creds, api.WithBaseURL(base), api.WithMaxAttempts(1),
		api.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func serving(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

func tomorrow() time.Time { return time.Now().Add(24 * time.Hour) }
