package spec

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const operationsList = `operations:
  - name: listThings
    method: GET
    path: /accounts/{account_id}/things
    document: things.json
    noun: Thing
    query: [page]
    names: {"result[].part": ThingPart}
    permission: "Account: Things Read"
  - name: deleteThing
    method: DELETE
    path: /accounts/{account_id}/things/{thing_id}
    document: thing.json
    noun: Thing
    permission: "Account: Things Write"
`

func TestOperationsAreReadInTheirOrder(t *testing.T) {
	t.Parallel()
	got, err := ReadOperations(fstest.MapFS{OperationsFile: {Data: []byte(operationsList)}})
	if err != nil {
		t.Fatal(err)
	}
	want := Operations{
		{Name: "listThings", Method: "GET", Path: "/accounts/{account_id}/things", Document: "things.json", Noun: "Thing",
			Query: []string{"page"}, Names: map[string]string{"result[].part": "ThingPart"}, Permission: "Account: Things Read"},
		{Name: "deleteThing", Method: "DELETE", Path: "/accounts/{account_id}/things/{thing_id}", Document: "thing.json", Noun: "Thing",
			Permission: "Account: Things Write"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"account_id", "thing_id"}, PathParameters(got[1].Path)); diff != "" {
		t.Errorf("parameters (-want +got)\n%s", diff)
	}
	if got := got[1].Title(); got != "DELETE /accounts/{account_id}/things/{thing_id}" {
		t.Errorf("title %q", got)
	}
	if _, err := ReadOperations(fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), OperationsFile) {
		t.Errorf("without a list: error %v, want one that names the file", err)
	}
}

func TestInvalidOperationsAreRefused(t *testing.T) {
	t.Parallel()
	const second = "operation 2 (deleteThing): "
	tests := map[string]struct{ old, new, want string }{
		"nothing":                  {operationsList, "", "EOF"},
		"no operations":            {operationsList, "operations: []", "no operations"},
		"not a list":               {operationsList, "operations: {a: b}", "cannot unmarshal"},
		"two documents":            {operationsList, operationsList + "---\noperations: []\n", "more than one YAML document"},
		"unknown member":           {"noun: Thing", "nuon: Thing", "field nuon not found"},
		"unknown root member":      {"operations:", "more: 1\noperations:", "field more not found"},
		"member twice":             {"    noun: Thing\n", "    noun: Thing\n    noun: Thing\n", "already"},
		"no name":                  {"name: listThings", "name: ''", "operation 1 (): name: want letters"},
		"name that Go exports":     {"name: listThings", "name: ListThings", "name: want letters"},
		"name with a hyphen":       {"name: listThings", "name: list-things", "name: want letters"},
		"method in small letters":  {"method: GET", "method: get", `method "get": want an HTTP method in capital letters`},
		"unknown method":           {"method: GET", "method: FETCH", `method "FETCH"`},
		"no method":                {"    method: GET\n", "", `method ""`},
		"no path":                  {"path: /accounts/{account_id}/things\n", "path: ''\n", `path "": want segments`},
		"path without a slash":     {"path: /accounts/{account_id}/things\n", "path: things\n", "want segments"},
		"slash at the end":         {"path: /accounts/{account_id}/things\n", "path: /things/\n", "want segments"},
		"parameter within a text":  {"path: /accounts/{account_id}/things\n", "path: /things/a{b}\n", "want segments"},
		"parameter without a name": {"path: /accounts/{account_id}/things\n", "path: /things/{}\n", "want segments"},
		"parameter twice":          {"things/{thing_id}", "things/{account_id}", second + `path "/accounts/{account_id}/things/{account_id}": a parameter occurs twice`},
		"no document":              {"document: things.json", "document: ''", `document ""`},
		"document in a folder":     {"document: things.json", "document: ../things.json", `document "../things.json"`},
		"document of another kind": {"document: things.json", "document: things.yaml", "want the name of a .json file"},
		"no noun":                  {"    noun: Thing\n    query", "    query", `noun ""`},
		"noun that is no Go name":  {"noun: Thing\n    query", "noun: a thing\n    query", "want a Go name"},
		"no permission":            {"    permission: \"Account: Things Read\"\n", "", `permission ""`},
		"permission without scope": {"Account: Things Read", "Things Read", `permission "Things Read": want Account or Zone`},
		"permission without verb":  {"Account: Things Read", "Account: Things", `permission "Account: Things"`},
		"permission by its id":     {"Account: Things Read", "#things:read", `permission "#things:read"`},
		"two permissions":          {"Account: Things Read", "Account: Things Read, Zone: Things Read", `permission "Account: Things Read, Zone: Things Read"`},
		"invalid object name":      {"ThingPart", "thing part", `names: result[].part: "thing part" is not a Go name`},
		"name twice":               {"name: deleteThing", "name: listThings", "operation 2 (listThings): listThings occurs twice"},
		"document twice":           {"thing.json", "things.json", second + "things.json occurs twice"},
		"operation twice": {"DELETE\n    path: /accounts/{account_id}/things/{thing_id}", "GET\n    path: /accounts/{other}/things",
			second + "GET /accounts/{}/things occurs twice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(operationsList, tt.old) {
				t.Fatalf("%q is not in the list", tt.old)
			}
			_, err := ReadOperations(fstest.MapFS{OperationsFile: {Data: []byte(strings.Replace(operationsList, tt.old, tt.new, 1))}})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), OperationsFile+": ") {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

const foundDocument = `openapi: 3.0.3
paths:
  /accounts/{acct}/things: {get: {operationId: list}, post: {operationId: make}}
  /accounts/{a}/things/{b}: {delete: {operationId: drop}}
  /accounts/{a}/things/{b}/parts: {get: {operationId: parts}}
  /accounts/{account_id}/things/{thing_id}/parts: {put: {operationId: set}}
`

// operation returns an entry of a list.
func operation(method, path string) Operation { return Operation{Method: method, Path: path} }

func TestFindIgnoresTheNamesOfPathParameters(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		operation  Operation
		id, path   string // of what is found
		parameters []string
	}{
		"other names":                {operation("GET", "/accounts/{account_id}/things"), "list", "/accounts/{acct}/things", []string{"acct"}},
		"second method of the path":  {operation("POST", "/accounts/{account_id}/things"), "make", "/accounts/{acct}/things", []string{"acct"}},
		"path of two parameters":     {operation("DELETE", "/accounts/{account_id}/things/{thing_id}"), "drop", "/accounts/{a}/things/{b}", []string{"a", "b"}},
		"method of another template": {operation("PUT", "/accounts/{account_id}/things/{thing_id}/parts"), "set", "/accounts/{account_id}/things/{thing_id}/parts", []string{"account_id", "thing_id"}},
		"names in another order":     {operation("GET", "/accounts/{b}/things/{a}/parts"), "parts", "/accounts/{a}/things/{b}/parts", []string{"a", "b"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := tt.operation.Find(decoded(t, foundDocument))
			if err != nil {
				t.Fatal(err)
			}
			if found.Operation["operationId"] != tt.id || found.Path != tt.path || found.Method != strings.ToLower(tt.operation.Method) {
				t.Errorf("found %v at %s", found.Operation, found.Title())
			}
			if _, ok := found.Item[found.Method]; !ok {
				t.Errorf("the path item is %v", found.Item)
			}
			if diff := cmp.Diff(tt.parameters, PathParameters(found.Path)); diff != "" {
				t.Errorf("parameters (-want +got)\n%s", diff)
			}
		})
	}
}

