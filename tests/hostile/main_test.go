// Package hostile holds what is promised about input that means harm: ids,
// answers that are made to be expensive or to deceive, and servers that give
// secrets back.
package hostile

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var cert = api.CertificateRef{AccountID: "023e105f4ecef8ad9ca31a8372d0c353", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}

func newClient(t *testing.T, server *fs.Server, opts ...api.Option) *api.Client {
	t.Helper()
	opts = append([]api.Option{api.WithBaseURL(server.URL()), api.WithMaxAttempts(1)}, opts...)
	client, err := api.New(api.APIToken(canary.Token), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}
