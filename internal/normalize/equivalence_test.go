package normalize

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/internal/flatten"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// schema returns the response schema that kin-openapi reads from the document,
// whatever the path's parameters are called.
func schema(t *testing.T, doc spec.Object, status string) *openapi3.Schema {
	t.Helper()
	spec, err := flatten.Load(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range spec.Paths.Map() {
		if item.Get != nil {
			return item.Get.Responses.Value(status).Value.Content.Get("application/json").Schema.Value
		}
	}
	t.Fatal("no GET")
	return nil
}

// The canonical form must accept exactly the bodies that the published one
// accepts, read by a library that knows nothing of this package.
func TestCanonicalFormAcceptsTheSameBodies(t *testing.T) {
	t.Parallel()
	object := func(pairs ...any) any {
		out := spec.Object{}
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i].(string)] = pairs[i+1]
		}
		return out
	}
	bodies := []any{
		nil, true, 1.0, "text", []any{}, object(),
		object("success", true), object("success", false), object("success", "true"),
		object("success", true, "result", []any{}),
		object("success", false, "result", []any{}),
		object("success", true, "result", nil),
		object("success", true, "result", object()),
		object("success", true, "result", []any{object("service", "gateway")}),
		object("success", true, "result", []any{object("service", 1.0)}),
		object("success", true, "result", []any{object("default", "x", "other", 2.0)}),
		object("success", true, "result", []any{object("default", 3.0)}),
		object("success", true, "result", []any{"gateway"}),
	}
	doc := published(t)
	canonicalDoc := canonical(t, doc)
	for _, status := range []string{"200", "4XX"} {
		was, is := schema(t, doc, status), schema(t, canonicalDoc, status)
		accepted := 0
		for _, body := range bodies {
			before, after := was.VisitJSON(body), is.VisitJSON(body)
			if (before == nil) != (after == nil) {
				t.Errorf("%s %v: published says %v, canonical %v", status, body, before, after)
			}
			if before == nil {
				accepted++
			}
		}
		if accepted == 0 || accepted == len(bodies) {
			t.Errorf("%s: %d of %d bodies accepted: the comparison shows nothing", status, accepted, len(bodies))
		}
	}
}

// Names of parameters and schemes are never sent, so what must survive their
// renaming is what is sent: the path's shape and the headers.
func TestCanonicalFormAsksForTheSameRequest(t *testing.T) {
	t.Parallel()
	headers := func(doc spec.Object) map[string]bool {
		spec, err := flatten.Load(doc)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, item := range spec.Paths.Map() {
			for _, requirement := range *item.Get.Security {
				for name := range requirement {
					out[spec.Components.SecuritySchemes[name].Value.Name] = true
				}
			}
		}
		return out
	}
	renamed := published(t, "api_email", "x_mail", "api_key", "x_key")
	for header := range headers(renamed) {
		if !headers(canonical(t, renamed))[header] {
			t.Errorf("the canonical form does not ask for %s", header)
		}
	}
	if len(headers(renamed)) != 2 {
		t.Errorf("headers %v: the comparison shows nothing", headers(renamed))
	}
	if !operationPath.MatchString(CanonicalPath) {
		t.Error("the canonical path has another shape than the published one")
	}
}
