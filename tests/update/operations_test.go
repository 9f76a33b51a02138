package update

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/internal/spec"
	"github.com/certuse/cloudflare-mtls/internal/update"
)

const current = families + "4-current.yaml"

// whole requests an update from a complete document.
func whole(root, path string, data []byte) update.Request {
	req := request(root, path, data)
	req.Partial = false
	return req
}

// familyTree returns a tree that holds the current document of the family.
func familyTree(t *testing.T) string {
	t.Helper()
	root := seededTree(t)
	take(t, root, current, read(t, current))
	return root
}

// Operations that a complete document lacks are withdrawn; those that a partial one
// lacks are not.
func TestWithdrawnOperationsAreBreakingAndNamed(t *testing.T) {
	t.Parallel()
	root := familyTree(t)
	before := snapshot(t, root)
	data := edited(t, current,
		"  \"/accounts/{account_id}/mtls_certificates/{mtls_certificate_id}/associations\":", "  \"/accounts/{account_id}/mtls_certificates/{mtls_certificate_id}/uses\":",
		"      operationId: certificates-get\n", "      operationId: certificates-get-one\n",
		"    get:\n      operationId: certificates-get-one", "    put:\n      operationId: certificates-get-one")
	if r := take(t, root, "part.yaml", data); r.Class > compare.Documentation {
		t.Errorf("a part: class %v", r.Class)
	}
	req := whole(root, "whole.yaml", data)
	req.Source = "4-current.yaml (Invented API 7.1)"
	r := apply(t, req)
	if r.Class != compare.Breaking {
		t.Errorf("the whole: class %v", r.Class)
	}
	ops, err := spec.ReadOperations(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{
		"listMTLSCertificates": true, "uploadMTLSCertificate": true, "deleteMTLSCertificate": true,
		"listHostnameAssociations": true, "listZones": true,
	}
	for _, op := range ops {
		change, reported := find(r, op.Title(), "/"+strings.ToLower(op.Method))
		withdrawn := reported && change.Class == compare.Breaking && change.Message == "operation withdrawn"
		if withdrawn == has[op.Name] {
			t.Errorf("%s: withdrawn %t, change %+v", op.Name, withdrawn, change)
		}
	}
	for _, name := range []string{"openapi/mtls-certificate-associations.json", "openapi/workers.json", "generated/client.gen.go"} {
		if before[name] != snapshot(t, root)[name] {
			t.Errorf("%s changed", name)
		}
	}
}

// A method that the vendor adds to the path of listed operations has no effect.
func TestOtherMethodsOfAListedPathAreNoChange(t *testing.T) {
	t.Parallel()
	root := familyTree(t)
	const other = "  \"/accounts/{account_id}/mtls_certificates\":\n"
	r := take(t, root, "more.yaml", edited(t, current, other, other+"    put: {responses: {\"200\": {description: \"New.\"}}}\n"))
	if r.Class != compare.None || len(r.Operations) != 0 {
		t.Errorf("%+v", r)
	}
}

// An update stores the text of an entry that is new in the list or has a new path. An
// update is also possible after an entry was removed from the list.
func TestTheListAndTheDocumentChangeTogether(t *testing.T) {
	t.Parallel()
	root := familyTree(t)
	const oldPath, newPath = "/mtls_certificates/{mtls_certificate_id}/associations", "/mtls_certificates/{mtls_certificate_id}/uses"
	moved := edited(t, current, oldPath, newPath)
	const list = "openapi/operations.yaml"
	for _, name := range []string{list, "overlays/2-contract/10-requests.yaml", "overlays/2-contract/30-associations.yaml", "overlays/2-contract/40-contract-check.yaml"} {
		write(t, filepath.Join(root, name), string(edited(t, filepath.Join(root, name), oldPath, newPath)))
	}
	if _, err := update.Regenerate(t.Context(), root); err == nil || !strings.Contains(err.Error(), "make spec-update") {
		t.Errorf("a path without a text: %v", err)
	}
	if r := refusal(t, request(root, "old.yaml", read(t, current))); !strings.Contains(r.Refusal, "no text of the operation GET /accounts/{account_id}"+newPath) {
		t.Errorf("the text is nowhere: %s", r.Refusal)
	}
	take(t, root, "moved.yaml", moved)
	fresh(t, root)

	const entry = "\n  - name: listThings\n    method: GET\n    path: /accounts/{account_id}/things\n    document: things.json\n    noun: Thing\n    permission: \"Account: Things Read\"\n"
	listed := string(read(t, filepath.Join(root, list))) + entry
	const zones = "  /zones:\n"
	added := strings.Replace(string(moved), zones, "  \"/accounts/{account}/things\":\n    get:\n      parameters: [{in: path, name: account, required: true, schema: {type: string}}]\n"+
		"      responses: {\"200\": {description: \"Things.\", content: {application/json: {schema: {\"$ref\": \"#/components/schemas/tls-things_zones-4\"}}}}}\n"+
		"      security: [{api_token: []}]\n"+zones, 1)
	const none = "openapi: 3.0.3\ninfo: {}\npaths: {/nothing: {get: {}}}\n"
	if r := refusal(t, request(root, "none.yaml", []byte(none))); !strings.HasSuffix(r.Refusal, "is not in the document; nor is any other operation of the list") {
		t.Errorf("no operation of the list, and one without a text: %s", r.Refusal)
	}
	write(t, filepath.Join(root, list), listed+"    query: [nonsense]\n")
	if r := refusal(t, request(root, "added.yaml", []byte(added))); !strings.Contains(r.Refusal, `listThings: the contract has no query parameter "nonsense"`) {
		t.Errorf("a query parameter that is nowhere: %s", r.Refusal)
	}
	write(t, filepath.Join(root, list), listed)
	r := take(t, root, "added.yaml", []byte(added))
	if change, ok := find(r, "GET /accounts/{account_id}/things", "/get"); !ok || change.Class != compare.Compatible || r.Class != compare.Compatible {
		t.Errorf("class %v, a new operation: %+v", r.Class, change)
	}
	fresh(t, root)
	if !strings.Contains(string(read(t, filepath.Join(root, "generated/client.gen.go"))), "ListThings(") {
		t.Error("the new operation is not generated")
	}

	write(t, filepath.Join(root, list), string(edited(t, filepath.Join(root, list), entry, "")))
	take(t, root, "moved.yaml", moved)
	fresh(t, root)
}

// The vendor may describe a failure for any status, joined with a success (as 4XX is
// today) or alone. Its Go type stays the same.
func TestFailuresMayBeDescribedForAnyStatus(t *testing.T) {
	t.Parallel()
	root := familyTree(t)
	range4XX := regexp.MustCompile(`(?m)^        "4XX": (.*)$`)
	const alone = `{description: "Why.", content: {application/json: {schema: {"$$ref": "#/components/schemas/tls-things_failed-4"}}}}`
	for name, tt := range map[string]struct {
		joined, alone []string // statuses
		want          compare.Class
	}{
		"default":                      {[]string{"default"}, nil, compare.Compatible},
		"some statuses of the range":   {[]string{"400", "404"}, []string{"429"}, compare.Breaking},
		"statuses beside the range":    {[]string{"4XX", "429"}, []string{"403"}, compare.Documentation},
		"statuses, ranges and default": {[]string{"404", "4XX", "5XX", "default"}, []string{"403", "503"}, compare.Compatible},
	} {
		var lines []string
		for _, status := range tt.joined {
			lines = append(lines, `        "`+status+`": $1`)
		}
		for _, status := range tt.alone {
			lines = append(lines, `        "`+status+`": `+alone)
		}
		document := range4XX.ReplaceAll(read(t, current), []byte(strings.Join(lines, "\n")))
		plan, err := update.Prepare(t.Context(), request(root, "new.yaml", document))
		if err != nil {
			t.Fatal(err)
		}
		if r := plan.Report; r.Class != tt.want || !r.SameCode {
			t.Errorf("%s: want class %v and no change of the Go code:\n%s", name, tt.want, r.Text())
		}
	}
}

// A failure with another shape than the envelope is taken as the vendor describes it.
func TestFailuresMayHaveOtherShapes(t *testing.T) {
	t.Parallel()
	root := familyTree(t)
	range4XX := regexp.MustCompile(`(?m)^        "4XX": .*$`)
	const other = `: {description: "Why.", content: {application/json: {schema: {type: object, properties: `
	for added, tt := range map[string]struct {
		message string
		want    compare.Class
	}{
		`"5XX"` + other + `{error: {type: string}}}}}}`:                                                           {`5XX added: {"content":{"application/json":{"schema":{"properties":{"error":{"type":"string"}},"type":"obj`, compare.Compatible},
		`"5XX"` + other + "{error: {type: string}}}}}}\n        \"429\"" + other + `{retry: {type: integer}}}}}}`: {"member success removed", compare.Breaking},
	} {
		document := range4XX.ReplaceAll(read(t, current), []byte("$0\n        "+added))
		plan, err := update.Prepare(t.Context(), request(root, "new.yaml", document))
		if err != nil {
			t.Fatal(err)
		}
		if text := plan.Report.Text(); plan.Report.Class != tt.want || !strings.Contains(text, tt.message) {
			t.Errorf("%s: want class %v and %q:\n%s", added, tt.want, tt.message, text)
		}
	}
}

// The Go type of a page number is the same whether the vendor describes it as a number
// or as an integer, and also if no text described it before.
func TestPageNumbersMayBeIntegers(t *testing.T) {
	t.Parallel()
	root := familyTree(t)
	for name, tt := range map[string]struct {
		edits []string
		want  compare.Class
	}{
		"described before": {[]string{"name: page, schema: {type: number,", "name: page, schema: {type: integer,", "name: per_page, schema: {type: number,", "name: per_page, schema: {type: integer,"}, compare.Documentation},
		"newly described": {[]string{"access_managed]}}}\n", "access_managed]}}}\n        - {in: query, name: page, schema: {type: integer, minimum: 1}}\n" +
			"        - {in: query, name: per_page, schema: {type: integer, minimum: 1}}\n"}, compare.Compatible},
	} {
		plan, err := update.Prepare(t.Context(), request(root, "new.yaml", edited(t, current, tt.edits...)))
		if err != nil {
			t.Fatal(err)
		}
		if r := plan.Report; r.Class != tt.want || !r.SameCode {
			t.Errorf("%s: want class %v and no change of the Go code:\n%s", name, tt.want, r.Text())
		}
	}
}
