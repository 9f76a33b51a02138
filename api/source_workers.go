package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/certuse/cloudflare-mtls/generated"
)

var (
	listWorkers       = operation{generated.ListWorkersOperation, "list Workers"}
	getWorkerSettings = operation{generated.GetWorkerSettingsOperation, "get settings of a Worker"}
)

// readWorkers reads [SourceWorkers].
//
// A Worker without bindings in its settings, and a binding without a certificate
// id, are failures of that Worker: the API always has both. A failed Worker leaves
// open each certificate that no other Worker names.
func readWorkers(ctx context.Context, v *inventory) findings {
	var f findings
	workers, failure := readList[generated.Worker](ctx, v, listWorkers, func(ctx context.Context, edit editor) (*http.Response, error) {
		return v.client.generated.ListWorkers(ctx, v.account, edit)
	})
	f.fail(listWorkers, failure)
	v.expect(len(workers))
	p := pool[generated.Worker, findings]{workers: v.config.concurrency, cancel: v.cancel, work: func(worker generated.Worker) findings {
		return readWorker(ctx, v, worker.ID)
	}}
	p.run(slices.Values(workers), func(one findings) bool {
		for id, uses := range one.uses {
			for _, use := range uses {
				f.add(getWorkerSettings, use.Source, use.Name, id)
			}
		}
		f.fail(getWorkerSettings, one.failure)
		return v.err() == nil
	})
	f.scope = "current bindings of " + counted(len(workers), "Worker")
	return f
}

func readWorker(ctx context.Context, v *inventory, name string) findings {
	var f findings
	if err := validateScriptName(name); err != nil {
		v.expect(-1)
		f.fail(listWorkers, incomplete(listWorkers, err.Error()))
		return f
	}
	settings, failure := readObject[generated.WorkerSettings](ctx, v, getWorkerSettings, func(ctx context.Context, edit editor) (*http.Response, error) {
		return v.client.generated.GetWorkerSettings(ctx, v.account, name, edit)
	})
	f.fail(getWorkerSettings, failure)
	if settings == nil {
		return f
	}
	if settings.Bindings == nil {
		f.fail(getWorkerSettings, incomplete(getWorkerSettings, "the settings have no bindings"))
	}
	for _, binding := range settings.Bindings {
		switch {
		case binding.CertificateID != "":
			f.add(getWorkerSettings, SourceWorkers, name, binding.CertificateID)
		case binding.Type == "mtls_certificate":
			f.fail(getWorkerSettings, incomplete(getWorkerSettings, "a binding of type mtls_certificate has no certificate_id"))
		case binding.Type == "":
			f.fail(getWorkerSettings, incomplete(getWorkerSettings, "a binding has no type"))
		}
	}
	return f
}
