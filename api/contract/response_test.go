package contract_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/api/contract"
)

func TestResponseIsCheckedAgainstTheContract(t *testing.T) {
	t.Parallel()
	success := func(members string) string { return `{"errors":[],"messages":[],"success":true` + members + `}` }
	tests := []struct {
		name   string
		status int
		body   string
		want   []string
	}{
		{"in use", 200, inUse, nil},
		{"unused", 200, success(`,"result":[]`), nil},
		{"without result, which the contract allows and clients refuse", 200, success(``), []string{"drift /result"}},
		{"with paging", 200, success(`,"result":[],"result_info":{"count":0,"page":1,"per_page":20,"total_count":0,"total_pages":0}`), nil},
		{"failure", 404, failed, nil},
		{"failure without messages and result", 400, `{"errors":[{"code":6003,"message":"m"}],"success":false}`, nil},
		{"rate limit with its code below 1000", 429, `{"errors":[{"code":971,"message":"m"}],"success":false}`, nil},

		{"result null", 200, success(`,"result":null`), []string{"bad response /result"}},
		{"result an object", 200, success(`,"result":{}`), []string{"bad response /result"}},
		{"row not an object", 200, success(`,"result":["gateway"]`), []string{"bad response /result/0"}},
		{"service a number", 200, success(`,"result":[{"service":1}]`), []string{"bad response /result/0/service"}},
		{"count a string", 200, success(`,"result":[],"result_info":{"count":"1"}`), []string{"bad response /result_info/count"}},
		{"success missing", 200, `{"errors":[],"messages":[],"result":[]}`, []string{"bad response /success"}},
		{"success a string", 200, `{"errors":[],"messages":[],"success":"true"}`, []string{"bad response /success"}},
		{"success false at 200", 200, `{"errors":[],"messages":[],"success":false}`, []string{"bad response /success"}},
		{"success true at 404", 404, `{"errors":[],"success":true}`, []string{"bad response /success"}},
		{"errors missing", 200, `{"messages":[],"success":true,"result":[]}`, []string{"bad response /errors"}},
		{"two faults", 200, `{"success":true,"result":[]}`, []string{"bad response /errors", "bad response /messages"}},
		{"error without code", 400, `{"errors":[{"message":"m"}],"success":false}`, []string{"bad response /errors/0/code"}},
		{"code a fraction", 400, `{"errors":[{"code":1.5,"message":"m"}],"success":false}`, []string{"bad response /errors/0/code"}},
		{"largest and smallest code", 400, `{"errors":[{"code":9223372036854775807,"message":"m"},{"code":-9223372036854775808,"message":"m"}],"success":false}`, nil},
		{"code with an exponent", 400, `{"errors":[{"code":1e3,"message":"m"}],"success":false}`, nil},
		{"code above int64", 400, `{"errors":[{"code":9223372036854775808,"message":"m"}],"success":false}`, []string{"bad response /errors/0/code"}},
		{"code below int64", 400, `{"errors":[{"code":-9223372036854775809,"message":"m"}],"success":false}`, []string{"bad response /errors/0/code"}},
		{"code above int64 with an exponent", 400, `{"errors":[{"code":1,"message":"m"},{"code":1e30,"message":"m"}],"success":false}`, []string{"bad response /errors/1/code"}},
		{"code above int64 with a fraction", 400, `{"errors":[{"code":9223372036854775808.0,"message":"m"}],"success":false}`, []string{"bad response /errors/0/code"}},
		{"code above float64", 400, `{"errors":[{"code":1e999,"message":"m"}],"success":false}`, []string{"bad response "}},
		{"fractional code that float64 rounds to an integer", 400, `{"errors":[{"code":1.00000000000000000001,"message":"m"}],"success":false}`, []string{"bad response /errors/0/code"}},
		{"largest code, with a fraction of zero", 400, `{"errors":[{"code":9223372036854775807.0,"message":"m"}],"success":false}`, nil},
		{"code of a message above int64", 200, `{"errors":[],"messages":[{"code":1e30,"message":"m"}],"success":true,"result":[]}`, []string{"bad response /messages/0/code"}},
		{"count above int64", 200, success(`,"result":[],"result_info":{"count":1e30}`), []string{"drift /result_info/count"}},
		{"count above 2^53", 200, success(`,"result":[],"result_info":{"total_count":9007199254740993}`), []string{"drift /result_info/total_count"}},
		{"count of 2^53", 200, success(`,"result":[],"result_info":{"total_count":9007199254740992}`), nil},
		{"per_page a fraction", 200, success(`,"result":[],"result_info":{"per_page":20.5}`), []string{"drift /result_info/per_page"}},
		{"fractional page that float64 rounds to an integer", 200, success(`,"result":[],"result_info":{"page":1.0000000000000000001}`), []string{"drift /result_info/page"}},
		{"whole number with a fraction of zero", 200, success(`,"result":[],"result_info":{"page":1.0,"per_page":2e1}`), nil},
		{"large number in an undocumented field", 200, success(`,"result":[],"other":1e30`), []string{"drift /other"}},
		{"top-level error of the older form", 400, `{"code":6003,"message":"m"}`, []string{"bad response /errors", "bad response /success", "drift /code", "drift /message"}},
		{"result of a failure not null", 400, `{"errors":[],"success":false,"result":{}}`, []string{"bad response /result"}},

		{"null", 200, `null`, []string{"bad response "}},
		{"array", 200, `[]`, []string{"bad response "}},
		{"empty", 200, ``, []string{"bad response "}},
		{"cut off", 200, `{"errors":[`, []string{"bad response /errors"}},
		{"trailing data", 200, inUse + `{}`, []string{"bad response "}},
		{"duplicate name", 200, `{"success":true,"success":false}`, []string{"bad response /success"}},
		{"bad UTF-8", 200, "{\"a\":\"\xff\"}", []string{"bad response /a"}},

		{"undocumented fields, once for each place", 200,
			success(`,"result":[{"service":"gateway","tier":1},{"service":"gateway","tier":2}],"trace":"x","result_info":{"cursor":"c"}`),
			[]string{"drift /result/0/tier", "drift /result_info/cursor", "drift /trace"}},
		{"undocumented field of an error", 400, `{"errors":[{"code":6003,"message":"m","error_chain":[]}],"success":false}`, []string{"drift /errors/0/error_chain"}},
		{"name that needs escaping", 200, success(`,"result":[],"a/b~c":1`), []string{"drift /a~1b~0c"}},
		{"new values, each once", 200,
			success(`,"result":[{"service":"workers","status":"paused"},{"service":"workers","status":"paused"}]`),
			[]string{"drift /result/0/service", "drift /result/0/status"}},
		{"undocumented status", 503, ``, []string{"drift /status"}},
		{"undocumented success", 204, ``, []string{"drift /status"}},
		{"redirect", 307, ``, []string{"drift /status"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := check(t, get(t), tt.status, "application/json; charset=utf-8", tt.body)
			wantViolations(t, got, tt.want...)
			for _, v := range got {
				if v.Message == "" || v.StatusCode != tt.status {
					t.Errorf("no message or another status: %+v", v)
				}
			}
		})
	}
}

