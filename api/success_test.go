package api_test

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

func associationsOf(t testing.TB, resp *http.Response) (*api.AssociationList, error) {
	t.Helper()
	return newClient(t, roundTrip(func(*http.Request) (*http.Response, error) { return resp, nil }), api.WithMaxAttempts(1)).
		Associations(t.Context(), cert)
}

func TestValidResponsesAreAccepted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		resp  *http.Response
		usage api.Usage
	}{
		"all members":                  {response(200, inUseBody), api.InUse},
		"empty result":                 {response(200, emptyBody), api.Unused},
		"nothing optional":             {response(200, `{"success":true,"result":[]}`), api.Unused},
		"null in optional places":      {response(200, `{"success":true,"errors":null,"messages":null,"result_info":null,"result":[]}`), api.Unused},
		"null in optional row members": {response(200, `{"success":true,"result":[{"service":null,"status":null}]}`), api.InUse},
		"row without members":          {response(200, `{"success":true,"result":[{}]}`), api.InUse},
		"count with a zero fraction":   {response(200, `{"success":true,"result":[{"service":"a"}],"result_info":{"count":1.0,"total_count":1e0}}`), api.InUse},
		"code below 1000":              {response(200, `{"success":true,"messages":[{"code":7,"message":"m"}],"result":[]}`), api.Unused},
		"code with a zero fraction":    {response(200, `{"success":true,"messages":[{"code":1000.0,"message":"m"}],"result":[]}`), api.Unused},
		"unknown members":              {response(200, `{"success":true,"result":[],"new":{"a":[1]}}`), api.Unused},
		"another 2xx":                  {response(203, emptyBody), api.Unused},
		"accepted":                     {response(202, emptyBody), api.Unused},
		"white space around":           {response(200, "\n "+emptyBody+" \n"), api.Unused},
		"media type in upper case":     {response(200, emptyBody, "Content-Type", "APPLICATION/JSON"), api.Unused},
		"media type with parameters":   {response(200, emptyBody, "Content-Type", "application/json; charset=UTF-8"), api.Unused},
		"a parameter given twice":      {response(200, emptyBody, "Content-Type", "application/json; charset=UTF-8; charset=utf-8"), api.Unused},
		"media type of a kind of JSON": {response(200, emptyBody, "Content-Type", "application/vnd.api+json"), api.Unused},
		"no length announced":          {unsized(response(200, inUseBody)), api.InUse},
		"too short a length announced": {sized(response(200, inUseBody), 10), api.InUse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := associationsOf(t, c.resp)
			if err != nil {
				t.Fatal(err)
			}
			if list.Usage() != c.usage || list.Associations == nil || len(list.Body) == 0 {
				t.Errorf("got %v from %+v", list.Usage(), list)
			}
			if body := c.resp.Body.(*trackedBody); !body.closed || !body.ended {
				t.Errorf("body: %+v", body)
			}
		})
	}
}

func unsized(r *http.Response) *http.Response { return sized(r, -1) }

func sized(r *http.Response, n int64) *http.Response {
	r.ContentLength = n
	return r
}

func TestInvalidResponsesAreRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	for name, resp := range map[string]*http.Response{
		"HTML":                          response(200, "<html>", "Content-Type", "text/html"),
		"JSON with type HTML":           response(200, emptyBody, "Content-Type", "text/html"),
		"no media type":                 response(200, emptyBody, "Content-Type", ""),
		"unknown encoding":              response(200, emptyBody, "Content-Encoding", "br"),
		"empty body":                    response(200, ""),
		"a part without a range":        response(206, emptyBody),
		"no content":                    response(204, ""),
		"no content with JSON type":     response(204, "", "Content-Type", "application/json"),
		"null":                          response(200, "null"),
		"array":                         response(200, "[]"),
		"success missing":               response(200, `{"result":[]}`),
		"success null":                  response(200, `{"success":null,"result":[]}`),
		"success as a string":           response(200, `{"success":"true","result":[]}`),
		"success in other case":         response(200, `{"Success":true,"result":[]}`),
		"result an object":              response(200, `{"success":true,"result":{}}`),
		"result a string":               response(200, `{"success":true,"result":"[]"}`),
		"row is null":                   response(200, `{"success":true,"result":[null]}`),
		"row is a string":               response(200, `{"success":true,"result":["gateway"]}`),
		"service is a number":           response(200, `{"success":true,"result":[{"service":1}]}`),
		"trailing data":                 response(200, emptyBody+"{}"),
		"trailing bracket":              response(200, emptyBody+"]"),
		"cut off":                       response(200, emptyBody[:30]),
		"duplicate result":              response(200, `{"success":true,"result":[{"service":"a"}],"result":[]}`),
		"duplicate result, escaped":     response(200, `{"success":true,"result":[{"service":"a"}],"r\u0065sult":[]}`),
		"duplicate success":             response(200, `{"success":false,"result":[],"success":true}`),
		"duplicate in a row":            response(200, `{"success":true,"result":[{"service":"a","service":"b"}]}`),
		"duplicate in unknown":          response(200, `{"success":true,"result":[],"x":{"a":1,"a":2}}`),
		"invalid UTF-8":                 response(200, `{"success":true,"result":[{"service":"`+"\xff"+`"}]}`),
		"invalid UTF-8 in unknown":      response(200, `{"success":true,"result":[],"x":"`+"\xff"+`"}`),
		"lone surrogate":                response(200, `{"success":true,"result":[{"service":"\ud800"}]}`),
		"fraction in count":             response(200, `{"success":true,"result":[],"result_info":{"count":0.5}}`),
		"count beyond 2^53":             response(200, `{"success":true,"result":[],"result_info":{"count":9007199254740993}}`),
		"count below -2^53":             response(200, `{"success":true,"result":[],"result_info":{"count":-9007199254740994}}`),
		"count beyond any float":        response(200, `{"success":true,"result":[],"result_info":{"count":1e400}}`),
		"count as a string":             response(200, `{"success":true,"result":[],"result_info":{"count":"0"}}`),
		"errors of another kind":        response(200, `{"success":true,"result":[],"errors":"none"}`),
		"errors an object":              response(200, `{"success":true,"result":[],"errors":{}}`),
		"result_info an array":          response(200, `{"success":true,"result":[],"result_info":[]}`),
		"nested too deep":               response(200, `{"success":true,"result":[],"x":`+deep+`}`),
		"byte order mark":               response(200, "\ufeff"+emptyBody),
		"status beyond the known range": response(999, emptyBody),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := associationsOf(t, resp)
			if list != nil {
				t.Fatalf("got a list: %+v", list)
			}
			wantSentinels(t, err, api.ErrUnexpectedResponse)
			e := asError(t, err)
			if e.StatusCode != resp.StatusCode || e.RayID != "8f2a5c-AMS" || e.Attempts != 1 {
				t.Errorf("got %+v", e)
			}
			if text := err.Error(); len(text) > 300 || strings.ContainsAny(text, "\n\r") || strings.Contains(text, "<html>") || strings.Contains(text, " the same name twice") != strings.HasPrefix(name, "duplicate ") {
				t.Errorf("text is %q", text)
			}
		})
	}
}

