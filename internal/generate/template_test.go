package generate

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

const moduleRoot = "../.."

func committedContract(t *testing.T) spec.Object {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(moduleRoot, contractFile))
	if err != nil {
		t.Fatal(err)
	}
	contract, err := spec.Decode("openapi.json", data)
	if err != nil {
		t.Fatal(err)
	}
	return contract
}

// changedContract returns the committed contract after change has edited one of
// its operations.
func changedContract(t *testing.T, change func(operation map[string]any)) spec.Object {
	t.Helper()
	contract := committedContract(t)
	found := false
	for l := range spec.All(contract) {
		if l.Operation["operationId"] == "listMTLSCertificateAssociations" {
			found = true
			change(l.Operation)
		}
	}
	if !found {
		t.Fatal("the operation is not in the contract")
	}
	return contract
}

// source returns the Go code for the whole document, where Generate takes its View: the
// templates support more than the listed operations need.
func source(t *testing.T, doc spec.Object) ([]byte, error) {
	t.Helper()
	return goCode(moduleRoot, doc)
}

func TestTemplateFollowsTheParametersOfTheContract(t *testing.T) {
	t.Parallel()
	contract := changedContract(t, func(operation map[string]any) {
		params := slices.DeleteFunc(operation["parameters"].([]any), func(p any) bool { return p.(map[string]any)["in"] != "path" })
		for _, p := range params {
			switch p := p.(map[string]any); p["name"] {
			case "account_id":
				p["style"] = "label"
			case "mtls_certificate_id":
				p["schema"] = map[string]any{"type": "integer"}
			}
		}
		text := map[string]any{"type": "string"}
		operation["parameters"] = append(params,
			map[string]any{"name": "page", "in": "query", "schema": map[string]any{"type": "integer"}},
			map[string]any{"name": "status", "in": "query", "schema": map[string]any{"type": "array", "items": text}},
			map[string]any{"name": "per_page", "in": "query", "required": true, "schema": map[string]any{"type": "integer"}},
			map[string]any{"name": "after", "in": "query", "schema": map[string]any{"type": "integer", "x-go-type-skip-optional-pointer": false}},
			map[string]any{"name": "X-Trace", "in": "header", "schema": text},
			map[string]any{"name": "X-Mode", "in": "header", "required": true, "schema": text},
			map[string]any{"name": "X-Since", "in": "header", "schema": map[string]any{"type": "integer", "x-go-type-skip-optional-pointer": false}})
	})
	testGenerated(t, contract, "testdata/params_test.go.txt", "TestParameters")
}

// testGenerated runs a test in a package generated from contract.
func testGenerated(t *testing.T, contract spec.Object, file, name string) {
	t.Helper()
	client, err := source(t, contract)
	if err != nil {
		t.Fatal(err)
	}
	expectDocumentedTypes(t, client)

	// The go command builds the committed package with these files replaced.
	replace := map[string]string{}
	place := func(name string, content []byte) {
		t.Helper()
		target, err := filepath.Abs(filepath.Join(moduleRoot, name))
		if err != nil {
			t.Fatal(err)
		}
		source := filepath.Join(t.TempDir(), filepath.Base(name))
		if err := os.WriteFile(source, content, 0o600); err != nil {
			t.Fatal(err)
		}
		replace[target] = source
	}
	place(clientFile, client)
	test, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	place(Dir+"/changed_test.go", test)
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(overlay, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-run", "^"+name+"$", "-v", "./"+Dir)
	cmd.Dir = moduleRoot
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+name) {
		t.Errorf("%v\n%s", err, out)
	}
}

func expectDocumentedTypes(t *testing.T, content []byte) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), clientFile, content, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, declaration := range file.Decls {
		if d, ok := declaration.(*ast.GenDecl); ok && d.Tok == token.TYPE && d.Doc == nil {
			t.Errorf("type %s has no comment", d.Specs[0].(*ast.TypeSpec).Name)
		}
	}
}

