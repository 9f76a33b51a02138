package api

import (
	"cmp"

	"github.com/certuse/cloudflare-mtls/generated"
)

var listHyperdriveConfigs = operation{generated.ListHyperdriveConfigsOperation, "list Hyperdrive configurations"}

// readHyperdrive reads [SourceHyperdrive].
//
// A configuration whose mtls is absent or null uses none.
func readHyperdrive(v *inventory, f *findings) {
	configs := readList[generated.HyperdriveConfig](v, f, listHyperdriveConfigs, v.accountSend(v.client.generated.ListHyperdriveConfigs))
	for _, config := range configs {
		for _, id := range []string{config.MTLS.CaCertificateID, config.MTLS.MTLSCertificateID} {
			if id != "" {
				f.add(cmp.Or(config.Name, config.ID), id)
			}
		}
	}
	f.scope = pluralize(len(configs), "Hyperdrive configuration")
}