func TestContentTypeIsPartOfTheContract(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string][]string{
		"application/json":               nil,
		"Application/JSON;charset=UTF-8": nil,
		"application/json; charset":      nil,
		"text/html; charset=UTF-8":       {"bad response /header/Content-Type"},
		"application/problem+json":       {"bad response /header/Content-Type"},
		"":                               {"bad response /header/Content-Type"},
	} {
		t.Run(contentType, func(t *testing.T) {
			t.Parallel()
			wantViolations(t, check(t, get(t), 403, contentType, failed), want...)
		})
	}
}

func TestKnownValuesAreNoDrift(t *testing.T) {
	t.Parallel()
	body := strings.ReplaceAll(inUse, "gateway", "workers")
	known := contract.WithKnownValues("listMTLSCertificateAssociations", "/result/*/service", "workers")
	wantViolations(t, check(t, get(t), 200, "application/json", body, known))
}

func TestViolationHasWhatWasExpectedAndFound(t *testing.T) {
	t.Parallel()
	body := `{"errors":[],"messages":[],"success":true,"result":[{"service":17}]}`
	got, err := contract.CheckResponse(get(t), 200, http.Header{"Content-Type": {"application/json"}, "Cf-Ray": {"8f-TST"}}, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := []contract.Violation{{
		Class: contract.BadResponse, Pointer: "/result/0/service", Message: "value must be a string",
		Expected: "string", Excerpt: "17", StatusCode: 200, RayID: "8f-TST",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const line = "bad response (status 200, ray 8f-TST) at /result/0/service: value must be a string; expected string; found 17"
	if got[0].String() != line {
		t.Errorf("String() = %s", got[0])
	}
}

func TestViolationsOfOneResponseAreBounded(t *testing.T) {
	t.Parallel()
	envelope := func(rows string) string {
		return `{"errors":[],"messages":[],"success":true,"result":[` + rows + `]}`
	}
	tests := []struct {
		name, body string
		violations int
		last       string // class and place of the last violation
	}{
		{"as many as the limit", envelope(strings.Repeat("1,", 19) + "1"), 20, "bad response /result/9"},
		{"one above the limit", envelope(strings.Repeat("1,", 20) + "1"), 21, "bad response "},
		{"a hundred thousand", envelope(strings.Repeat("1,", 100_000) + "1"), 21, "bad response "},
		{"one after 100,000 valid rows", envelope(strings.Repeat("{},", 100_000) + "1"), 1, "bad response /result/100000"},
	}
	for _, tt := range tests {
		got := check(t, get(t), 200, "application/json", tt.body)
		if len(got) != tt.violations {
			t.Errorf("%s: %d violations, want %d", tt.name, len(got), tt.violations)
		}
		wantViolations(t, got[len(got)-1:], tt.last)
	}
}
