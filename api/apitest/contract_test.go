package apitest_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

// schemas are the schemas of a contract that a test changes.
type schemas struct {
	row, success, failure, info, certificate *openapi3.Schema
	paths                                    *openapi3.Paths
}

// withContract runs the rest of the test with a fixed version of the contract,
// modified by change. Such a test cannot be parallel.
func withContract(t *testing.T, change func(schemas)) {
	t.Helper()
	text, err := os.ReadFile("../internal/apispec/testdata/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	of := func(name string) *openapi3.Schema { return doc.Components.Schemas[name].Value }
	change(schemas{of("Association"), of("AssociationsResponse"), of("FailureResponse"), of("ResponseInfo"), of("Certificate"), doc.Paths})
	if text, err = doc.MarshalJSON(); err != nil {
		t.Fatal(err)
	}
	parsed, err := apispec.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	load := apispec.Load
	apispec.Load = func() (*apispec.Document, error) { return parsed, nil }
	t.Cleanup(func() { apispec.Load = load })
}

// requireProperty makes schema require a property.
func requireProperty(schema *openapi3.Schema, name string, property *openapi3.Schema) {
	schema.Properties[name] = openapi3.NewSchemaRef("", property)
	schema.Required = append(schema.Required, name)
}

// documented lists the documented responses with their bodies under the fixed contract.
var documented = []struct {
	name     string
	response func() apitest.Response
	body     string
}{
	{"unused", apitest.NoAssociations, `{"errors":[],"messages":[],"success":true,"result":[],"result_info":{"count":0,"page":1,"per_page":20,"total_count":0,"total_pages":1}}`},
	{"in use", func() apitest.Response { return apitest.Associations(gateway, api.Association{Service: "<&>\u2028"}) },
		`{"errors":[],"messages":[],"success":true,"result":[{"service":"gateway","status":"active"},{"service":"<&>` + "\u2028" + `"}],` +
			`"result_info":{"count":2,"page":1,"per_page":20,"total_count":2,"total_pages":1}}`},
	{"row without members", func() apitest.Response { return apitest.Associations(api.Association{}) },
		`{"errors":[],"messages":[],"success":true,"result":[{}],"result_info":{"count":1,"page":1,"per_page":20,"total_count":1,"total_pages":1}}`},
	{"partial", func() apitest.Response { return apitest.PartialAssociations(2000, gateway) },
		`{"errors":[],"messages":[],"success":true,"result":[{"service":"gateway","status":"active"}],"result_info":{"count":1,"page":1,"per_page":1,"total_count":2000,"total_pages":2000}}`},
	{"no result", apitest.NoResult, `{"errors":[],"messages":[],"success":true}`},
	{"failure", func() apitest.Response {
		return apitest.Failure(400, api.ErrorDetail{
			Code: 6003, Message: "m", DocumentationURL: "u", Pointer: "/p", Chain: []api.ErrorDetail{{Code: 6111, Message: "n"}},
		})
	}, `{"errors":[{"code":6003,"message":"m","documentation_url":"u","source":{"pointer":"/p"},"error_chain":[{"code":6111,"message":"n"}]}],"messages":[],"success":false,"result":null}`},
	{"failure without details", func() apitest.Response { return apitest.Failure(418) }, `{"errors":[],"messages":[],"success":false,"result":null}`},
	{"unauthorized", apitest.Unauthorized, `{"errors":[{"code":10000,"message":"Authentication error"}],"messages":[],"success":false,"result":null}`},
	{"forbidden", apitest.Forbidden, `{"errors":[{"code":10000,"message":"Authentication error","documentation_url":"https://developers.cloudflare.com/fundamentals/api/reference/permissions/"}],"messages":[],"success":false,"result":null}`},
	{"not found", apitest.NotFound, `{"errors":[{"code":7003,"message":"No route for the URI"}],"messages":[],"success":false,"result":null}`},
	{"rate limited", func() apitest.Response { return apitest.RateLimited(time.Second) },
		`{"errors":[{"code":971,"message":"Please wait and consider throttling your request speed"}],"messages":[],"success":false,"result":null}`},
}

func TestDocumentedResponsesHaveTheDocumentedMembers(t *testing.T) {
	withContract(t, func(schemas) {})
	server := newServer(t)
	for _, tt := range documented {
		script(t, server, tt.response())
		if _, body, err := send(t, server, "GET", associationsPath, "", authorized); err != nil || body != tt.body {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.name, err, body, tt.body)
		}
	}
}

