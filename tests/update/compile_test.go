package update

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/tests/internal/modulecopy"
)

const firstParameter = "      parameters:\n"

// libraryTree returns a seeded tree with the library, without tests, to compile the
// library against generated/.
func libraryTree(t *testing.T) string {
	t.Helper()
	root := seededTree(t)
	if err := modulecopy.Copy(moduleRoot, root, "api", "internal"); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			err = os.Remove(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// The steps use one module, one after the other, because compiling a copy is slow.
func TestGoCodeFollowsTheContract(t *testing.T) {
	t.Parallel()
	root := libraryTree(t)
	client := filepath.Join(root, "generated/client.gen.go")
	build := func() {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", "build", "./...")
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go build: %v\n%s", err, out)
		}
	}

	// Details without a meaning in Go change no code.
	r := take(t, root, "details.yaml", changed(t,
		firstParameter, firstParameter+"        - {in: query, name: page, schema: {type: integer, minimum: 1}}\n        - {in: header, name: X-Trace, schema: {type: string}}\n",
		"certificate:\n", "certificate:\n      format: uuid\n",
		"    service: {", "    service: {enum: [tunnel, other], nullable: true, ",
		"      operationId:", "      deprecated: true\n      operationId:"))
	if !r.SameCode {
		t.Errorf("details change the Go code: %q", r.Files)
	}
	if r.Class != compare.Breaking {
		t.Errorf("class %v, want breaking: a service may be null, and ids are UUIDs", r.Class)
	}

	// A new property is a new field.
	r = take(t, root, "more.yaml", changed(t, serviceProperty, serviceProperty+"        since: {type: string, description: First day of the use.}\n"))
	if r.SameCode || !strings.Contains(string(read(t, client)), "Since string `json:\"since,omitempty,omitzero\"`") {
		t.Errorf("a new property: %q", r.Files)
	}
	fresh(t, root)

	// Removing the property removes the field, which breaks users of package generated.
	r = take(t, root, "less.yaml", changed(t))
	if change, ok := find(r, associations, "/responses/200/content/application~1json/schema/properties/result/items/properties/since"); !ok || change.Class != compare.Breaking || !change.Contract || r.Class != compare.Breaking {
		t.Errorf("class %v, operations %+v", r.Class, r.Operations)
	}

	// Properties of all types in all objects. The library must compile although the
	// generated type of an association cannot be compared with == any more, and errors
	// and messages have different types.
	forms := func(indent string) string {
		return indent + "since: {type: string, format: date-time}\n" +
			indent + "labels: {type: object, additionalProperties: {type: string}}\n" +
			indent + "bindings: {type: array, items: {type: object, required: [hostname], properties: {hostname: {type: string}, port: {type: integer}}}}\n" +
			indent + "meta: {}\n"
	}
	take(t, root, "forms.yaml", changed(t, serviceProperty, serviceProperty+forms("        "),
		"          documentation_url: {type: string}\n", "          documentation_url: {type: string}\n"+forms("          "),
		"{type: object, properties: {pointer: {type: string}}}", "{type: object, properties: {pointer: {type: string}, since: {type: string, format: date-time}}}",
		"                count: {description: \"Counts of the count kind.\", example: 3, type: number}\n",
		"                count: {description: \"Counts of the count kind.\", example: 3, type: integer}\n"+forms("                "),
		"        messages: {\"$ref\": \"#/components/schemas/notes\"}\n",
		"        messages: {type: array, items: {type: object, required: [code, message], properties: {code: {type: integer}, message: {type: string}}}}\n",
		"        success: {enum: [true]", forms("        ")+"        success: {enum: [true]"))
	build()

	// Members that share a Go name are refused, and accepted once an overlay names one
	// of them.
	collision := changed(t, serviceProperty, serviceProperty+"        Service: {type: string}\n")
	if refused := refusal(t, request(root, "collision.yaml", collision)); !strings.Contains(refused.Refusal, "generated/client.gen.go:") || !strings.Contains(refused.Refusal, "Service") {
		t.Errorf("%s, want the place in the generated code", refused.Refusal)
	}
	const named = `overlay: 1.1.0
info: {title: Names, version: 1.0.0}
actions:
  - x-id: service-name
    target: $.paths.*.get.responses['200'].content['application/json'].schema.properties.result.items.properties['Service']
    description: It would be called Service, as service is.
    update: {x-go-name: ServiceName}
`
	overlay := filepath.Join(root, "overlays/2-contract/60-names.yaml")
	write(t, overlay, named)
	take(t, root, "collision.yaml", collision)
	if !strings.Contains(string(read(t, client)), "ServiceName string") {
		t.Error("the name of the overlay is not that of the field")
	}
	if err := os.Remove(overlay); err != nil {
		t.Fatal(err)
	}

	// Changes that break handwritten code are refused.
	before := snapshot(t, root)
	refused := refusal(t, request(root, "other.yaml", changed(t, "    service: {description: \"Which product holds the certificate.\", example: tunnel, type: string}", "    service: {type: integer}")))
	if !strings.Contains(refused.Refusal, "does not compile against the new contract: ") || !strings.Contains(refused.Refusal, ".go:") {
		t.Fatalf("%s, want the line", refused.Refusal)
	}
	if change, ok := find(refused, associations, "/responses/200/content/application~1json/schema/properties/result/items/properties/service"); !ok || change.Class != compare.Breaking {
		t.Errorf("the refusal does not report what changed: %+v", refused)
	}
	unchanged(t, root, before)
}
