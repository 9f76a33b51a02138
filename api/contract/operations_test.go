package contract_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/contract"
)

// success begins a successful response; a result and a brace complete it.
const success = `{"messages":[],"success":true,"errors":[],"result":`

func TestRequestIsCheckedAgainstItsOperation(t *testing.T) {
	t.Parallel()
	const upload = `{"ca":true,"certificates":"PEM"}`
	tests := []struct {
		name, method, path, body string
		want                     []string
	}{
		{"list", "GET", "/mtls_certificates?page=2&per_page=50&type=custom,gateway_managed", "", nil},
		{"page that is no number", "GET", "/mtls_certificates?page=two", "", []string{"bad request /query/page"}},
		{"page zero", "GET", "/mtls_certificates?page=0", "", []string{"bad request /query/page"}},
		{"repeated page", "GET", "/mtls_certificates?page=1&page=two", "", []string{"bad request /query/page"}},
		{"repeated list", "GET", "/mtls_certificates?type=custom&type=gateway_managed", "", []string{"bad request /query/type"}},
		{"parameter of another operation", "GET", "/mtls_certificates?mtls_certificate_id=c", "", []string{"bad request /query/mtls_certificate_id"}},
		{"settings", "GET", "/workers/scripts/checkout/settings", "", nil},
		{"script name that the pattern excludes", "GET", "/workers/scripts/Check%2Fout/settings", "", []string{"bad request /path/script_name"}},
		{"delete", "DELETE", "/mtls_certificates/c", "", nil},
		{"delete with a body", "DELETE", "/mtls_certificates/c", "{}", []string{"bad request /body"}},
		{"upload", "POST", "/mtls_certificates", upload, nil},
		{"upload of nothing", "POST", "/mtls_certificates", "", []string{"bad request /body"}},
		{"upload without a member", "POST", "/mtls_certificates", `{"ca":true}`, []string{"bad request /body/certificates"}},
		{"two members of the wrong kind", "POST", "/mtls_certificates", `{"ca":1,"certificates":2}`, []string{"bad request /body/ca", "bad request /body/certificates"}},
		{"undocumented member", "POST", "/mtls_certificates", `{"ca":true,"certificates":"PEM","type":"custom"}`, []string{"bad request /body/type"}},
		{"duplicate name", "POST", "/mtls_certificates", `{"ca":true,"ca":true,"certificates":"PEM"}`, []string{"bad request /body/ca"}},
		{"no JSON", "POST", "/mtls_certificates", `{"ca"`, []string{"bad request /body/ca"}},
		{"method that the path does not have", "PUT", "/mtls_certificates/c", "", []string{"outside /path"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := contract.CheckRequest(request(t, tt.method, tt.path, tt.body))
			if err != nil {
				t.Fatal(err)
			}
			wantViolations(t, got, tt.want...)
		})
	}
	form := request(t, "POST", "/mtls_certificates", upload)
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	once := request(t, "POST", "/mtls_certificates", upload)
	once.GetBody = nil
	long := request(t, "POST", "/mtls_certificates", upload)
	for req, want := range map[*http.Request]string{form: "bad request /body", once: "unchecked /body", long: "unchecked /body"} {
		limit := len(upload)
		if req == long {
			limit--
		}
		got, err := contract.CheckRequest(req, contract.WithMaxBytes(limit))
		if err != nil {
			t.Fatal(err)
		}
		wantViolations(t, got, want)
	}
}

