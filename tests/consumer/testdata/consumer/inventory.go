// Package inventory is a user's program that lives in a module of its own.
package inventory

import (
	"context"

	"github.com/certuse/cloudflare-mtls/api"
)

// Services returns the services that use a certificate, and its usage.
func Services(ctx context.Context, client *api.Client, cert api.CertificateRef) ([]string, api.Usage, error) {
	list, err := client.Associations(ctx, cert)
	if err != nil {
		return nil, api.UsageUnknown, err
	}
	services := make([]string, len(list.Associations))
	for i, a := range list.Associations {
		services[i] = a.Service
	}
	return services, list.Usage(), nil
}
