package api

import "github.com/certuse/cloudflare-mtls/generated"

var getGatewayConfiguration = operation{generated.GetGatewayConfigurationOperation, "get Gateway configuration"}

// readGateway reads [SourceGateway], from the current and the deprecated member.
//
// A configuration without settings is a failure, and so is a certificate without an
// id, unless it says that it is not in use. Settings without a certificate, or with
// null, use none.
func readGateway(v *inventory, f *findings) {
	f.scope = "Gateway configuration"
	configuration := readObject[generated.GatewayConfiguration](v, f, getGatewayConfiguration, v.ofAccount(v.client.generated.GetGatewayConfiguration))
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

// isUnused reports whether the API says that a certificate is not in use, and nothing
// else. The deprecated certificate says it by another member than the current one.
func isUnused(certificate *generated.GatewayCertificate) bool {
	unused := false
	for _, says := range []*bool{certificate.InUse, certificate.Enabled} {
		if says != nil && *says {
			return false
		}
		unused = unused || says != nil
	}
	return unused
}
