// Package v7 adapts cloudflare-go v7, the vendor's generated client, to the interface
// of the comparison. It takes minutes to compile.
package v7

import (
	"context"
	"net/http"

	"github.com/certuse/cloudflare-mtls/tests/peers/clients/v7sub"
	"github.com/certuse/cloudflare-mtls/tests/peers/face"
	"github.com/cloudflare/cloudflare-go/v7"
	"github.com/cloudflare/cloudflare-go/v7/mtls_certificates"
)

// New is a [face.New].
func New(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	client := cloudflare.NewClient(v7sub.Options(baseURL, token, transport)...)
	return func(ctx context.Context, account, id string) (int, error) {
		page, err := client.MTLSCertificates.Associations.Get(ctx, id, mtls_certificates.AssociationGetParams{AccountID: cloudflare.F(account)})
		if err != nil {
			return 0, err
		}
		return len(page.Result), nil
	}, nil
}
