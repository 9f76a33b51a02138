package update

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/report"
)

// changed returns the last shape with edits, which are pairs of texts.
func changed(t *testing.T, edits ...string) []byte {
	t.Helper()
	text := string(read(t, "testdata/shapes/09-root-security.yaml"))
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("%q is not in the document", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return []byte(text)
}

const (
	serviceProperty = "        service: {\"$ref\": \"#/components/schemas/service\"}\n"
	firstParameter  = "      parameters:\n"
)

// One module, since compiling a copy is what costs: the steps follow each other.
func TestGoCodeFollowsTheContract(t *testing.T) {
	t.Parallel()
	root := copyModule(t, ".")
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}

	// Details that Go code need not know of change no code.
	r := take(t, root, "details.yaml", changed(t,
		firstParameter, firstParameter+"        - {in: query, name: page, schema: {type: integer, minimum: 1}}\n        - {in: header, name: X-Trace, schema: {type: string}}\n",
		"certificate:\n", "certificate:\n      format: uuid\n",
		"    service: {", "    service: {enum: [tunnel, other], nullable: true, ",
		"      operationId:", "      deprecated: true\n      operationId:"))
	if !r.Go.SameCode {
		t.Errorf("details change the Go code: %+v", r.Go)
	}
	if r.Class != report.Breaking {
		t.Errorf("class %v: a service may be null and the ids are UUIDs now", r.Class)
	}

	// A new property is a new field, which the written code need not know.
	r = take(t, root, "more.yaml", changed(t, serviceProperty, serviceProperty+"        since: {type: string, description: First day of the use.}\n"))
	if r.Go.SameCode {
		t.Errorf("a new property: %+v", r.Go)
	}
	fresh(t, root)
	run("build", "./...")
	run("test", "./api", "./tests/contract")

	// The property gone again is a field less, which only readers of generated
	// see.
	r = take(t, root, "less.yaml", changed(t))
	if !slices.ContainsFunc(r.Contract, func(c report.Change) bool {
		return c.Class == report.Breaking && c.Place == "answer 200: result[].since"
	}) || r.Class != report.Breaking {
		t.Errorf("class %v, contract %+v", r.Class, r.Contract)
	}
	if r.Go.SameCode {
		t.Errorf("a property less: %+v", r.Go)
	}

	// Properties of every form, at every place: a row with a list cannot be
	// compared any more, and nothing here may depend on that, or on what errors
	// have and messages have not.
	forms := func(indent string) string {
		return indent + "since: {type: string, format: date-time}\n" +
			indent + "labels: {type: object, additionalProperties: {type: string}}\n" +
			indent + "bindings: {type: array, items: {type: object, required: [hostname], properties: {hostname: {type: string}, port: {type: integer}}}}\n" +
			indent + "meta: {}\n"
	}
	r = take(t, root, "forms.yaml", changed(t, serviceProperty, serviceProperty+forms("        "),
		"          documentation_url: {type: string}\n", "          documentation_url: {type: string}\n"+forms("          "),
		"{type: object, properties: {pointer: {type: string}}}", "{type: object, properties: {pointer: {type: string}, since: {type: string, format: date-time}}}",
		"                count: {description: \"Counts of the count kind.\", example: 3, type: number}\n",
		"                count: {description: \"Counts of the count kind.\", example: 3, type: integer}\n"+forms("                "),
		"        messages: {\"$ref\": \"#/components/schemas/notes\"}\n",
		"        messages: {type: array, items: {type: object, required: [code, message], properties: {code: {type: integer}, message: {type: string}}}}\n",
		"        success: {enum: [true]", forms("        ")+"        success: {enum: [true]"))
	if r.Go.SameCode {
		t.Errorf("properties of every form: %+v", r.Go)
	}
	run("test", "./api", "./internal/strictjson", "./tests/contract")

	// Members that share a Go name are refused by their names, in the same words
	// each time, and taken once an overlay names one of them.
	collision := changed(t, serviceProperty, serviceProperty+"        Service: {type: string}\n")
	_, err := Prepare(t.Context(), request(root, "collision.yaml", collision))
	const shared = `refused: the module does not compile against the new contract: ` +
		`the JSON members "Service" and "service" of Association would share the Go name Service; generated/types.gen.go:16:2: Service redeclared`
	if err == nil || err.Error() != shared {
		t.Errorf("error %v, want %s", err, shared)
	}
	const named = `overlay: 1.1.0
info: {title: Names, version: 1.0.0}
actions:
  - x-id: service-name
    target: $.paths.*.get.responses['200'].content['application/json'].schema..properties.result.items.properties['Service']
    description: It would be called Service, as service is.
    update: {x-go-name: ServiceName}
`
	if err := os.WriteFile(filepath.Join(root, "overlays", "60-names.yaml"), []byte(named), 0o644); err != nil {
		t.Fatal(err)
	}
	take(t, root, "collision.yaml", collision)
	if types := string(read(t, filepath.Join(root, "generated", "types.gen.go"))); !strings.Contains(types, "\tServiceName ") {
		t.Errorf("no field has the name that the overlay gives:\n%s", types)
	}
	if err := os.Remove(filepath.Join(root, "overlays", "60-names.yaml")); err != nil {
		t.Fatal(err)
	}

	// What the written code cannot live with is refused.
	before := snapshot(t, root)
	_, err = Prepare(t.Context(), request(root, "other.yaml", changed(t, "    service: {description: \"Which product holds the certificate.\", example: tunnel, type: string}", "    service: {type: integer}")))
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok || !strings.Contains(refused.Reason, "does not compile against the new contract: ") || !strings.Contains(refused.Reason, ".go:") {
		t.Fatalf("error %v, want a refusal that names the line", err)
	}
	if refused.Report == nil || !slices.ContainsFunc(refused.Report.Contract, func(c report.Change) bool {
		return c.Class == report.Breaking && c.Place == "answer 200: result[].service"
	}) {
		t.Errorf("the refusal does not report what changed: %+v", refused.Report)
	}
	if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
		t.Errorf("changed:\n%s", diff)
	}
}