func TestResponsesMatchAContractThatRequiresMore(t *testing.T) {
	text := openapi3.NewStringSchema
	for name, change := range map[string]func(schemas){
		"member of a row": func(s schemas) { requireProperty(s.row, "hostname", text()) },
		"time of a row":   func(s schemas) { requireProperty(s.row, "since", text().WithFormat("date-time")) },
		"object with a member": func(s schemas) {
			requireProperty(s.row, "zone", openapi3.NewObjectSchema().WithProperty("id", text()).WithRequired([]string{"id"}))
		},
		"list of an enumeration": func(s schemas) {
			requireProperty(s.row, "kinds", openapi3.NewArraySchema().WithItems(text().WithEnum("a", "b")).WithMinItems(1))
		},
		"member of the envelope": func(s schemas) {
			requireProperty(s.success, "request_id", text())
			requireProperty(s.failure, "request_id", text())
		},
		"member of errors": func(s schemas) { requireProperty(s.info, "level", openapi3.NewIntegerSchema().WithMin(3)) },
		"all optional members": func(s schemas) {
			s.row.Required = []string{"service", "status"}
			s.info.Required = append(s.info.Required, "documentation_url", "source")
			s.info.Properties["source"].Value.Required = []string{"pointer"}
			requireProperty(s.info, "error_chain", openapi3.NewArraySchema().WithItems(openapi3.NewObjectSchema()))
		},
		"result": func(s schemas) { s.success.Required = append(s.success.Required, "result") },
	} {
		t.Run(name, func(t *testing.T) {
			withContract(t, change)
			server := newServer(t)
			for _, tt := range documented {
				if err := server.Script(apitest.AssociationsOf(cert), tt.response()); err != nil {
					t.Errorf("%s: %v", tt.name, err)
				}
			}
		})
	}
}

// Members of an association that the caller leaves empty stay empty, even if the
// contract requires them.
func TestMembersOfTheCallerGetNoSamples(t *testing.T) {
	withContract(t, func(s schemas) {
		s.row.Required = []string{"service", "status"}
		requireProperty(s.row, "hostname", openapi3.NewStringSchema())
	})
	server := newServer(t)
	want := []api.Association{gateway, {Service: "access"}, {Status: "active"}, {}}
	if err := server.SetAssociations(cert, want...); err != nil {
		t.Fatal(err)
	}
	list, err := newClient(t, server).Associations(t.Context(), cert)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, list.Associations); diff != "" {
		t.Errorf("(-set +got):\n%s", diff)
	}
	script(t, server, apitest.NoResult())
	if list, err := newClient(t, server).Associations(t.Context(), cert); err == nil {
		t.Errorf("no error for a success without a result: %+v", list)
	}
}

func TestJSONIsCheckedAgainstAContractThatRequiresMore(t *testing.T) {
	withContract(t, func(s schemas) { requireProperty(s.row, "hostname", openapi3.NewStringSchema()) })
	incomplete := apitest.JSON(200, `{"errors":[],"messages":[],"success":true,"result":[{"service":"gateway"}]}`)
	if err := newServer(t).Script(apitest.AssociationsOf(cert), incomplete); err == nil {
		t.Error("a row without the required member was accepted")
	}
}

// Responses from the store get required members too.
func TestStoreMatchesAContractThatRequiresMore(t *testing.T) {
	withContract(t, func(s schemas) {
		requireProperty(s.certificate, "fingerprint", openapi3.NewStringSchema())
		requireProperty(s.row, "hostname", openapi3.NewStringSchema())
	})
	server := newServer(t)
	if err := errors.Join(server.AddCertificate(cert, apitest.Certificate{Name: "n"}), server.SetAssociations(cert, gateway)); err != nil {
		t.Fatal(err)
	}
	for path, member := range map[string]string{"": "fingerprint", "/" + cert.ID + "/associations": "hostname"} {
		if got := sendValid(t, server, "GET", "/mtls_certificates"+path, ""); got.Status != 200 || memberOf(got.Result, member)[0] != "sample" {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

func TestServerRefusesAContractThatItCannotServe(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(schemas)
		want   string
	}{
		"unknown operation": {func(s schemas) {
			s.paths.Value("/accounts/{account_id}/pages/projects").Get.OperationID = "listPagesSites"
		}, "the server does not implement the operation listPagesSites of the contract: add it to handlers in api/apitest/operations.go"},
		"failures with an integer as success": {func(s schemas) {
			s.failure.Properties["success"] = openapi3.NewSchemaRef("", openapi3.NewIntegerSchema())
		}, "at /success"},
		"lists that must have items": {func(s schemas) {
			success := s.paths.Value("/accounts/{account_id}/pages/projects").Get.Responses.Status(200).Value
			success.Content.Get("application/json").Schema.Value.Properties["result"].Value.MinItems = 1
		}, "at /result"},
	} {
		t.Run(name, func(t *testing.T) {
			withContract(t, tt.change)
			server, err := apitest.NewServer()
			server.Close()
			if err == nil || !strings.HasPrefix(err.Error(), "apitest: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	load := apispec.Load
	apispec.Load = func() (*apispec.Document, error) { return nil, errors.New("contract: broken") }
	t.Cleanup(func() { apispec.Load = load })
	if _, err := apitest.NewServer(); err == nil || err.Error() != "apitest: contract: broken" {
		t.Errorf("error %v, want that of Load", err)
	}
}

func TestValuesOfAnOperationThatTheContractLostAreRefused(t *testing.T) {
	withContract(t, func(s schemas) { s.paths.Delete("/accounts/{account_id}/pages/projects") })
	server := newServer(t)
	err := server.AddPagesProject(cert.AccountID, apitest.PagesProject{Name: "shop"})
	if err == nil || !strings.Contains(err.Error(), `no operation "listPagesProjects"`) {
		t.Errorf("error %v, want a missing operation", err)
	}
}
