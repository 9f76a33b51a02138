package api

import (
	"cmp"
	"strings"

	"github.com/certuse/cloudflare-mtls/generated"
)

var listPostureRules = operation{generated.ListDevicePostureRulesOperation, "list device posture rules"}

// readPosture reads [SourcePosture].
//
// A rule whose type begins with client_certificate, without an input or a certificate
// id, is a failure.
func readPosture(v *inventory, f *findings) {
	rules := readList[generated.PostureRule](v, f, listPostureRules, v.accountSend(v.client.generated.ListDevicePostureRules))
	for _, rule := range rules {
		switch {
		case rule.Input != nil && rule.Input.CertificateID != "":
			f.add(cmp.Or(rule.Name, rule.ID), rule.Input.CertificateID)
		case rule.Type == "":
			f.incomplete("a rule has no type")
		case strings.HasPrefix(rule.Type, "client_certificate"):
			f.incomplete("a rule of type client_certificate has no certificate_id")
		}
	}
	f.scope = pluralize(len(rules), "device posture rule")
}
