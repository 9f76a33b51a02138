// Package hostile tests the promises about hostile input: ids, responses that are
// expensive or deceptive, and servers that echo secrets.
package hostile

import (
	"context"
	"iter"
	"testing"

	"go.uber.org/goleak"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var cert = api.CertificateRef{AccountID: "023e105f4ecef8ad9ca31a8372d0c353", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}

// operation is a read operation. Its ids are in the path or the query of the request.
type operation struct {
	name string
	// takesCertificate reports whether the request has the id of the certificate.
	takesCertificate bool
	// result is a valid result with one item.
	result string
	call   func(ctx context.Context, client *api.Client, parent, certificate string) (got []any, err error)
}

var operations = []operation{
	{"Associations", true, `[{"service":"gateway","status":"active"}]`, func(ctx context.Context, client *api.Client, parent, certificate string) ([]any, error) {
		list, err := client.Associations(ctx, api.CertificateRef{AccountID: parent, ID: certificate})
		if err != nil {
			return nil, err
		}
		return []any{list}, nil
	}},
	{"AllAssociations", true, `[{"service":"gateway","status":"active"}]`, func(ctx context.Context, client *api.Client, parent, certificate string) ([]any, error) {
		return drain(client.AllAssociations(ctx, api.CertificateRef{AccountID: parent, ID: certificate}))
	}},
	{"Certificates", false, `[{"id":"` + cert.ID + `"}]`, func(ctx context.Context, client *api.Client, parent, _ string) ([]any, error) {
		return drain(client.Certificates(ctx, parent))
	}},
	{"Certificate", true, `{"id":"` + cert.ID + `"}`, func(ctx context.Context, client *api.Client, parent, certificate string) ([]any, error) {
		c, err := client.Certificate(ctx, api.CertificateRef{AccountID: parent, ID: certificate})
		if err != nil {
			return nil, err
		}
		return []any{c}, nil
	}},
	{"Zones", false, `[{"id":"` + cert.AccountID + `"}]`, func(ctx context.Context, client *api.Client, parent, _ string) ([]any, error) {
		return drain(client.Zones(ctx, parent))
	}},
	{"Hostnames", true, `{"hostnames":["api.example.com"]}`, func(ctx context.Context, client *api.Client, parent, certificate string) ([]any, error) {
		names, err := client.Hostnames(ctx, api.HostnamesRef{ZoneID: parent, CertificateID: certificate})
		if err != nil {
			return nil, err
		}
		return []any{names}, nil
	}},
	{"Inventory", false, `[{"id":"` + cert.ID + `"}]`, func(ctx context.Context, client *api.Client, parent, _ string) ([]any, error) {
		return drain(client.Inventory(ctx, parent, api.WithNoZones()))
	}},
	{"Evidence", true, `{"id":"` + cert.ID + `"}`, func(ctx context.Context, client *api.Client, parent, certificate string) ([]any, error) {
		e, err := client.Evidence(ctx, api.CertificateRef{AccountID: parent, ID: certificate}, api.WithSources(api.SourceAssociations))
		if err != nil {
			return nil, err
		}
		return []any{e}, nil
	}},
}

// drain returns the items of a list and its error.
func drain[T any](all iter.Seq2[T, error]) (got []any, last error) {
	for item, err := range all {
		if last = err; err == nil {
			got = append(got, item)
		}
	}
	return got, last
}

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
