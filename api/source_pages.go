package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/certuse/cloudflare-mtls/generated"
)

var listPagesProjects = operation{generated.ListPagesProjectsOperation, "list Pages projects"}

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
	all := allPages(v.ctx, v.client, v.policy(), pages, asReceived[generated.PagesProject](), projectKey, nil, v.countPages())
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
	f.scope = "current bindings of " + counted(projects, "Pages project")
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
