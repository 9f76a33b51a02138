package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/api/contract"
	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
	"github.com/certuse/cloudflare-mtls/tests/internal/certs"
	"github.com/certuse/cloudflare-mtls/tests/internal/jsongen"
)

// arguments are the inputs of requests of all operations.
type arguments struct {
	account, certificate, zone, script, pem string
	page                                    float64
}

// operation is a row of the table of operations: a request as the generated client
// builds it, and the generated type of a success.
type operation struct {
	request  func(server string, a arguments) (*http.Request, error)
	response func() strictjson.Object
}

var operations = map[string]operation{
	"listMTLSCertificateAssociations": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewListMTLSCertificateAssociationsRequest(server, a.account, a.certificate)
	}, func() strictjson.Object { return new(generated.AssociationsResponse) }},
	"listMTLSCertificates": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewListMTLSCertificatesRequest(server, a.account,
			&generated.ListMTLSCertificatesParams{Type: []string{"custom", "gateway_managed"}, Page: a.page, PerPage: 50})
	}, func() strictjson.Object { return new(generated.CertificatesResponse) }},
	"getMTLSCertificate": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewGetMTLSCertificateRequest(server, a.account, a.certificate)
	}, func() strictjson.Object { return new(generated.CertificateResponse) }},
	"uploadMTLSCertificate": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewUploadMTLSCertificateRequest(server, a.account,
			generated.CertificateRequest{Ca: true, Certificates: a.pem, Name: "n", PrivateKey: "k"})
	}, func() strictjson.Object { return new(generated.CertificateResponse) }},
	"deleteMTLSCertificate": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewDeleteMTLSCertificateRequest(server, a.account, a.certificate)
	}, func() strictjson.Object { return new(generated.CertificateResponse) }},
	"listHostnameAssociations": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewListHostnameAssociationsRequest(server, a.zone, new(generated.ListHostnameAssociationsParams))
	}, func() strictjson.Object { return new(generated.HostnameAssociationsResponse) }},
	"listZones": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewListZonesRequest(server, &generated.ListZonesParams{AccountID: a.account, Page: a.page, PerPage: 50})
	}, func() strictjson.Object { return new(generated.ZonesResponse) }},
	"listWorkers": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewListWorkersRequest(server, a.account)
	}, func() strictjson.Object { return new(generated.WorkersResponse) }},
	"getWorkerSettings": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewGetWorkerSettingsRequest(server, a.account, a.script)
	}, func() strictjson.Object { return new(generated.WorkerSettingsResponse) }},
	"listPagesProjects": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewListPagesProjectsRequest(server, a.account, &generated.ListPagesProjectsParams{Page: a.page})
	}, func() strictjson.Object { return new(generated.PagesProjectsResponse) }},
	"listHyperdriveConfigs": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewListHyperdriveConfigsRequest(server, a.account)
	}, func() strictjson.Object { return new(generated.HyperdriveConfigsResponse) }},
	"getGatewayConfiguration": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewGetGatewayConfigurationRequest(server, a.account)
	}, func() strictjson.Object { return new(generated.GatewayConfigurationResponse) }},
	"listDevicePostureRules": {func(server string, a arguments) (*http.Request, error) {
		return generated.NewListDevicePostureRulesRequest(server, a.account)
	}, func() strictjson.Object { return new(generated.PostureRulesResponse) }},
}

func TestEveryOperationOfTheContractHasARow(t *testing.T) {
	t.Parallel()
	want := slices.Sorted(maps.Keys(readOperations(t)))
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(operations))); diff != "" {
		t.Errorf("(-contract +table):\n%s", diff)
	}
}

