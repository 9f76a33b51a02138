// Package ours adapts package api to the interface of the comparison.
package ours

import (
	"context"
	"net/http"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/peers/face"
)

// Client returns a client without a rate limit, like those of the peers.
func Client(baseURL, token string, transport http.RoundTripper) (*api.Client, error) {
	opts := []api.Option{api.WithBaseURL(baseURL), api.WithRateLimit(0, 0)}
	if transport != nil {
		opts = append(opts, api.WithHTTPClient(&http.Client{Transport: transport}))
	}
	return api.New(api.APIToken(token), opts...)
}

// Page is a [face.New] for a page of certificates.
func Page(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	client, err := Client(baseURL, token, transport)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, account, _ string) (n int, err error) {
		for _, err := range client.Certificates(ctx, account) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}, nil
}

// New is a [face.New].
func New(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	client, err := Client(baseURL, token, transport)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, account, id string) (int, error) {
		list, err := client.Associations(ctx, api.CertificateRef{AccountID: account, ID: id})
		if err != nil {
			return 0, err
		}
		return len(list.Associations), nil
	}, nil
}
