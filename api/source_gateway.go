package api

import (
	"context"
	"net/http"

	"github.com/certuse/cloudflare-mtls/generated"
)

var getGatewayConfiguration = operation{generated.GetGatewayConfigurationOperation, "get Gateway configuration"}

// readGateway reads [SourceGateway], from the current and the deprecated member.
//
// A configuration without settings is a failure, and so is a certificate in use
// without an id. Settings without a certificate, or with null, use none.
func readGateway(v *inventory, f *findings) {
	f.scope = "Gateway configuration"
	configuration := readObject[generated.GatewayConfiguration](v, f, getGatewayConfiguration, func(ctx context.Context, edit editor) (*http.Response, error) {
		return v.client.generated.GetGatewayConfiguration(ctx, v.account, edit)
	})
	if configuration == nil {
		return
	}
	if configuration.Settings == nil {
		f.incomplete("the configuration has no settings")
		return
	}
	for _, certificate := range []generated.GatewayCertificate{configuration.Settings.Certificate, configuration.Settings.CustomCertificate} {
		switch {
		case certificate.ID != "":
			f.add("TLS inspection", certificate.ID)
		case certificate.InUse || certificate.Enabled:
			f.incomplete("a certificate in use has no id")
		}
	}
}
