package api

import "github.com/certuse/cloudflare-mtls/generated"

var getGatewayConfiguration = operation{generated.GetGatewayConfigurationOperation, "get Gateway configuration"}

// readGateway reads [SourceGateway], from the current and the deprecated member.
//
// A configuration without settings is a failure, and so is a certificate without an id,
// unless the API reports it as not in use. Settings without a certificate use none.
func readGateway(v *inventory, f *findings) {
	f.scope = "Gateway configuration"
	configuration := readObject[generated.GatewayConfiguration](v, f, getGatewayConfiguration, v.accountSend(v.client.generated.GetGatewayConfiguration))
	if configuration == nil {
		return
	}
	if configuration.Settings == nil {
		f.incomplete("the configuration has no settings")
		return
	}
	for _, certificate := range []*generated.GatewayCertificate{configuration.Settings.Certificate, configuration.Settings.CustomCertificate} {
		if certificate != nil && (certificate.ID != "" || !isUnused(certificate)) {
			f.add("TLS inspection", certificate.ID)
		}
	}
}

// isUnused reports whether the API reports a certificate as not in use, in the member
// of the current or of the deprecated certificate.
func isUnused(certificate *generated.GatewayCertificate) bool {
	unused := false
	for _, used := range []*bool{certificate.InUse, certificate.Enabled} {
		if used != nil && *used {
			return false
		}
		unused = unused || used != nil
	}
	return unused
}
