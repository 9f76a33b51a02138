// Package v0 adapts cloudflare-go v0, the vendor's handwritten client, to the
// interface of the comparison.
package v0

import (
	"context"
	"math"
	"net/http"

	"github.com/certuse/cloudflare-mtls/tests/peers/face"
	"github.com/cloudflare/cloudflare-go"
)

// New is a [face.New]. The client's own limit of 4 requests a second is lifted.
func New(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	client, err := newClient(baseURL, token, transport)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, account, id string) (int, error) {
		associations, err := client.ListMTLSCertificateAssociations(ctx, cloudflare.AccountIdentifier(account),
			cloudflare.ListMTLSCertificateAssociationsParams{CertificateID: id})
		return len(associations), err
	}, nil
}

// Page is a [face.New] for a page of certificates.
func Page(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	client, err := newClient(baseURL, token, transport)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, account, _ string) (int, error) {
		certificates, _, err := client.ListMTLSCertificates(ctx, cloudflare.AccountIdentifier(account), cloudflare.ListMTLSCertificatesParams{})
		return len(certificates), err
	}, nil
}

func newClient(baseURL, token string, transport http.RoundTripper) (*cloudflare.API, error) {
	opts := []cloudflare.Option{cloudflare.BaseURL(baseURL), cloudflare.UsingRateLimit(math.Inf(1))}
	if transport != nil {
		opts = append(opts, cloudflare.HTTPClient(&http.Client{Transport: transport}))
	}
	return cloudflare.NewWithAPIToken(token, opts...)
}
