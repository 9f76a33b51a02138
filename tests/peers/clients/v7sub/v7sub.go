// Package v7sub puts one sub-package of cloudflare-go v7 behind the face of the
// comparison, without the module's root package.
package v7sub

import (
	"context"
	"net/http"

	"github.com/certuse/cloudflare-mtls/tests/peers/face"
	"github.com/cloudflare/cloudflare-go/v7/mtls_certificates"
	"github.com/cloudflare/cloudflare-go/v7/option"
)

// New is a [face.New].
func New(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	opts := []option.RequestOption{option.WithBaseURL(baseURL + "/"), option.WithAPIToken(token)}
	if transport != nil {
		opts = append(opts, option.WithHTTPClient(&http.Client{Transport: transport}))
	}
	service := mtls_certificates.NewAssociationService(opts...)
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
