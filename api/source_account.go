package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/generated"
)

var (
	listWorkers             = operation{generated.ListWorkersOperation, "list Workers"}
	getWorkerSettings       = operation{generated.GetWorkerSettingsOperation, "get settings of a Worker"}
	listPagesProjects       = operation{generated.ListPagesProjectsOperation, "list Pages projects"}
	listHyperdriveConfigs   = operation{generated.ListHyperdriveConfigsOperation, "list Hyperdrive configurations"}
	getGatewayConfiguration = operation{generated.GetGatewayConfigurationOperation, "get Gateway configuration"}
	listPostureRules        = operation{generated.ListDevicePostureRulesOperation, "list device posture rules"}
)

// readWorkers reads [SourceWorkers].
//
// Settings without bindings, a binding with neither a type nor a certificate id, and a
// binding of type mtls_certificate without a certificate id are failures: the API
// always sends these members. After a failure of one Worker, the others are still read,
// and the source has failed.
func readWorkers(v *inventory, f *findings) {
	workers := readList[generated.Worker](v, f, listWorkers, v.accountSend(v.client.generated.ListWorkers))
	v.expect(len(workers))
	p := pool{workers: v.config.concurrency, cancel: v.cancel}
	process(&p, slices.Values(workers), func(worker generated.Worker) findings {
		one := findings{source: f.source, uses: map[string][]Use{}}
		readWorker(v, &one, worker.ID)
		return one
	}, func(one findings) bool {
		for id, uses := range one.uses {
			f.uses[id] = append(f.uses[id], uses...)
		}
		f.fail(one.failure)
		return v.err() == nil
	})
	f.scope = "current bindings of " + pluralize(len(workers), "Worker")
}

func readWorker(v *inventory, f *findings, name string) {
	if err := validateID("the name of the Worker", name, 255); err != nil {
		v.expect(-1)
		f.operation = listWorkers
		f.incomplete(err.Error())
		return
	}
	settings := readObject[generated.WorkerSettings](v, f, getWorkerSettings, func(ctx context.Context, edit editor) (*http.Response, error) {
		return v.client.generated.GetWorkerSettings(ctx, v.account, name, edit)
	})
	if settings == nil {
		return
	}
	if settings.Bindings == nil {
		f.incomplete("the settings have no bindings")
	}
	for _, binding := range settings.Bindings {
		switch {
		case binding.CertificateID != "", binding.Type == "mtls_certificate":
			f.add(name, binding.CertificateID)
		case binding.Type == "":
			f.incomplete("a binding has no type")
		}
	}
}

// readPages reads [SourcePages].
//
// An environment that is absent, null or without certificates binds none. A project
// without deployment_configs and a binding without a certificate id are failures.
func readPages(v *inventory, f *findings) {
	f.operation = listPagesProjects
	projects := 0
	pages := paged{operation: listPagesProjects, send: func(ctx context.Context, number, perPage float64, edit editor) (*http.Response, error) {
		return v.client.generated.ListPagesProjects(ctx, v.account, &generated.ListPagesProjectsParams{Page: number, PerPage: perPage}, edit)
	}}
	all := allPages(v.ctx, v.client, v.pagesPolicy(), pages, unconverted[generated.PagesProject](), projectKey)
	for project, err := range all {
		if err != nil {
			f.fail(asError(err))
			break
		}
		projects++
		if project.DeploymentConfigs == nil {
			f.incomplete("a project has no deployment_configs")
			continue
		}
		for _, environment := range []generated.PagesDeploymentConfig{project.DeploymentConfigs.Production, project.DeploymentConfigs.Preview} {
			for _, binding := range environment.MTLSCertificates {
				f.add(project.Name, binding.CertificateID)
			}
		}
	}
	f.scope = "current bindings of " + pluralize(projects, "Pages project")
}

// projectKey identifies a project by its name and bindings: two projects with one name
// are both read, and a project that the next page repeats counts once.
func projectKey(p generated.PagesProject) string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // it holds strings only
	}
	return string(text)
}

// readHyperdrive reads [SourceHyperdrive].
//
// A configuration with absent or null mtls uses no certificate. One without an origin,
// or with neither an id nor a name, is a failure: it may be an object of another list.
func readHyperdrive(v *inventory, f *findings) {
	configs := readList[generated.HyperdriveConfig](v, f, listHyperdriveConfigs, v.accountSend(v.client.generated.ListHyperdriveConfigs))
	for _, config := range configs {
		name := cmp.Or(config.Name, config.ID)
		switch {
		case name == "":
			f.incomplete("a configuration has neither an id nor a name")
		case config.Origin == nil:
			f.incomplete("a configuration has no origin")
		}
		for _, id := range []string{config.MTLS.CaCertificateID, config.MTLS.MTLSCertificateID} {
			if id != "" {
				f.add(name, id)
			}
		}
	}
	f.scope = pluralize(len(configs), "Hyperdrive configuration")
}

// readGateway reads [SourceGateway], from the current and the deprecated member.
//
// A configuration without settings is a failure. Settings without a certificate use
// none. A certificate with an id is a use, even if the API reports it as not in use. A
// certificate without an id is a failure, unless the API reports it as not in use.
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

// isUnused reports whether in_use or enabled is false and neither is true. The current
// certificate has in_use, the deprecated one has enabled.
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

// typesWithoutInput are the types of posture rules that need no input.
var typesWithoutInput = []string{"gateway", "tanium", "warp"}

// readPosture reads [SourcePosture].
//
// A rule without a certificate id is a failure if its type is absent or begins with
// client_certificate. So is a rule without an input, unless its type has none: it may
// be an object of another list.
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
		case rule.Input == nil && !slices.Contains(typesWithoutInput, rule.Type):
			f.incomplete("a rule has no input")
		}
	}
	f.scope = pluralize(len(rules), "device posture rule")
}