func TestEveryRequestOfTheGeneratedClientMatchesTheContract(t *testing.T) {
	t.Parallel()
	routes := router(t, baseURLs...)
	rapid.Check(t, func(t *rapid.T) {
		id, op := drawOperation(t)
		base := rapid.SampledFrom(baseURLs).Draw(t, "base URL")
		req, err := op.request(base, arguments{
			account:     rapid.StringMatching(`[0-9A-Za-z_-]{1,32}`).Draw(t, "account"),
			certificate: rapid.StringMatching(`[0-9A-Za-z_-]{1,64}`).Draw(t, "certificate"),
			zone:        rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, "zone"),
			script:      rapid.StringMatching(`[a-z0-9_][a-z0-9_-]{0,60}`).Draw(t, "script"),
			pem:         rapid.String().Draw(t, "PEM"),
			page:        float64(rapid.Int64Range(0, 1<<50).Draw(t, "page")),
		})
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer t0ken")
		if err := validRequest(routes, req.Clone(t.Context())); err != nil {
			t.Errorf("%s: %s %s: %v", id, req.Method, req.URL, err)
		}
		path, _, _ := strings.Cut(req.URL.Path, "/accounts/")
		path, _, _ = strings.Cut(path, "/zones")
		if vs, err := contract.CheckRequest(req, contract.WithBasePath(path)); err != nil || len(vs) > 0 {
			t.Errorf("%s: %s %s: %v %v", id, req.Method, req.URL, vs, err)
		}
	})
}

// drawOperation draws a row of the table.
func drawOperation(t *rapid.T) (string, operation) {
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(operations))).Draw(t, "operation")
	return id, operations[id]
}

// newFilled returns a server with data for every operation, and matching arguments.
func newFilled(t *testing.T) (*apitest.Server, arguments) {
	t.Helper()
	server, err := apitest.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	a := arguments{account: cert.AccountID, certificate: cert.ID, zone: "023e105f4ecef8ad9ca31a8372d0c353", script: "checkout", pem: string(certs.NewAuthority(t).PEM())}
	bindings := map[string]string{"CERT": "60c7c1bc-6a01-4b5e-8c5f-1d3f0a2b9c4d"}
	if err := errors.Join(
		server.AddCertificate(cert, apitest.Certificate{Name: "n", ExpiresOn: time.Unix(0, 0), UploadedOn: time.Unix(0, 1000)}),
		server.SetAssociations(cert),
		server.AddZone(a.account, apitest.Zone{ID: a.zone, Name: "example.com"}),
		server.SetHostnames(a.zone, "", "api.example.com"),
		server.AddWorker(a.account, apitest.Worker{Name: a.script, Certificates: bindings}),
		server.AddPagesProject(a.account, apitest.PagesProject{Name: "shop", Production: bindings}),
		server.AddHyperdriveConfig(a.account, apitest.HyperdriveConfig{ID: "h", CertificateID: bindings["CERT"]}),
		server.SetGateway(a.account, apitest.Gateway{CertificateID: bindings["CERT"]}),
		server.AddPostureRule(a.account, apitest.PostureRule{ID: "r", CertificateID: bindings["CERT"]}),
	); err != nil {
		t.Fatal(err)
	}
	return server, a
}

// kin-openapi accepts the successes and failures of the fake server for every
// operation.
func TestEveryOperationOfTheFakeServerMatchesTheContract(t *testing.T) {
	t.Parallel()
	right := http.Header{"Authorization": {"Bearer " + apitest.DefaultAPIToken}}
	unknown := arguments{account: "unknown", certificate: "unknown", zone: "unknown", script: "unknown", pem: "no PEM"}
	for id, op := range operations {
		server, known := newFilled(t)
		routes := router(t, server.URL())
		expect := func(name string, want int, header http.Header, a arguments) {
			t.Helper()
			req, err := op.request(server.URL(), a)
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(req.Header, header)
			if status, err := validResponse(t, routes, req); err != nil || status != want {
				t.Errorf("%s, %s: status %d, want %d: %v", id, name, status, want, err)
			}
		}
		notFound := map[string]int{"listZones": 200, "uploadMTLSCertificate": 400}[id]
		if notFound == 0 {
			notFound = 404
		}
		expect("unknown", notFound, right, unknown)
		expect("no credentials", 400, nil, known)
		expect("wrong credentials", 401, http.Header{"Authorization": {"Bearer x"}}, known)
		if err := server.Script(apitest.Target{Operation: id}, apitest.NoResult(), apitest.RateLimited(time.Minute), apitest.Failure(418)); err != nil {
			t.Error(err)
		}
		for i, status := range []int{200, 429, 418} {
			expect([]string{"no result", "rate limited", "failure"}[i], status, right, known)
		}
		if err := server.SetForbidden(id); err != nil {
			t.Error(err)
		}
		expect("forbidden", 403, right, known)
		if err := server.SetForbidden(); err != nil {
			t.Error(err)
		}
		expect("success", 200, right, known)
	}
}

