package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/tests/internal/jsongen"
)

// declared is the part of a document that the contract declares. readDeclared reads it
// without the decoders under test.
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
		whole := func(name string) int64 { return integer(info[name]) }
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
		n.Code = int(integer(item.(map[string]any)["code"]))
		out = append(out, n)
	}
	return out
}

func integer(v any) int64 {
	if f, ok := v.(float64); ok {
		return int64(f)
	}
	number, _ := v.(json.Number)
	n, _ := number.Int64()
	return n
}

func text(from any, path ...string) string {
	for _, name := range path {
		object, _ := from.(map[string]any)
		from = object[name]
	}
	s, _ := from.(string)
	return s
}

// A document that matches the contract keeps every declared field when the generated
// types and the client decode it.
func TestNoDeclaredFieldIsLostInDecoding(t *testing.T) {
	t.Parallel()
	schema := responseSchema(t, opAssociations, 200)
	outcomes := map[string]int{}
	draws, valid := 0, 0
	documents := jsongen.Document(schema, jsongen.Options{Exact: true, Extra: []string{"tier", "trace"}}).Filter(func(drawn any) bool {
		draws++
		if schema.VisitJSON(drawn, openapi3.VisitAsResponse()) != nil {
			return false // jsongen ignores some keywords, such as "not"
		}
		valid++
		return true
	})
	rapid.Check(t, func(t *rapid.T) {
		drawn := documents.Draw(t, "document")
		document, _ := drawn.(map[string]any)
		body, err := json.Marshal(drawn)
		if err != nil {
			t.Fatal(err)
		}
		want := readDeclared(document)

		var raw generated.AssociationsResponse
		if err := json.Unmarshal(body, &raw); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, fromGenerated(t, raw)); diff != "" {
			t.Errorf("generated types (-want +got):\n%s", diff)
		}

		client, err := api.New(api.APIToken("canary-of-no-document"),
			api.WithHTTPClient(&http.Client{Transport: fixedTransport{body: string(body)}}), api.WithMaxAttempts(1))
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
			want = declared{Success: true, Errors: withoutEmpty(want.Errors), Messages: withoutEmpty(want.Messages)}
			if diff := cmp.Diff(want, declared{Success: true, Errors: withoutEmpty(fromDetails(failure.Details)), Messages: withoutEmpty(failure.Messages)}); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		case !hasResult:
			outcomes["no result"]++
			if !errors.Is(err, api.ErrNoResult) || list.Usage() != api.UsageUnknown {
				t.Fatalf("no result gave %v, %v", list.Usage(), err)
			}
		case beyondExact(want.Info):
			outcomes["beyond 2^53"]++
			if !errors.Is(err, api.ErrUnexpectedResponse) || list.Usage() != api.UsageUnknown {
				t.Fatalf("a count beyond 2^53 gave %v, %v", list.Usage(), err)
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
	if 4*valid < draws {
		t.Errorf("only %d of %d documents that were drawn match the contract", valid, draws)
	}
	for _, outcome := range []string{"refused", "no result", "in_use", "unused", "unknown"} {
		if outcomes[outcome] == 0 {
			t.Errorf("no document led to %q", outcome)
		}
	}
}

// beyondExact reports whether a count is beyond 2^53, which the client refuses because
// float64 cannot hold it exactly. Drawn documents have such counts where the contract
// has the type integer.
func beyondExact(info *api.ResultInfo) bool {
	const most = 1 << 53
	return info != nil && slices.ContainsFunc([]int64{info.Count, info.Page, info.PerPage, info.TotalCount, info.TotalPages},
		func(n int64) bool { return n < -most || n > most })
}

// withoutEmpty removes the notices without any field, because the client keeps such an
// error only if it has an error_chain.
func withoutEmpty(notices []api.Notice) (out []api.Notice) {
	for _, n := range notices {
		if n != (api.Notice{}) {
			out = append(out, n)
		}
	}
	return out
}

// fromGenerated returns the declared part of r. It reads the JSON of r, because the Go
// types of its fields depend on the contract.
func fromGenerated(t *rapid.T, r generated.AssociationsResponse) declared {
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var document map[string]any
	if err := d.Decode(&document); err != nil {
		t.Fatal(err)
	}
	return readDeclared(document)
}

func fromDetails(details []api.ErrorDetail) []api.Notice {
	var out []api.Notice
	for _, d := range details {
		out = append(out, api.Notice{Code: d.Code, Message: d.Message, DocumentationURL: d.DocumentationURL, Pointer: d.Pointer})
	}
	return out
}
