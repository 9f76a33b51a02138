package apispec_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

// fixedContract returns a fixed version of the contract, so that these tests do not
// depend on the vendor's changes.
func fixedContract(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestContractOfTheModuleLoads(t *testing.T) {
	t.Parallel()
	doc, err := apispec.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range doc.Operations {
		if op.Schema(200) == nil || op.Schema(404) == nil {
			t.Errorf("%s has no schema for a success, or none for a failure", op.ID)
		}
		path := strings.NewReplacer("{", "", "}", "").Replace(op.Path)
		req := &http.Request{Method: op.Method, URL: &url.URL{Path: doc.BasePath + path}}
		if got, params := doc.Match(req, doc.BasePath); got != op || len(params) != strings.Count(op.Path, "{") {
			t.Errorf("%s %s: matches %v with %v", op.Method, path, got, params)
		}
	}
}

// The contract lists these values in x-known-values. Some are not the example of their
// schema, so the list itself must have been read.
func TestKnownValuesComeFromTheContract(t *testing.T) {
	t.Parallel()
	doc, err := apispec.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ operation, place, value string }{
		{"listMTLSCertificateAssociations", "/result/*/service", "gateway"},
		{"listMTLSCertificateAssociations", "/result/*/status", "active"},
		{"listMTLSCertificateAssociations", "/result/*/status", "pending_deployment"},
		{"listMTLSCertificates", "/result/*/type", "gateway_managed"},
		{"getMTLSCertificate", "/result/type", "access_managed"},
		{"uploadMTLSCertificate", "/result/type", "custom"},
		{"deleteMTLSCertificate", "/result/type", "custom"},
	} {
		if known := doc.Known[apispec.Place(tt.operation, tt.place)]; !slices.Contains(known, tt.value) {
			t.Errorf("%s %s: %q is not among %q", tt.operation, tt.place, tt.value, known)
		}
	}
}

func TestRequestIsMatchedAsSent(t *testing.T) {
	t.Parallel()
	text := func(path string) string {
		return `"` + path + `": {"get": {"operationId": "` + path + `", "responses": {"200": {"description": "r"}}, "parameters": [` +
			map[bool]string{true: `{"in": "path", "name": "x", "required": true, "schema": {"type": "string"}}`}[strings.Contains(path, "{")] + `]}}`
	}
	doc, err := apispec.Parse([]byte(`{"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "servers": [{"url": "https://example.com/base"}], "paths": {` +
		strings.Join([]string{text("/a/{x}"), text("/a/b"), text("/a/{x}/c"), text("/a/zz")}, ",") + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ method, path, want, x string }{
		{"GET", "/base/a/b", "/a/b", ""},
		{"", "/base/a/zz", "/a/zz", ""},
		{"GET", "/base/a/q", "/a/{x}", "q"},
		{"GET", "/base/a/b%2Fc", "/a/{x}", "b/c"},
		{"GET", "/base/a/b/c", "/a/{x}/c", "b"},
		{"GET", "/base/a/", "", ""},
		{"GET", "/base/a/b/", "", ""},
		{"GET", "/a/b", "", ""},
		{"POST", "/base/a/b", "", ""},
		{"HEAD", "/base/a/b", "", ""},
	} {
		target, err := url.Parse(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		op, params := doc.Match(&http.Request{Method: tt.method, URL: target}, doc.BasePath)
		if op != nil {
			got = op.Path
		}
		if got != tt.want || params["x"] != tt.x {
			t.Errorf("%s %s: %q with %v", tt.method, tt.path, got, params)
		}
	}
}

func TestInvalidDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	whole := fixedContract(t)
	change := func(old, with string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("%s is not in the contract", old)
		}
		return strings.Replace(whole, old, with, 1)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"not JSON":           {"{", "read the OpenAPI document"},
		"dangling reference": {change(`"Association": {`, `"Elsewhere": {`), "read the OpenAPI document"},
		"not OpenAPI":        {`{"openapi":"3.0.3"}`, "the OpenAPI document"},
		"no server":          {change(`"servers": [`, `"x-servers": [`), "no server"},
		"no operation":       {whole[:strings.Index(whole, `"paths":`)] + `"paths": {}, "servers": [{"url": "/"}]}`, "no operation"},
		"no operation id":    {change(`"operationId": "listMTLSCertificateAssociations",`, ``), "has no operationId"},
	} {
		if _, err := apispec.Parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := apispec.Parse([]byte(whole)); err != nil {
		t.Error(err)
	}
}

// The vendor's patterns are those of JavaScript. Go lacks some of their syntax.
func TestPatternsThatGoLacksAreLeftOut(t *testing.T) {
	t.Parallel()
	whole := fixedContract(t)
	for pattern, want := range map[string]string{`^[0-9a-f-]+$`: `^[0-9a-f-]+$`, `^\\u0061`: `^\u0061`, `^(?!0)`: "", `(?<=a)b`: ""} {
		doc, err := apispec.Parse([]byte(strings.Replace(whole, `"maxLength": 64,`, `"maxLength": 64, "pattern": "`+pattern+`",`, 1)))
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		id := doc.Operation("uploadMTLSCertificate").Schema(200).Value.Properties["result"].Value.Properties["id"].Value
		if id.Pattern != want || id.MaxLength == nil {
			t.Errorf("%s: %q, want %q", pattern, id.Pattern, want)
		}
	}
}

func TestFirstOfManyServersSetsTheBasePath(t *testing.T) {
	t.Parallel()
	whole := fixedContract(t)
	for name, tt := range map[string]struct{ old, with, want string }{
		"another before": {`"servers": [`, `"servers": [{"url": "https://example.com/before"},`, "/before"},
		"another after":  {`client/v4"`, `client/v4"}, {"url": "https://example.com/after"`, "/client/v4"},
	} {
		doc, err := apispec.Parse([]byte(strings.Replace(whole, tt.old, tt.with, 1)))
		if err != nil || doc.BasePath != tt.want || len(doc.Operations[0].Spec.Servers) != 2 {
			t.Errorf("%s: %+v, %v", name, doc, err)
		}
	}
}

func TestDecodeKeepsTheDigitsOfNumbers(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"a":[9007199254740993,1.50,{"b":-0}],"c":"x"}`, `1e30`} {
		value, err := apispec.Decode([]byte(text))
		again, _ := json.Marshal(value)
		if err != nil || string(again) != text {
			t.Errorf("%s became %s, %v", text, again, err)
		}
	}
	for _, text := range []string{``, `1e999`, `{"a":1,"a":2}`, "\"\xff\"", `{} {}`} {
		if value, err := apispec.Decode([]byte(text)); err == nil {
			t.Errorf("%q became %v", text, value)
		}
	}
}