func TestSuccessWithoutResultIsAnError(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"success":true}`, `{"success":true,"result":null}`, `{"success":true,"result":null,"result_info":{"total_count":0}}`} {
		list, err := associationsOf(t, response(200, body))
		wantSentinels(t, err, api.ErrNoResult)
		if e := asError(t, err); list.Usage() != api.UsageUnknown || e.RayID == "" || e.StatusCode != 200 {
			t.Errorf("%s: got %+v, %+v", body, list, e)
		}
	}
}

func TestAllMembersOfAResponseAreReturned(t *testing.T) {
	t.Parallel()
	body := `{"success":true,
		"errors":[{"code":1001,"message":"e","documentation_url":"https://d","source":{"pointer":"/p"}}],
		"messages":[{"code":1002,"message":"m","documentation_url":"https://d2","source":{"pointer":"/q"}}],
		"result":[{"service":"gateway","status":"pending_deployment"},{"service":"new","status":"odd"}],
		"result_info":{"count":2,"page":1,"per_page":20,"total_count":2000,"total_pages":100},"future":1}`
	list, err := associationsOf(t, response(200, body))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(list.Associations, []api.Association{{Service: "gateway", Status: "pending_deployment"}, {Service: "new", Status: "odd"}}) {
		t.Errorf("got %+v", list.Associations)
	}
	if e := list.Errors[0]; e.Code != 1001 || e.Message != "e" || e.DocumentationURL != "https://d" || e.Pointer != "/p" {
		t.Errorf("got %+v", e)
	}
	if m := list.Messages[0]; m != (api.Notice{Code: 1002, Message: "m", DocumentationURL: "https://d2", Pointer: "/q"}) {
		t.Errorf("got %+v", m)
	}
	if *list.Info != (api.ResultInfo{Count: 2, Page: 1, PerPage: 20, TotalCount: 2000, TotalPages: 100}) {
		t.Errorf("got %+v", list.Info)
	}
	if !list.Truncated || list.Usage() != api.InUse || string(list.Body) != body {
		t.Errorf("got %+v", list)
	}
}

func TestCountsAreCheckedBeforeTheyAreRounded(t *testing.T) {
	t.Parallel()
	for number, good := range map[string]bool{
		"0": true, "0.0": true, "-0": true, "0e-5": true, "0.00E-400": true,
		"1e-400": false, "-1E-400": false, "0." + strings.Repeat("0", 400) + "1": false,
		"1.0000000000000001": false, "0.99999999999999999999": false, "10000000000000000000000001e-25": false,
		"4503599627370496.00000001": false, "-0.99999999999999999999": false, "9223372036854775808.5": false,
		"9007199254740992.5": false, "9007199254740991.9": false,
	} {
		for _, member := range []string{"count", "page", "per_page", "total_count", "total_pages"} {
			list, err := associationsOf(t, response(200, `{"success":true,"result":[],"result_info":{"`+member+`":`+number+`}}`))
			if good != (list.Usage() == api.Unused) || !good && !errors.Is(err, api.ErrUnexpectedResponse) {
				t.Errorf("%s %.30s: got %v, %v", member, number, list.Usage(), err)
			}
		}
	}
}

func TestCountsAreExactUpToTwoToThePowerOf53(t *testing.T) {
	t.Parallel()
	list, err := associationsOf(t, response(200, `{"success":true,"result":[],"result_info":{"total_count":9007199254740992,"count":-9007199254740992}}`))
	if err != nil {
		t.Fatal(err)
	}
	if list.Info.TotalCount != 1<<53 || list.Info.Count != -1<<53 {
		t.Errorf("got %+v", list.Info)
	}
}

func TestCodesBeyondIntAreNotWrapped(t *testing.T) {
	t.Parallel()
	list, err := associationsOf(t, response(200, `{"success":true,"result":[],"messages":[{"code":5000000000,"message":"m"}]}`))
	if strconv.IntSize == 64 {
		if err != nil || int64(list.Messages[0].Code) != 5_000_000_000 {
			t.Errorf("got %+v, %v", list, err)
		}
		return
	}
	if err != nil || list.Messages[0].Code != 0 {
		t.Errorf("on a platform whose int ends at %d, got %+v, %v; want the code 0", math.MaxInt, list, err)
	}
}

// An invalid informational member does not make the response invalid.
func TestInformationalMembersMayBeMalformed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rest      string // of the body
		malformed []string
		usage     api.Usage
	}{
		"message of text":          {`"messages":["m"]`, []string{"/messages/0"}, api.Unused},
		"messages of another kind": {`"messages":{"a":1}`, []string{"/messages"}, api.Unused},
		"code as a string":         {`"messages":[{"code":"1","message":"m"}]`, []string{"/messages/0/code"}, api.Unused},
		"code with a fraction":     {`"messages":[{"code":1.5,"message":"m"}]`, []string{"/messages/0/code"}, api.Unused},
		"code beyond any integer":  {`"messages":[{"code":1e30,"message":"m"}]`, []string{"/messages/0/code"}, api.Unused},
		"source of another kind":   {`"messages":[{"source":7},{"source":{"pointer":7}}]`, []string{"/messages/0/source", "/messages/1/source/pointer"}, api.Unused},
		"error of text":            {`"errors":["e"]`, []string{"/errors/0"}, api.UsageUnknown},
		"null as a message":        {`"messages":[null]`, []string{"/messages/0"}, api.Unused},
		"null as an error":         {`"errors":[null]`, []string{"/errors/0"}, api.UsageUnknown},
		"null for both lists":      {`"messages":null,"errors":null`, nil, api.Unused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := associationsOf(t, response(200, `{"success":true,"result":[],`+tt.rest+`}`))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(list.Malformed, tt.malformed) || list.Usage() != tt.usage {
				t.Errorf("malformed %q, usage %v", list.Malformed, list.Usage())
			}
		})
	}
}