// One body is valid for one operation and invalid for another.
func TestResponseIsCheckedAgainstTheOperationOfItsRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, path, result string
		want                       []string
	}{
		{"list", "GET", "/mtls_certificates", `[{"id":"c","ca":true,"type":"custom"}]`, nil},
		{"list of another operation", "GET", "/mtls_certificates", `[{"id":"c","service":"gateway"}]`, []string{"drift /result/0/service"}},
		{"list instead of an object", "POST", "/mtls_certificates", `[]`, []string{"bad response /result"}},
		{"object instead of a list", "GET", "/mtls_certificates", `{}`, []string{"bad response /result"}},
		{"new type in a list", "GET", "/mtls_certificates", `[{"id":"c","type":"other"}]`, []string{"drift /result/0/type"}},
		{"new type of a single certificate", "DELETE", "/mtls_certificates/c", `{"id":"c","type":"other"}`, []string{"drift /result/type"}},
		{"members that are not read", "GET", "/workers/scripts/checkout/settings",
			`{"usage_model":"standard","bindings":[{"type":"kv_namespace","name":"KV","namespace_id":"n"}]}`, nil},
		{"object in place of the bindings", "GET", "/workers/scripts/checkout/settings", `{"bindings":{}}`, []string{"bad response /result/bindings"}},
		{"number as a certificate id in a map", "GET", "/pages/projects",
			`[{"deployment_configs":{"production":{"mtls_certificates":{"a/b":{"certificate_id":7}}}}}]`,
			[]string{"bad response /result/0/deployment_configs/production/mtls_certificates/a~1b/certificate_id"}},
		{"no operation", "GET", "/elsewhere", `[]`, []string{"outside /path"}},

		// Responses that clients refuse although the schema allows them.
		{"row without an id", "GET", "/mtls_certificates", `[{"id":"c"},{"name":"n"},{"name":"n"}]`, []string{"drift /result/1/id"}},
		{"id that is empty", "POST", "/mtls_certificates", `{"id":""}`, []string{"drift /result/id"}},
		{"id with a slash", "DELETE", "/mtls_certificates/c", `{"id":"a/b"}`, []string{"drift /result/id"}},
		{"id of another certificate", "DELETE", "/mtls_certificates/c", `{"id":"d"}`, []string{"drift /result/id"}},
		{"id in another case", "DELETE", "/mtls_certificates/c", `{"id":"C"}`, nil},
		{"another page", "GET", "/mtls_certificates?page=2", `[],"result_info":{"page":1}`, []string{"drift /result_info/page"}},
		{"another page than the first", "GET", "/mtls_certificates", `[],"result_info":{"page":2}`, []string{"drift /result_info/page"}},
		{"the requested page", "GET", "/mtls_certificates?page=2", `[],"result_info":{"page":2}`, nil},
		{"no page number for another page than the first", "GET", "/mtls_certificates?page=2", `[],"result_info":{"count":0}`, []string{"drift /result_info/page"}},
		{"page zero for the first", "GET", "/mtls_certificates", `[],"result_info":{"page":0}`, nil},
		{"empty page with more behind it", "GET", "/mtls_certificates", `[],"result_info":{"total_pages":2}`, []string{"drift /result"}},
		{"empty first page with a total of one", "GET", "/mtls_certificates", `[],"result_info":{"total_count":1}`, []string{"drift /result"}},
		{"empty page after the last", "GET", "/mtls_certificates?page=3", `[],"result_info":{"page":3,"total_pages":2,"total_count":60}`, nil},
		{"settings without bindings", "GET", "/workers/scripts/checkout/settings", `{}`, []string{"drift /result/bindings"}},
		{"project without configurations", "GET", "/pages/projects", `[{"name":"a","deployment_configs":{}},{"name":"b"}]`, []string{"drift /result/1/deployment_configs"}},
		{"page number of an operation without pages", "GET", "/mtls_certificates/c/associations", `[],"result_info":{"page":2}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantViolations(t, check(t, request(t, tt.method, tt.path, ""), 200, "application/json", success+tt.result+"}"), tt.want...)
		})
	}
	errorsInSuccess := `{"messages":[],"success":true,"errors":[{"code":1,"message":"m"}],"result":[]}`
	wantViolations(t, check(t, request(t, "GET", "/mtls_certificates", ""), 200, "application/json", errorsInSuccess), "drift /errors")
	for _, req := range []*http.Request{nil, {}} {
		if _, err := contract.CheckResponse(req, 200, nil, nil); err == nil {
			t.Errorf("request %v was accepted", req)
		}
	}
}

func TestKnownValuesAreThoseOfOneOperation(t *testing.T) {
	t.Parallel()
	known := contract.WithKnownValues("listMTLSCertificates", "/result/*/type", "other")
	list, deletion := request(t, "GET", "/mtls_certificates", ""), request(t, "DELETE", "/mtls_certificates/c", "")
	wantViolations(t, check(t, list, 200, "application/json", success+`[{"id":"c","type":"other"}]}`, known))
	wantViolations(t, check(t, deletion, 200, "application/json", success+`{"id":"c","type":"other"}}`, known), "drift /result/type")
}

// The body is sent unchanged, and the response is checked against the operation of the
// request.
func TestTransportSendsTheBodyThatItChecks(t *testing.T) {
	t.Parallel()
	const body = `{"ca":true,"certificates":"PEM","name":"n"}`
	var sent string
	next := roundTrip(func(req *http.Request) (*http.Response, error) {
		content, err := io.ReadAll(req.Body)
		if sent = string(content); err != nil {
			return nil, err
		}
		return respondWith(200, "application/json", success+`{"id":"c"}}`)(req)
	})
	transport, seen := newTransport(t, next, contract.WithMode(contract.Fail))
	wantBody(t, transport, request(t, "POST", "/mtls_certificates", body), success+`{"id":"c"}}`)
	wantViolations(t, seen.got)
	if sent != body {
		t.Errorf("sent %q, want %q", sent, body)
	}
	if _, err := transport.RoundTrip(request(t, "POST", "/mtls_certificates", `{"ca":true}`)); err == nil {
		t.Error("a request without its certificate was sent")
	}
}
