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
// Settings without bindings, and a binding without a certificate id, are failures of
// that Worker: the API always sends both. After a failure of a Worker, the source has
// failed.
func readWorkers(v *inventory, f *findings) {
	workers := readList[generated.Worker](v, f, listWorkers, v.ofAccount(v.client.generated.ListWorkers))
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
		f.operation = one.operation
		f.fail(one.failure)
		return v.err() == nil
	})
	f.scope = "current bindings of " + counted(len(workers), "Worker")
}

func readWorker(v *inventory, f *findings, name string) {
	if err := validateScriptName(name); err != nil {
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
