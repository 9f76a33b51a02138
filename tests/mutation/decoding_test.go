package mutation

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var cert = api.CertificateRef{AccountID: "0a1b2c3d", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}

func newServer(t *testing.T) *apitest.Server {
	t.Helper()
	server, err := apitest.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// A response that breaks any rule of the decoder does not prove a certificate unused.
// If the call fails, its error states the kind of fault.
func TestBreakingADecodeRuleIsCaught(t *testing.T) {
	t.Parallel()
	const proof = `{"errors":[],"messages":[],"success":true,"result":[],"result_info":{"count":0,"page":1,"per_page":20,"total_count":0}}`
	replace := func(old, with string) string {
		if !strings.Contains(proof, old) {
			t.Fatalf("%s is not in the response", old)
		}
		return strings.Replace(proof, old, with, 1)
	}
	const result = `"result":[]`
	rules := []struct {
		rule     string
		response apitest.Response
		want     error // nil: a success that does not prove the certificate unused
	}{
		{"the status is 2xx", apitest.Raw(404, "application/json", proof), api.ErrNotFound},
		{"the status is not 5xx", apitest.Raw(500, "application/json", proof), api.ErrServer},
		{"the status is not 3xx", apitest.Raw(300, "application/json", proof), api.ErrRedirect},
		{"the content type is JSON", apitest.Raw(200, "text/html", proof), api.ErrUnexpectedResponse},
		{"there is a content type", apitest.Raw(200, "", proof), api.ErrUnexpectedResponse},
		{"there is a body", apitest.Empty(200), api.ErrUnexpectedResponse},
		{"the body is complete", apitest.Raw(200, "application/json", proof).CutAfter(30), api.ErrUnexpectedResponse},
		{"the body is within the limit", apitest.Huge(9 << 20), api.ErrResponseTooLarge},
		{"the body is an object", body(`[]`), api.ErrUnexpectedResponse},
		{"the body is not null", body(`null`), api.ErrUnexpectedResponse},
		{"nothing follows the body", body(proof + proof), api.ErrUnexpectedResponse},
		{"names are unique", body(replace(result, result+`,`+result)), api.ErrUnexpectedResponse},
		{"names are unique in unknown members", body(replace(result, result+`,"x":{"a":1,"a":2}`)), api.ErrUnexpectedResponse},
		{"text is UTF-8", body(replace(result, result+",\"x\":\"\xff\"")), api.ErrUnexpectedResponse},
		{"names match exactly", body(replace(`"result"`, `"Result"`)), api.ErrNoResult},
		{"nesting is bounded", body(replace(result, result+`,"x":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000))), api.ErrUnexpectedResponse},
		{"success is there", body(replace(`"success":true,`, ``)), api.ErrUnexpectedResponse},
		{"success is true", body(replace(`true`, `false`)), api.ErrRejected},
		{"success is a boolean", body(replace(`true`, `"true"`)), api.ErrUnexpectedResponse},
		{"success is not null", body(replace(`true`, `null`)), api.ErrUnexpectedResponse},
		{"result is there", body(replace(result+`,`, ``)), api.ErrNoResult},
		{"result is not null", body(replace(result, `"result":null`)), api.ErrNoResult},
		{"result is an array", body(replace(result, `"result":{}`)), api.ErrUnexpectedResponse},
		{"a row is an object", body(replace(result, `"result":["gateway"]`)), api.ErrUnexpectedResponse},
		{"a row is not null", body(replace(result, `"result":[null]`)), api.ErrUnexpectedResponse},
		{"service is a string", body(replace(result, `"result":[{"service":1}]`)), api.ErrUnexpectedResponse},
		{"status is a string", body(replace(result, `"result":[{"status":[]}]`)), api.ErrUnexpectedResponse},
		{"errors is an array", body(replace(`"errors":[]`, `"errors":{}`)), api.ErrUnexpectedResponse},
		{"an error with an invalid code counts", body(replace(`"errors":[]`, `"errors":[{"code":1.5,"message":"m"}]`)), nil},
		{"an error that is no object counts", body(replace(`"errors":[]`, `"errors":["m"]`)), nil},
		{"a count is a number", body(replace(`"count":0`, `"count":"0"`)), api.ErrUnexpectedResponse},
		{"a count is whole", body(replace(`"count":0`, `"count":0.5`)), api.ErrUnexpectedResponse},
		{"a count is at most 2^53", body(replace(`"count":0`, `"count":9007199254740994`)), api.ErrUnexpectedResponse},

		{"a success has no errors", body(replace(`"errors":[]`, `"errors":[{"code":1000,"message":"m"}]`)), nil},
		{"total_count is the number of rows", body(replace(`"total_count":0`, `"total_count":1`)), nil},
		{"count is the number of rows", body(replace(`"count":0`, `"count":1`)), nil},
		{"there is one page", body(replace(`"per_page":20`, `"per_page":20,"total_pages":2`)), nil},
		{"it is the first page", body(replace(`"page":1`, `"page":2`)), nil},
		{"there is no cursor", body(replace(`"per_page":20`, `"per_page":20,"cursor":"next"`)), nil},
		{"no count is negative", body(replace(`"count":0`, `"count":-1`)), nil},
	}
	server := newServer(t)
	client, err := server.Client(api.WithMaxAttempts(1))
	if err != nil {
		t.Fatal(err)
	}
	call := func(response apitest.Response) (*api.AssociationList, error) {
		if err := server.Script(apitest.AssociationsOf(cert), response); err != nil {
			t.Fatal(err)
		}
		return client.Associations(t.Context(), cert)
	}
	if list, err := call(body(proof)); err != nil || list.Usage() != api.Unused {
		t.Fatalf("the unbroken response gives %v, %v", list.Usage(), err)
	}
	for _, tt := range rules {
		list, err := call(tt.response)
		if list.Usage() != api.UsageUnknown {
			t.Errorf("%s: broken, and still %v", tt.rule, list.Usage())
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: broken, the error is %v, want %v", tt.rule, err, tt.want)
		}
	}
}

func body(text string) apitest.Response { return apitest.Raw(200, "application/json", text) }
