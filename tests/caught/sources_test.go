package caught

import (
	"sync"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
	"github.com/certuse/cloudflare-mtls/tests/internal/rebuild"
)

// source is a published document: the frozen fragment, or one made of it after
// the pattern of other revisions.
type source int

const (
	fragment source = iota
	scrambled
	tokenOnly
	otherExamples
)

type built struct {
	stages rebuild.Stages
	err    error
}

// sources puts each source through the pipeline once.
var sources = map[source]func() built{
	fragment:  once(func(specdoc.Object) {}),
	scrambled: once(scramble),
	tokenOnly: once(keepTokenOnly),

	otherExamples: once(showOtherExamples),
}

func once(change func(specdoc.Object)) func() built {
	return sync.OnceValue(func() built {
		document, err := rebuild.Published(moduleRoot)
		if err != nil {
			return built{err: err}
		}
		change(document)
		stages, err := rebuild.Run(moduleRoot, document)
		return built{stages, err}
	})
}

// scramble makes the document look like the revisions that joined the parts of
// the success envelope with anyOf and offered a failure in place of the common
// part.
func scramble(document specdoc.Object) {
	responses := published(document)["responses"].(specdoc.Object)
	parts := func(status string) []any {
		content := responses[status].(specdoc.Object)["content"].(specdoc.Object)["application/json"].(specdoc.Object)
		return content["schema"].(specdoc.Object)["allOf"].([]any)
	}
	envelope := parts("200")[0].(specdoc.Object)
	joined := envelope["allOf"].([]any)
	delete(envelope, "allOf")
	choice := []any{joined[0], specdoc.Clone(parts("4XX")[1])}
	envelope["anyOf"] = []any{specdoc.Object{"oneOf": choice}, joined[1]}
}

// keepTokenOnly makes the document look like one that knows only API tokens.
func keepTokenOnly(document specdoc.Object) {
	published(document)["security"] = []any{specdoc.Object{"api_token": []any{}}}
	document["components"] = specdoc.Object{"securitySchemes": specdoc.Object{
		"api_token": specdoc.Object{"type": "http", "scheme": "bearer"},
	}}
}

// showOtherExamples makes the document show another service and status.
func showOtherExamples(document specdoc.Object) {
	responses := published(document)["responses"].(specdoc.Object)
	content := responses["200"].(specdoc.Object)["content"].(specdoc.Object)["application/json"].(specdoc.Object)
	rows := content["schema"].(specdoc.Object)["allOf"].([]any)[1].(specdoc.Object)["properties"].(specdoc.Object)["result"].(specdoc.Object)
	members := rows["items"].(specdoc.Object)["properties"].(specdoc.Object)
	for _, name := range []string{"service", "status"} {
		members[name].(specdoc.Object)["example"] = "other"
	}
}

func published(document specdoc.Object) specdoc.Object {
	for _, item := range document["paths"].(specdoc.Object) {
		return item.(specdoc.Object)["get"].(specdoc.Object)
	}
	return nil
}
