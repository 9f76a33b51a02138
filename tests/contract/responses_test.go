package contract

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/tests/internal/publishedfragment"
)

var cert = api.CertificateRef{AccountID: "0a1b2c3d", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}

// kin-openapi checks the fake server's responses to requests for associations: each
// scripted kind that must match the contract, and the responses without a script.
func TestEveryDocumentedResponseOfTheFakeServerMatchesTheContract(t *testing.T) {
	t.Parallel()
	gateway := api.Association{Service: "gateway", Status: "active"}
	detail := api.ErrorDetail{
		Code: 6003, Message: "m", DocumentationURL: "u", Pointer: "/p", Chain: []api.ErrorDetail{{Code: 6111, Message: "n"}},
	}
	unknown := api.CertificateRef{AccountID: cert.AccountID, ID: "unknown"}
	scripted := map[string]struct {
		response apitest.Response
		status   int
	}{
		"unused":       {apitest.NoAssociations(), 200},
		"in use":       {apitest.Associations(gateway, gateway), 200},
		"no fields":    {apitest.Associations(api.Association{}), 200},
		"partial":      {apitest.PartialAssociations(2000, gateway), 200},
		"none of 7":    {apitest.PartialAssociations(7), 200},
		"no result":    {apitest.NoResult(), 200},
		"failure":      {apitest.Failure(418, detail, detail), 418},
		"no details":   {apitest.Failure(400), 400},
		"unauthorized": {apitest.Unauthorized(), 401},
		"forbidden":    {apitest.Forbidden(), 403},
		"not found":    {apitest.NotFound(), 404},
		"rate limited": {apitest.RateLimited(time.Minute), 429},
		"given JSON":   {apitest.JSON(200, string(filled(t, `{"errors":[],"messages":[],"success":true}`))), 200},
	}
	server, err := apitest.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	if err := server.SetAssociations(cert, gateway); err != nil {
		t.Fatal(err)
	}
	token := http.Header{"Authorization": {"Bearer " + apitest.DefaultAPIToken}}
	for name, tt := range scripted {
		if err := server.Script(apitest.AssociationsOf(cert), tt.response); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		expectValidResponse(t, server, name, tt.status, cert, token)
	}
	expectValidResponse(t, server, "known certificate", 200, cert, token)
	expectValidResponse(t, server, "unknown certificate", 404, unknown, token)
	expectValidResponse(t, server, "no credentials", 400, cert, nil)
	expectValidResponse(t, server, "key without email", 400, cert, http.Header{"X-Auth-Key": {"k"}})
	expectValidResponse(t, server, "email without key", 400, cert, http.Header{"X-Auth-Email": {"e"}})
	expectValidResponse(t, server, "malformed header", 400, cert, http.Header{"Authorization": {"x"}})
	expectValidResponse(t, server, "wrong token", 401, cert, http.Header{"Authorization": {"Bearer x"}})
}

func expectValidResponse(t *testing.T, server *apitest.Server, name string, want int, cert api.CertificateRef, credentials http.Header) {
	t.Helper()
	path := server.URL() + "/accounts/" + cert.AccountID + "/mtls_certificates/" + cert.ID + "/associations"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, credentials)
	if status, err := validResponse(t, router(t, server.URL()), req); err != nil || status != want {
		t.Errorf("%s: status %d, want %d: %v", name, status, want, err)
	}
}

func TestExamplesOfTheContractMatchIt(t *testing.T) {
	t.Parallel()
	if err := readContract(t).Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
	if err := responseSchema(t, opAssociations, 200).VisitJSON(publishedfragment.Example(responseSchema(t, opAssociations, 200))); err != nil {
		t.Errorf("the combined examples of a success: %v", err)
	}
	if err := responseSchema(t, opAssociations, 404).VisitJSON(publishedfragment.Example(responseSchema(t, opAssociations, 404))); err != nil {
		t.Errorf("the combined examples of a failure: %v", err)
	}
}

// The test adds to the page's response the required members that it lacks; the result
// matches the contract. The client reads the response as the page shows it: one
// association of 2,000, with an error and a message.
func TestExampleOfTheDocumentationPageMatchesTheContract(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("testdata/docs-page-200.json")
	if err != nil {
		t.Fatal(err)
	}
	var page any
	if err := json.Unmarshal(filled(t, string(body)), &page); err != nil {
		t.Fatal(err)
	}
	if err := responseSchema(t, opAssociations, 200).VisitJSON(page, openapi3.VisitAsResponse()); err != nil {
		t.Error(err)
	}
	client, err := api.New(api.APIToken("t0ken"), api.WithHTTPClient(&http.Client{Transport: fixedTransport{body: string(body)}}))
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.Associations(t.Context(), cert)
	if err != nil || list.Usage() != api.InUse || len(list.Associations) != 1 || !list.Truncated || list.Info.TotalCount != 2000 || list.Info.TotalPages != 100 {
		t.Errorf("%+v, %v", list, err)
	}
	if len(list.Errors) != 1 || list.Errors[0].Pointer != "pointer" || list.Messages[0].DocumentationURL != "documentation_url" {
		t.Errorf("errors %+v, messages %+v", list.Errors, list.Messages)
	}
}

// The page's example request matches the contract, and the client sends the same
// request for the same ids and token.
func TestExampleRequestOfTheDocumentationPageIsWhatTheClientSends(t *testing.T) {
	t.Parallel()
	const page = "https://api.cloudflare.com/client/v4/accounts/$ACCOUNT_ID/mtls_certificates/$MTLS_CERTIFICATE_ID/associations"
	want := strings.NewReplacer("$ACCOUNT_ID", cert.AccountID, "$MTLS_CERTIFICATE_ID", cert.ID).Replace(page)
	shown, err := http.NewRequestWithContext(t.Context(), http.MethodGet, want, nil)
	if err != nil {
		t.Fatal(err)
	}
	shown.Header.Set("Authorization", "Bearer t0ken")
	if err := validRequest(router(t), shown); err != nil {
		t.Errorf("the page's request: %v", err)
	}
	stop := errors.New("seen")
	client, err := api.New(api.APIToken("t0ken"), api.WithMaxAttempts(1), api.WithHTTPClient(&http.Client{Transport: failingTransport{func(req *http.Request) error {
		if req.Method != shown.Method || req.URL.String() != want || req.Header.Get("Authorization") != "Bearer t0ken" {
			t.Errorf("%s %s %v", req.Method, req.URL, req.Header)
		}
		return stop
	}}}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Associations(t.Context(), cert); !errors.Is(err, stop) {
		t.Errorf("nothing was sent: %v", err)
	}
}

// failingTransport calls see with each request and returns the error of see.
type failingTransport struct{ see func(*http.Request) error }

func (r failingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	return nil, r.see(req)
}
