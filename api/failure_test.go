package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/certuse/cloudflare-mtls/api"
)

func envelopeWith(code string) string {
	return `{"success":false,"errors":[{"code":` + code + `,"message":"why"}],"messages":[],"result":null}`
}

func TestFailuresAreClassified(t *testing.T) {
	t.Parallel()
	type class []error
	odd := func(s error) class { return class{s, api.ErrUnexpectedResponse} }
	for name, c := range map[string]struct {
		status int
		body   string
		want   class
	}{
		"401":                             {401, envelopeWith("10000"), class{api.ErrUnauthorized}},
		"401 with the rate code":          {401, envelopeWith("971"), class{api.ErrRateLimited}},
		"400 with 6003":                   {400, envelopeWith("6003"), class{api.ErrUnauthorized}},
		"400 with 6102":                   {400, envelopeWith("6102"), class{api.ErrUnauthorized}},
		"400 with 6103":                   {400, envelopeWith("6103"), class{api.ErrUnauthorized}},
		"400 with 6111":                   {400, envelopeWith("6111"), class{api.ErrUnauthorized}},
		"400 with 9103":                   {400, envelopeWith("9103"), class{api.ErrUnauthorized}},
		"400 with 9106":                   {400, envelopeWith("9106"), class{api.ErrUnauthorized}},
		"400 with 9107":                   {400, envelopeWith("9107"), class{api.ErrUnauthorized}},
		"400 with 6003 as a string":       {400, envelopeWith(`"6003"`), class{api.ErrUnauthorized}},
		"400 with 6003 as a float":        {400, envelopeWith(`6003.0`), class{api.ErrUnauthorized}},
		"400 with 6111 in the chain":      {400, `{"success":false,"errors":[{"code":1,"message":"m","error_chain":[{"code":6111}]}]}`, class{api.ErrUnauthorized}},
		"400 with 6003 as second error":   {400, `{"success":false,"errors":[{"code":1,"message":"m"},{"code":6003,"message":"m"}]}`, class{api.ErrUnauthorized}},
		"400 with 6003, legacy form":      {400, `{"code":6003,"message":"m"}`, odd(api.ErrUnauthorized)},
		"400 with 6103, legacy chain":     {400, `{"code":1,"error":"m","error_chain":[{"code":6103,"message":"m"}]}`, odd(api.ErrUnauthorized)},
		"400 with 10000":                  {400, envelopeWith("10000"), class{api.ErrRejected}},
		"400 with 9109":                   {400, envelopeWith("9109"), class{api.ErrRejected}},
		"400 with the rate code":          {400, envelopeWith("971"), class{api.ErrRateLimited}},
		"404 with 6003":                   {404, envelopeWith("6003"), class{api.ErrNotFound}},
		"403":                             {403, envelopeWith("10000"), class{api.ErrForbidden}},
		"403 with 6003":                   {403, envelopeWith("6003"), class{api.ErrForbidden}},
		"403 with the rate code":          {403, envelopeWith("971"), class{api.ErrRateLimited}},
		"404 with the rate code":          {404, envelopeWith("971"), class{api.ErrRateLimited}},
		"502 with the rate code":          {502, envelopeWith("971"), class{api.ErrRateLimited}},
		"404 with 7003":                   {404, envelopeWith("7003"), class{api.ErrNotFound}},
		"429":                             {429, envelopeWith("10429"), class{api.ErrRateLimited}},
		"500":                             {500, envelopeWith("1"), class{api.ErrServer}},
		"599":                             {599, envelopeWith("1"), class{api.ErrServer}},
		"409":                             {409, envelopeWith("1"), class{api.ErrRejected}},
		"408":                             {408, envelopeWith("1"), class{api.ErrRejected}},
		"success false":                   {200, envelopeWith("1"), class{api.ErrRejected}},
		"success false with rate code":    {200, envelopeWith("971"), class{api.ErrRateLimited}},
		"success false, result present":   {200, `{"success":false,"errors":[],"result":[]}`, class{api.ErrRejected}},
		"errors missing":                  {403, `{"success":false}`, class{api.ErrForbidden}},
		"errors null":                     {404, `{"success":false,"errors":null,"result":null}`, class{api.ErrNotFound}},
		"errors an object":                {404, `{"success":false,"errors":{"code":5,"message":"m"}}`, class{api.ErrNotFound}},
		"errors of text":                  {404, `{"success":false,"errors":["m"],"messages":["n"]}`, class{api.ErrNotFound}},
		"errors of odd kinds":             {404, `{"success":false,"errors":[1,null,[],{}]}`, class{api.ErrNotFound}},
		"code out of range":               {404, envelopeWith("1e400"), class{api.ErrNotFound}},
		"success true with a failure":     {404, `{"success":true,"errors":[],"result":[]}`, odd(api.ErrNotFound)},
		"envelope with duplicates":        {403, `{"success":false,"success":false,"errors":[{"code":5,"message":"m"}]}`, odd(api.ErrForbidden)},
		"HTML":                            {502, "<html>bad gateway</html>", odd(api.ErrServer)},
		"HTML with 520":                   {520, "<html>", odd(api.ErrServer)},
		"HTML with 403":                   {403, "<html>", odd(api.ErrForbidden)},
		"HTML with 429":                   {429, "<html>", odd(api.ErrRateLimited)},
		"edge code as text":               {403, "error code: 1015", odd(api.ErrForbidden)},
		"empty":                           {503, "", odd(api.ErrServer)},
		"null":                            {500, "null", odd(api.ErrServer)},
		"array":                           {500, "[]", odd(api.ErrServer)},
		"redirect":                        {302, "", class{api.ErrRedirect}},
		"not modified":                    {304, "", class{api.ErrRedirect}},
		"unknown status with an envelope": {999, envelopeWith("1"), class{api.ErrUnexpectedResponse}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := response(c.status, c.body)
			list, err := associationsOf(t, resp)
			if list != nil {
				t.Fatalf("got %+v", list)
			}
			wantSentinels(t, err, c.want...)
			if e := asError(t, err); e.StatusCode != c.status || e.RayID != "8f2a5c-AMS" || e.Attempts != 1 {
				t.Errorf("got %+v", e)
			}
			if body := resp.Body.(*trackedBody); !body.closed || !body.ended {
				t.Errorf("body: %+v", body)
			}
		})
	}
}

