// Package v7sub adapts one sub-package of cloudflare-go v7 to the interface of the
// comparison, without the module's root package.
package v7sub

import (
	"context"
	"net/http"

	"github.com/certuse/cloudflare-mtls/tests/peers/face"
	"github.com/cloudflare/cloudflare-go/v7/mtls_certificates"
	"github.com/cloudflare/cloudflare-go/v7/option"
)

// Options are the options for both ways to use v7.
func Options(baseURL, token string, transport http.RoundTripper) []option.RequestOption {
	opts := []option.RequestOption{option.WithBaseURL(baseURL + "/"), option.WithAPIToken(token)}
	if transport != nil {
		opts = append(opts, option.WithHTTPClient(&http.Client{Transport: transport}))
	}
	return opts
}

// New is a [face.New].
func New(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	service := mtls_certificates.NewAssociationService(Options(baseURL, token, transport)...)
	return func(ctx context.Context, account, id string) (int, error) {
		var params mtls_certificates.AssociationGetParams
		params.AccountID.Value, params.AccountID.Present = account, true // the setter is in the root package
		page, err := service.Get(ctx, id, params)
		if err != nil {
			return 0, err
		}
		return len(page.Result), nil
	}, nil
}

// Page is a [face.New] for a page of certificates.
func Page(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	service := mtls_certificates.NewMTLSCertificateService(Options(baseURL, token, transport)...)
	return func(ctx context.Context, account, _ string) (int, error) {
		var params mtls_certificates.MTLSCertificateListParams
		params.AccountID.Value, params.AccountID.Present = account, true // the setter is in the root package
		page, err := service.List(ctx, params)
		if err != nil {
			return 0, err
		}
		return len(page.Result), nil
	}, nil
}
