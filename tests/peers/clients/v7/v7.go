// Package v7 puts cloudflare-go v7, the vendor's generated client, behind the
// face of the comparison. It takes minutes to compile.
package v7

import (
	"context"
	"net/http"

	"github.com/certuse/cloudflare-mtls/tests/peers/face"
	"github.com/cloudflare/cloudflare-go/v7"
	"github.com/cloudflare/cloudflare-go/v7/mtls_certificates"
	"github.com/cloudflare/cloudflare-go/v7/option"
)

// New is a [face.New].
func New(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	opts := []option.RequestOption{option.WithBaseURL(baseURL + "/"), option.WithAPIToken(token)}
	if transport != nil {
		opts = append(opts, option.WithHTTPClient(&http.Client{Transport: transport}))
	}
	client := cloudflare.NewClient(opts...)
	return func(ctx context.Context, account, id string) (int, error) {
		page, err := client.MTLSCertificates.Associations.Get(ctx, id, mtls_certificates.AssociationGetParams{AccountID: cloudflare.F(account)})
		if err != nil {
			return 0, err
		}
		return len(page.Result), nil
	}, nil
}