func TestTypesAreDecodedByTheContract(t *testing.T) {
	t.Parallel()
	contract := committedContract(t)
	schemas := contract["components"].(map[string]any)["schemas"].(map[string]any)
	schema := func(text string) (out any) {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	properties := schemas["Association"].(map[string]any)["properties"].(map[string]any)
	for name, text := range map[string]string{
		"tags":     `{"type":"array","items":{"type":"string"}}`,
		"grid":     `{"type":"array","items":{"type":"array","items":{"$ref":"#/components/schemas/ResultInfo"}}}`,
		"by_zone":  `{"type":"object","additionalProperties":{"$ref":"#/components/schemas/ResultInfo"}}`,
		"weights":  `{"type":"object","additionalProperties":{"type":"integer"}}`,
		"since":    `{"type":"string","format":"date-time"}`,
		"kind":     `{"type":"string","enum":["a","b"]}`,
		"small":    `{"type":"integer","format":"int32"}`,
		"anything": `{}`,
		"enabled":  `{"type":"boolean","x-go-type-skip-optional-pointer":false}`,
		"bytes":    `{"type":"string","format":"byte"}`,
		"mixed":    `{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":{"type":"integer"}}`,
		"aliases":  `{"type":"array","items":{"$ref":"#/components/schemas/Alias"},"x-go-type-skip-optional-pointer":false}`,
		"list":     `{"$ref":"#/components/schemas/List"}`,
		"choice":   `{"$ref":"#/components/schemas/Choice"}`,
		"keys":     `{"type":"array","x-decides":true,"items":{"$ref":"#/components/schemas/Key"}}`,
		"notes":    `{"type":"array","items":{"$ref":"#/components/schemas/Key"}}`,
	} {
		properties[name] = schema(text)
	}
	properties["key"] = schema(`{"$ref":"#/components/schemas/Key","x-decides":true}`)
	schemas["Key"] = schema(`{"type":"object","properties":{"id":{"type":"string","x-decides":true},"note":{"type":"string"}}}`)
	schemas["Alias"] = schema(`{"$ref":"#/components/schemas/ResultInfo"}`)
	// List becomes an alias, to which oapi-codegen gives the properties of its items.
	schemas["List"] = schema(`{"type":"array","items":{"type":"object","properties":{"id":{"type":"string"}}}}`)
	schemas["Choice"] = schema(`{"type":"object","description":"Either of two.","properties":{"kind":{"type":"string"}},
		"oneOf":[{"$ref":"#/components/schemas/ResultInfo"},{"$ref":"#/components/schemas/ResponseInfo"}]}`)
	testGenerated(t, contract, "testdata/types_test.go.txt", "TestTypes")
}

func TestTemplateRefusesWhatItDoesNotSupport(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(operation map[string]any)
		want   string
	}{
		"body in another form": {func(operation map[string]any) {
			operation["requestBody"] = map[string]any{"content": map[string]any{"application/x-www-form-urlencoded": map[string]any{"schema": map[string]any{"type": "object"}}}}
		}, "bodies other than one in JSON are not supported"},
		"body in two forms": {func(operation map[string]any) {
			media := map[string]any{"schema": map[string]any{"type": "object"}}
			operation["requestBody"] = map[string]any{"content": map[string]any{"application/json": media, "application/merge-patch+json": media}}
		}, "bodies other than one in JSON are not supported"},
		"cookie": {func(operation map[string]any) {
			operation["parameters"] = append(operation["parameters"].([]any),
				map[string]any{"name": "session", "in": "cookie", "schema": map[string]any{"type": "string"}})
		}, "cookie parameters are not supported"},
		"query without a schema": {func(operation map[string]any) {
			operation["parameters"] = append(operation["parameters"].([]any), withoutSchema("filter", "query"))
		}, "query parameters need a schema"},
		"header without a schema": {func(operation map[string]any) {
			operation["parameters"] = append(operation["parameters"].([]any), withoutSchema("X-Filter", "header"))
		}, "header parameters need a schema"},
		"path without a schema": {func(operation map[string]any) {
			for _, p := range operation["parameters"].([]any) {
				p := p.(map[string]any)
				delete(p, "schema")
				maps.Copy(p, withoutSchema(p["name"].(string), "path"))
			}
		}, "path parameters need a schema"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract := changedContract(t, test.change)
			_, err := source(t, contract)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// withoutSchema returns a parameter with media types, and without a schema.
func withoutSchema(name, in string) map[string]any {
	return map[string]any{"name": name, "in": in, "required": true, "content": map[string]any{
		"application/json": map[string]any{"schema": map[string]any{"type": "object"}},
	}}
}

// A format that the vendor adds must not change the Go API.
func TestFormatsDoNotChangeTheCode(t *testing.T) {
	t.Parallel()
	formats := map[string][]string{
		"string":  {"date", "date-time", "byte", "binary", "uuid", "email", "duration", "json", "ipv4", "uri", "password", "of-the-vendor"},
		"integer": {"int32", "int64", "int8", "uint", "uint64"},
		"number":  {"float", "double", "decimal"},
	}
	contract := committedContract(t)
	schemas := spec.Child(contract["components"], "schemas")
	all := spec.Object{} // has a member for each format
	for kind, names := range formats {
		for i := range names {
			all[fmt.Sprint(kind, i)] = spec.Object{"type": kind}
		}
	}
	schemas["All"] = spec.Object{"type": "object", "properties": all}
	plain, err := source(t, contract)
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]int{}
	err = spec.Visit(schemas, spec.Names, "", func(o spec.Object, _ string) error {
		kind, _ := o["type"].(string)
		if names := formats[kind]; names != nil {
			o["format"] = names[given[kind]%len(names)]
			given[kind]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	formatted, err := source(t, contract)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(plain), string(formatted)); diff != "" {
		t.Errorf("(-without +with formats)\n%s", diff)
	}
	for kind, names := range formats {
		if given[kind] < len(names) {
			t.Errorf("%d formats of a %s given: the comparison shows nothing", given[kind], kind)
		}
	}
}
