package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/tests/internal/jsongen"
)

func responseSchema(t *testing.T, status int) *openapi3.Schema {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(generated.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range doc.Paths.Map() {
		return item.Get.Responses.Status(status).Value.Content.Get("application/json").Schema.Value
	}
	t.Fatal("the contract has no path")
	return nil
}

// declared is what the contract declares of a document, read without the types
// under test.
type declared struct {
	Success          bool
	Rows             []api.Association
	Errors, Messages []api.Notice
	Info             *api.ResultInfo
}

func readDeclared(document map[string]any) declared {
	d := declared{Errors: notices(document["errors"]), Messages: notices(document["messages"])}
	d.Success, _ = document["success"].(bool)
	rows, _ := document["result"].([]any)
	for _, row := range rows {
		d.Rows = append(d.Rows, api.Association{Service: text(row, "service"), Status: text(row, "status")})
	}
	if info, ok := document["result_info"].(map[string]any); ok {
		whole := func(name string) int64 { n, _ := info[name].(float64); return int64(n) }
		d.Info = &api.ResultInfo{
			Count: whole("count"), Page: whole("page"), PerPage: whole("per_page"),
			TotalCount: whole("total_count"), TotalPages: whole("total_pages"),
		}
	}
	return d
}

func notices(list any) []api.Notice {
	var out []api.Notice
	items, _ := list.([]any)
	for _, item := range items {
		n := api.Notice{Message: text(item, "message"), DocumentationURL: text(item, "documentation_url"), Pointer: text(item, "source", "pointer")}
		code, _ := item.(map[string]any)["code"].(json.Number)
		whole, _ := code.Int64()
		n.Code = int(whole)
		out = append(out, n)
	}
	return out
}

func text(from any, path ...string) string {
	for _, name := range path {
		object, _ := from.(map[string]any)
		from = object[name]
	}
	s, _ := from.(string)
	return s
}

// Each document of the contract, decoded by the generated types and by the
// client, gives back every field that the contract declares.
func TestNoDeclaredFieldIsLostInDecoding(t *testing.T) {
	t.Parallel()
	schema := responseSchema(t, 200)
	outcomes := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		drawn := jsongen.Document(schema, jsongen.Options{Exact: true, Extra: []string{"tier", "trace"}}).Draw(t, "document")
		document, _ := drawn.(map[string]any)
		if err := schema.VisitJSON(drawn, openapi3.VisitAsResponse()); err != nil {
			t.Fatalf("drawn outside the contract: %v", err)
		}
		body, err := json.Marshal(drawn)
		if err != nil {
			t.Fatal(err)
		}
		want := readDeclared(document)

		var raw generated.AssociationsResponse
		if err := json.Unmarshal(body, &raw); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, fromGenerated(raw)); diff != "" {
			t.Errorf("generated types (-want +got):\n%s", diff)
		}

		client, err := api.New(api.APIToken("canary-of-no-document"),
			api.WithHTTPClient(&http.Client{Transport: answered{body: string(body)}}), api.WithMaxAttempts(1))
		if err != nil {
			t.Fatal(err)
		}
		list, err := client.Associations(t.Context(), api.CertificateRef{AccountID: "a", ID: "c"})
		failure, _ := errors.AsType[*api.Error](err)
		_, hasResult := document["result"]
		switch {
		case !want.Success:
			outcomes["refused"]++
			if failure == nil || list.Usage() != api.UsageUnknown {
				t.Fatalf("success false gave %v, %v", list.Usage(), err)
			}
			want = declared{Success: true, Errors: telling(want.Errors), Messages: telling(want.Messages)}
			if diff := cmp.Diff(want, declared{Success: true, Errors: fromDetails(failure.Details), Messages: failure.Messages}); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		case !hasResult:
			outcomes["no result"]++
			if !errors.Is(err, api.ErrNoResult) || list.Usage() != api.UsageUnknown {
				t.Fatalf("no result gave %v, %v", list.Usage(), err)
			}
		case err != nil:
			t.Fatal(err)
		default:
			outcomes[list.Usage().String()]++
			got := declared{Success: true, Errors: fromDetails(list.Errors), Messages: list.Messages, Info: list.Info}
			got.Rows = append(got.Rows, list.Associations...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("client (-want +got):\n%s", diff)
			}
			if !bytes.Equal(list.Body, body) {
				t.Errorf("body %q, sent %q", list.Body, body)
			}
			if list.Usage() == api.Unused && len(want.Rows)+len(want.Errors) > 0 {
				t.Errorf("unused: %s", body)
			}
		}
	})
	t.Log(outcomes)
	for _, outcome := range []string{"refused", "no result", "in_use", "unused", "unknown"} {
		if outcomes[outcome] == 0 {
			t.Errorf("no document led to %q", outcome)
		}
	}
}

// telling leaves out what says nothing at all: a failure does not keep it.
func telling(notices []api.Notice) (out []api.Notice) {
	for _, n := range notices {
		if n != (api.Notice{}) {
			out = append(out, n)
		}
	}
	return out
}

func fromGenerated(r generated.AssociationsResponse) declared {
	d := declared{Success: r.Success, Errors: fromInfos(r.Errors), Messages: fromInfos(r.Messages)}
	for _, row := range r.Result {
		var use api.Association // not converted: the contract may get more properties
		use.Service, use.Status = row.Service, row.Status
		d.Rows = append(d.Rows, use)
	}
	if info := r.ResultInfo; info != nil {
		d.Info = &api.ResultInfo{
			Count: int64(info.Count), Page: int64(info.Page), PerPage: int64(info.PerPage),
			TotalCount: int64(info.TotalCount), TotalPages: int64(info.TotalPages),
		}
	}
	return d
}

func fromInfos(infos []generated.ResponseInfo) []api.Notice {
	var out []api.Notice
	for _, i := range infos {
		out = append(out, api.Notice{Code: int(i.Code), Message: i.Message, DocumentationURL: i.DocumentationURL, Pointer: i.Source.Pointer})
	}
	return out
}

func fromDetails(details []api.ErrorDetail) []api.Notice {
	var out []api.Notice
	for _, d := range details {
		out = append(out, api.Notice{Code: d.Code, Message: d.Message, DocumentationURL: d.DocumentationURL, Pointer: d.Pointer})
	}
	return out
}
