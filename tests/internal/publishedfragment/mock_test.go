package publishedfragment

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

func TestMockRespondsWithPublishedExamples(t *testing.T) {
	t.Parallel()
	op, err := Read("../../..")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(op.Mock())
	t.Cleanup(server.Close)
	validPath := "/accounts/" + op.Identifier() + "/mtls_certificates/" + op.Identifier() + "/associations"
	emailAndKey := http.Header{"X-Auth-Email": {"owner@example.com"}, "X-Auth-Key": {"k"}}
	success := `{"errors":[],"messages":[],"success":true,"result":[{"service":"gateway","status":"pending_deployment"}],
		"result_info":{"count":1,"page":1,"per_page":20,"total_count":2000}}`
	failure := `{"errors":[{"code":7003,"message":"No route for the URI"}],"messages":[],"success":false,"result":null,
		"result_info":{"count":1,"page":1,"per_page":20,"total_count":2000}}`
	tests := []struct {
		name, path string
		header     http.Header
		status     int
		body       string
	}{
		{"published identifier", validPath, emailAndKey, 200, success},
		{"other certificate", "/accounts/" + op.Identifier() + "/mtls_certificates/x/associations", emailAndKey, 404, failure},
		{"token, which is not published", validPath, http.Header{"Authorization": {"Bearer t"}}, 400, failure},
		{"other path", "/zones", emailAndKey, 404, failure},
	}
	for _, tt := range tests {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+BasePath+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = tt.header
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		err = json.NewDecoder(resp.Body).Decode(&got)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != tt.status {
			t.Fatalf("%s: %d %v", tt.name, resp.StatusCode, err)
		}
		if err := json.Unmarshal([]byte(tt.body), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if err := op.schema(200).VisitJSON(Example(op.schema(200))); err != nil {
		t.Errorf("the published example does not match its schema: %v", err)
	}
}

func TestListOfObjectsHasAnItemOnlyIfTheItemHasAMember(t *testing.T) {
	t.Parallel()
	item := func() *openapi3.Schema {
		return openapi3.NewObjectSchema().WithProperty("id", openapi3.NewStringSchema())
	}
	for name, tt := range map[string]struct {
		item *openapi3.Schema
		want []any
	}{
		"optional member": {item(), []any{}},
		"required member": {item().WithRequired([]string{"id"}), []any{map[string]any{"id": "sample"}}},
	} {
		if diff := cmp.Diff(any(tt.want), Example(openapi3.NewArraySchema().WithItems(tt.item))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