// validResponse sends a request and checks the response against the contract with
// kin-openapi alone.
func validResponse(t *testing.T, routes routers.Router, req *http.Request) (status int, err error) {
	t.Helper()
	route, params, err := routes.FindRoute(req)
	if err != nil {
		return 0, err
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err
	}
	return resp.StatusCode, openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	})
}

// A response that matches the contract keeps every declared member when the generated
// types decode it.
func TestNoDeclaredMemberIsLostInAnyOperation(t *testing.T) {
	t.Parallel()
	contract := readOperations(t)
	rapid.Check(t, func(t *rapid.T) {
		id, op := drawOperation(t)
		schema, err := contract[id].Schema(200)
		if err != nil {
			t.Fatal(err)
		}
		document := jsongen.Document(schema, jsongen.Options{Exact: true, Extra: []string{"tier", "trace"}}).Filter(func(drawn any) bool {
			return schema.VisitJSON(drawn, openapi3.VisitAsResponse()) == nil
		}).Draw(t, "document")
		body, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		want := essence(schema, decoded(t, body))
		for name, decode := range map[string]func([]byte, strictjson.Object) error{
			"encoding/json": func(body []byte, v strictjson.Object) error { return json.Unmarshal(body, v) },
			"strictjson": func(body []byte, v strictjson.Object) error {
				misfits, err := strictjson.Unmarshal(body, v, nil)
				if err == nil && len(misfits) > 0 {
					return misfits[0]
				}
				return err
			},
		} {
			response := op.response()
			if err := decode(body, response); err != nil {
				t.Fatalf("%s, %s: %s: %v", id, name, body, err)
			}
			again, err := json.Marshal(response)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, essence(schema, decoded(t, again))); diff != "" {
				t.Errorf("%s, %s: %s (-want +got):\n%s", id, name, body, diff)
			}
		}
	})
}

func decoded(t *rapid.T, body []byte) (value any) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// essence returns the value without members that the schema does not declare, and
// without zero values, which most generated types cannot distinguish from absent ones.
func essence(schema *openapi3.Schema, value any) any {
	switch v := value.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = essence(schema.Items.Value, item)
		}
		if len(out) > 0 {
			return out
		}
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			if property := schema.Properties[name]; property != nil {
				if kept := essence(property.Value, member); kept != nil {
					out[name] = kept
				}
			} else if schema.AdditionalProperties.Schema != nil {
				out[name] = essence(schema.AdditionalProperties.Schema.Value, member)
			}
		}
		if len(out) > 0 {
			return out
		}
	case json.Number:
		if v != "0" {
			return v
		}
	case string:
		if v != "" {
			return v
		}
	case bool:
		if v {
			return v
		}
	}
	return nil
}

// CheckResponse reports every response that the client refuses, except a success
// without a result, which the contract allows.
func TestWhatTheClientRefusesIsReported(t *testing.T) {
	t.Parallel()
	schema := responseSchema(t, opAssociations, 200)
	documents := jsongen.Document(schema, jsongen.Options{Extra: []string{"tier"}, InvalidPercent: 3})
	header := http.Header{"Content-Type": {"application/json"}}
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		body, err := json.Marshal(documents.Draw(t, "document"))
		if err != nil {
			t.Fatal(err)
		}
		client, err := api.New(api.APIToken("t0ken"), api.WithMaxAttempts(1), api.WithHTTPClient(&http.Client{Transport: fixedTransport{body: string(body)}}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Associations(t.Context(), cert)
		if err == nil || errors.Is(err, api.ErrNoResult) {
			return
		}
		refused++
		req, problem := operations[opAssociations].request("https://api.cloudflare.com/client/v4", arguments{account: cert.AccountID, certificate: cert.ID})
		if problem != nil {
			t.Fatal(problem)
		}
		if vs, problem := contract.CheckResponse(req, 200, header, body); problem != nil || len(vs) == 0 {
			t.Errorf("%s: the client refuses it (%v), CheckResponse does not (%v)", body, err, problem)
		}
	})
	if refused == 0 {
		t.Error("the client refused nothing")
	}
}