func TestErrorOfA403NamesThePermissionBesideALongMessage(t *testing.T) {
	t.Parallel()
	_, err := associationsOf(t, response(403, `{"success":false,"errors":[{"code":10000,"message":"`+strings.Repeat("long ", 200)+`"}]}`, "CF-Ray", strings.Repeat("8", 64)))
	if text := err.Error(); !strings.Contains(text, `needs the permission "Account: SSL and Certificates Read"`) || len(text) > 299 {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

// A firewall, a proxy or a cache may respond in place of the API.
func TestErrorOfA403OfAnotherServerNamesNoPermission(t *testing.T) {
	t.Parallel()
	const envelope = `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}`
	for name, resp := range map[string]*http.Response{
		"HTML":       response(403, "<html>", "Content-Type", "text/html"),
		"large HTML": response(403, "<html>"+strings.Repeat(" ", 9<<20), "Content-Type", "text/html"),
		"large JSON": response(403, envelope+strings.Repeat(" ", 9<<20)),
		"cut":        response(403, envelope[:len(envelope)-2]),
		"edge":       response(403, "error code: 1020", "Content-Type", "text/plain"),
		"stale":      response(403, envelope, "Age", "60"),
	} {
		_, err := associationsOf(t, resp)
		text, marshalError := json.Marshal(asError(t, err))
		if marshalError != nil || !errors.Is(err, api.ErrForbidden) || !errors.Is(err, api.ErrUnexpectedResponse) || strings.Contains(string(text), "permission") {
			t.Errorf("%s: %s, %v", name, text, marshalError)
		}
	}
}

func TestDetailsAreKept(t *testing.T) {
	t.Parallel()
	_, err := associationsOf(t, response(403, `{"success":false,"result":null,"messages":[{"code":5,"message":"note"},"plain"],"errors":[
		{"code":10000,"message":"Authentication error","documentation_url":"https://d","source":{"pointer":"/p"},
		 "error_chain":[{"code":6111,"message":"inner","error_chain":[{"code":"7","message":"innermost"}]}]},
		{"code":"odd","message":"second"}]}`))
	e := asError(t, err)
	if len(e.Details) != 2 || len(e.Messages) != 2 {
		t.Fatalf("got %+v", e)
	}
	first := e.Details[0]
	if first.Code != 10000 || first.Message != "Authentication error" || first.DocumentationURL != "https://d" || first.Pointer != "/p" {
		t.Errorf("got %+v", first)
	}
	if inner := first.Chain[0]; inner.Code != 6111 || inner.Chain[0].Code != 7 || inner.Chain[0].Message != "innermost" {
		t.Errorf("got %+v", inner)
	}
	if second := e.Details[1]; second.Code != 0 || second.Message != "second" {
		t.Errorf("got %+v", second)
	}
	if e.Messages[0] != (api.Notice{Code: 5, Message: "note"}) || e.Messages[1].Message != "plain" {
		t.Errorf("got %+v", e.Messages)
	}
	const want = `list mTLS certificate associations: HTTP 403 Forbidden: code 10000: Authentication error (also 6111, 7) (needs the permission "Account: SSL and Certificates Read", ray 8f2a5c-AMS)`
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestDetailsAreBounded(t *testing.T) {
	t.Parallel()
	chain := `{"code":1,"message":"m"}`
	for range 100 {
		chain = `{"code":1,"message":"m","error_chain":[` + chain + `]}`
	}
	many := strings.Repeat(chain+",", 100)
	long := `{"code":2,"message":"` + strings.Repeat("é", 100_000) + `"}`
	_, err := associationsOf(t, response(400, `{"success":false,"errors":[`+long+`,`+many+chain+`]}`))
	total := 0
	var count func([]api.ErrorDetail, int)
	count = func(details []api.ErrorDetail, depth int) {
		for _, d := range details {
			total += 1 + len(d.Message)
			if depth > 8 {
				t.Errorf("chain of depth %d", depth)
			}
			count(d.Chain, depth+1)
		}
	}
	count(asError(t, err).Details, 0)
	if total > 2000 || len(err.Error()) > 300 {
		t.Errorf("kept %d bytes; text has %d", total, len(err.Error()))
	}
}

func TestAFailureKeeps32ErrorsAnd32MessagesIncludingThoseOfChains(t *testing.T) {
	t.Parallel()
	item := `{"code":1,"message":"m","error_chain":[{"code":2}]}`
	list := `[` + strings.Repeat(item+",", 50) + item + `]`
	_, err := associationsOf(t, response(400, `{"success":false,"errors":`+list+`,"messages":`+list+`}`))
	if e := asError(t, err); len(e.Details) != 16 || len(e.Details[15].Chain) != 1 || len(e.Messages) != 16 {
		t.Errorf("%d errors, %d messages, with as many in their chains", len(e.Details), len(e.Messages))
	}
	_, err = associationsOf(t, response(400, `{"code":6003,"error_chain":[`+strings.Repeat(`{"code":2},`, 50)+`{"code":2}]}`))
	if e := asError(t, err); !errors.Is(err, api.ErrUnauthorized) || len(e.Details) != 1 || len(e.Details[0].Chain) != 32 {
		t.Errorf("the legacy form with a long chain: %v, %+v", err, e.Details)
	}
	chain := `{"code":9}`
	for range 20 {
		chain = `{"code":1,"error_chain":` + chain + `}`
	}
	for body, want := range map[string]int{`{"success":false,"errors":[` + chain + `]}`: 9, chain: 9} {
		_, err = associationsOf(t, response(400, body))
		depth := 0
		for details := asError(t, err).Details; len(details) > 0; details = details[0].Chain {
			depth++
		}
		if depth != want {
			t.Errorf("a chain of %d errors, want %d", depth, want)
		}
	}
}

func TestErrorsMadeByHandAreClassified(t *testing.T) {
	t.Parallel()
	wantSentinels(t, &api.Error{StatusCode: 404}, api.ErrNotFound)
	wantSentinels(t, &api.Error{StatusCode: 400, Details: []api.ErrorDetail{{Code: 9106}}}, api.ErrUnauthorized)
	wantSentinels(t, &api.Error{})
	if got := (&api.Error{StatusCode: 404, RayID: strings.Repeat("x", 1000), Attempts: 1 << 30}).Error(); len(got) > 300 {
		t.Errorf("text is %q", got)
	}
	if got := (&api.Error{StatusCode: 404}).Error(); got != "cloudflare-mtls: HTTP 404 Not Found" {
		t.Errorf("got %q", got)
	}
}

func TestErrorTextIsOneBoundedLine(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"line breaks":   "a\nb\r\nc\u2028d\u0085e\tf",
		"terminal":      "a\x1b[31mred\x07",
		"direction":     "a\u202eb\u2066c",
		"long":          strings.Repeat("word ", 1000),
		"long word":     strings.Repeat("é", 1000),
		"only controls": "\x00\x01\x02",
	} {
		resp := response(409, fmt.Sprintf(`{"success":false,"errors":[{"code":1,"message":%s}]}`, jsonString(message)))
		_, err := associationsOf(t, resp)
		text := err.Error()
		hidden := func(r rune) bool { return r == '\ufffd' || !unicode.IsPrint(r) }
		if len(text) > 300 || strings.ContainsFunc(text, hidden) {
			t.Errorf("%s: long, or not printable: %q", name, text)
		}
		if !strings.HasPrefix(text, "list mTLS certificate associations: HTTP 409 Conflict: code 1") || !strings.HasSuffix(text, "(ray 8f2a5c-AMS)") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func TestErrorTextIsShortEvenIfEverythingIsLong(t *testing.T) {
	t.Parallel()
	long := api.ErrorDetail{Code: math.MinInt, Message: strings.Repeat("é", 1000)}
	err := &api.Error{StatusCode: 511, RayID: strings.Repeat("x", 64), Attempts: math.MaxInt, Details: []api.ErrorDetail{long, long, long, long, long, long}}
	if text := err.Error(); len(text) >= 300 || !strings.HasSuffix(text, fmt.Sprintf("%d attempts)", math.MaxInt)) {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

func TestInvalidRayIDIsDropped(t *testing.T) {
	t.Parallel()
	for _, ray := range []string{"a b", "<x>", strings.Repeat("a", 65), "a\tb", token} {
		_, err := associationsOf(t, response(404, "{}", "Cf-Ray", ray))
		if e := asError(t, err); e.RayID != "" {
			t.Errorf("kept %q", e.RayID)
		}
	}
}

func TestErrorOfACallMatchesTheNetworkError(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection reset")
	rt := scripted(fail(cause))
	_, err := newClient(t, rt, api.WithMaxAttempts(1)).Associations(t.Context(), cert)
	wantSentinels(t, err, api.ErrUnreachable)
	if e := asError(t, err); !errors.Is(err, cause) || e.StatusCode != 0 || e.Attempts != 1 || !strings.Contains(err.Error(), cause.Error()) {
		t.Errorf("got %+v", e)
	}
}

func TestResponsesThatTransportsMustNotReturnAreErrors(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) { return nil, nil }), api.WithMaxAttempts(1)).
		Associations(t.Context(), cert)
	wantSentinels(t, err, api.ErrUnreachable)
	_, err = associationsOf(t, &http.Response{StatusCode: 200})
	wantSentinels(t, err, api.ErrUnexpectedResponse)
}

func TestOnlyTextOfTheEdgeHasACode(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}", `{"success":false}`, "code: 1015", "error code: x", "error code: -1", "error code: 65536", "error code: 1015 and more", "<html>error code: 1015"} {
		_, err := associationsOf(t, response(403, body, "Content-Type", "text/plain"))
		if e := asError(t, err); len(e.Details) != 0 {
			t.Errorf("%q: got %+v", body, e.Details)
		}
	}
}

// A failure is decoded even if its JSON is invalid for a success.
func TestFailuresAreReadLeniently(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want api.ErrorDetail
	}{
		"names twice, the last counts": {`{"success":false,"success":false,"errors":[{"code":4}],"errors":[{"code":5,"code":6,"message":"m"}]}`, api.ErrorDetail{Code: 6, Message: "m"}},
		"invalid UTF-8":                {`{"success":false,"errors":[{"code":5,"message":"a` + "\xff" + `b"}]}`, api.ErrorDetail{Code: 5, Message: "a\ufffdb"}},
		"half of a character":          {`{"success":false,"\ud800":1,"errors":[{"code":5,"message":"a\ud800b"}]}`, api.ErrorDetail{Code: 5, Message: "a\ufffdb"}},
		"space in a code of text":      {`{"success":false,"errors":[{"code":" 5 ","message":"m"}]}`, api.ErrorDetail{Code: 5, Message: "m"}},
		"code with an exponent":        {`{"success":false,"errors":[{"code":70030e-1,"message":"m"}]}`, api.ErrorDetail{Code: 7003, Message: "m"}},
		"code out of range":            {`{"success":false,"errors":[{"code":1e9999999999,"message":"m"}]}`, api.ErrorDetail{Message: "m"}},
		"code that is no number":       {`{"success":false,"errors":[{"code":"1e","message":"m"}]}`, api.ErrorDetail{Message: "m"}},
		"a pointer alone":              {`{"success":false,"errors":[{"source":{"pointer":"/p"}}]}`, api.ErrorDetail{Pointer: "/p"}},
		"a link alone":                 {`{"success":false,"errors":[{"documentation_url":"https://d"}]}`, api.ErrorDetail{DocumentationURL: "https://d"}},
		"a chain alone":                {`{"success":false,"errors":[{"error_chain":[{"code":1}]}]}`, api.ErrorDetail{Chain: []api.ErrorDetail{{Code: 1}}}},
		"the legacy form":              {`{"code":6003,"error":"m"}`, api.ErrorDetail{Code: 6003, Message: "m"}},
		"both forms":                   {`{"success":false,"code":6003,"error":"m","errors":[{"code":5}]}`, api.ErrorDetail{Code: 5}},
		"text of the edge":             {" error code: 1015\n", api.ErrorDetail{Code: 1015, Message: "error code: 1015"}},
		"other values and an error":    {`{"success":false,"errors":[` + strings.Repeat("null,", 40) + `1,[2],true,{},{"code":5}]}`, api.ErrorDetail{Code: 5}},
		"members of odd kinds":         {`{"success":false,"errors":[{"code":{},"message":[1],"documentation_url":7,"source":"s","error":"e"}]}`, api.ErrorDetail{Message: "e"}},
	} {
		_, err := associationsOf(t, response(403, c.body))
		if e := asError(t, err); len(e.Details) != 1 || fmt.Sprint(e.Details[0]) != fmt.Sprint(c.want) {
			t.Errorf("%s: got %+v", name, e.Details)
		}
	}
}
