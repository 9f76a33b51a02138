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
func readGateway(ctx context.Context, v *inventory) findings {
	f := findings{scope: "Gateway configuration"}
	configuration, failure := readObject[generated.GatewayConfiguration](ctx, v, getGatewayConfiguration, func(ctx context.Context, edit editor) (*http.Response, error) {
		return v.client.generated.GetGatewayConfiguration(ctx, v.account, edit)
	})
	f.fail(getGatewayConfiguration, failure)
	if configuration == nil {
		return f
	}
	if configuration.Settings == nil {
		f.fail(getGatewayConfiguration, incomplete(getGatewayConfiguration, "the configuration has no settings"))
		return f
	}
	for _, certificate := range []generated.GatewayCertificate{configuration.Settings.Certificate, configuration.Settings.CustomCertificate} {
		switch {
		case certificate.ID != "":
			f.add(getGatewayConfiguration, SourceGateway, "TLS inspection", certificate.ID)
		case certificate.InUse || certificate.Enabled:
			f.fail(getGatewayConfiguration, incomplete(getGatewayConfiguration, "a certificate in use has no id"))
		}
	}
	return f
}