func TestFindRefusesMissingAndAmbiguousPaths(t *testing.T) {
	t.Parallel()
	list := operation("GET", "/accounts/{account_id}/things")
	tests := map[string]struct {
		operation Operation
		doc       string
		notFound  bool
		want      string
	}{
		"no paths":               {list, "openapi: 3.0.3\n", true, "/paths: the operation GET /accounts/{account_id}/things is not"},
		"empty paths":            {list, "paths: {}\n", true, "/paths: the operation GET"},
		"another path":           {list, "paths: {/x: {}}\n", true, "/paths: the operation GET /accounts/{account_id}/things is not in the document"},
		"slash at the end":       {list, "paths: {'/accounts/{a}/things/': {get: {}}}\n", true, "is not in the document"},
		"a text for a parameter": {list, "paths: {/accounts/me/things: {get: {}}}\n", true, "is not in the document"},
		"another method":         {list, "paths: {'/accounts/{a}/things': {post: {}}}\n", true, "/paths/~1accounts~1{a}~1things: no GET: the operation"},
		"two paths without it":   {list, "paths: {'/accounts/{a}/things': {put: {}}, '/accounts/{b}/things': {post: {}}}\n", true, "/paths: the operation GET"},
		"twice":                  {list, "paths: {'/accounts/{a}/things': {get: {}}, '/accounts/{b}/things': {get: {}}}\n", false, "occurs 2 times: /accounts/{a}/things, /accounts/{b}/things"},
		"not an object":          {list, "paths: {'/accounts/{a}/things': 5}\n", false, "/paths/~1accounts~1{a}~1things: not an object"},
		"reference":              {list, "paths: {'/accounts/{a}/things': {$ref: '#/x'}}\nx: {get: {}}\n", false, "/paths/~1accounts~1{a}~1things/$ref: a path item by reference is not supported"},
		"reference and more":     {list, "paths: {'/accounts/{a}/things': {$ref: '#/x', get: {}}}\nx: {get: {}}\n", false, "a path item by reference is not supported"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.operation.Find(decoded(t, tt.doc))
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, ErrNotFound) != tt.notFound {
				t.Errorf("error %v, want %q, ErrNotFound %t", err, tt.want, tt.notFound)
			}
		})
	}
}

// decoded decodes the text of a document.
func decoded(t *testing.T, text string) Object {
	t.Helper()
	doc, err := Decode("doc", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// The vendor's names of permissions may have a group before a colon, and commas.
func TestPermissionsAreNamedAsOnTheVendorsPage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Things Read", "Access: Mutual TLS Certificates Write", "Access: Organizations, Identity Providers, and Groups Read", "IP Prefixes: BGP On Demand Read"} {
		list := strings.Replace(operationsList, "Account: Things Read", "Account: "+name, 1)
		ops, err := ReadOperations(fstest.MapFS{OperationsFile: {Data: []byte(list)}})
		if err != nil || ops[0].Permission != "Account: "+name {
			t.Errorf("%s: %+v, error %v", name, ops, err)
		}
	}
}
