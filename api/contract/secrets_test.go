package contract_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/contract"
)

// TestNoViolationShowsASecret lets a server send the credentials back in every
// place that a violation quotes.
func TestNoViolationShowsASecret(t *testing.T) {
	t.Parallel()
	const email, key = "owner+canary@example.com", `canary/key "with" <odd>&~signs`
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	for _, secret := range []string{token, "Bearer " + token, email, key} {
		for _, shape := range []string{
			"<html>%s</html>",
			`{"errors":[],"messages":[],"success":%s}`,
			`{%s:1}`, `{%s:1`, `{"errors":%s}`,
			`{"errors":[],"messages":[],"success":true,"result":[{"service":%s,"status":[%[1]s]}]}`,
			`{"errors":[],"messages":[],"success":true,"result_info":{%s:%[1]s}}`,
			`{"errors":{"a":%s,"b":{"c":%[1]s}}}`,
			`["` + strings.Repeat("x", 100) + `", %s]`,
		} {
			for _, echo := range []string{quoted(secret), quoted(strings.ToUpper(secret)), quoted(url.QueryEscape(secret)), quoted(strings.Repeat(secret, 20))} {
				body := fmt.Sprintf(shape, echo)
				for _, contentType := range []string{"application/json", "text/html", "text/" + url.QueryEscape(secret)} {
					transport, seen := newTransport(t, answer(200, contentType, body), contract.WithMode(contract.Fail))
					req := get(t)
					req.Header.Set("X-Auth-Email", email)
					req.Header.Set("X-Auth-Key", key)
					req.URL.RawQuery = url.Values{secret: {secret}}.Encode()
					_, err := transport.RoundTrip(req) //nolint:bodyclose // refused for its query
					req.URL.RawQuery = ""
					resp, err2 := transport.RoundTrip(req)
					if err2 != nil {
						t.Fatal(err2)
					}
					_, err3 := io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					if len(seen.got) < 2 {
						t.Fatalf("%s: only %v", body, seen.got)
					}
					shown := strings.ToLower(fmt.Sprintf("%+v %v %v", seen.got, err, err3))
					for _, part := range []string{token, email, "owner%2bcanary", "canary/key", "canary~1key", "canary%2fkey", "odd"} {
						if strings.Contains(shown, strings.ToLower(part)) {
							t.Fatalf("body %s: %q shows in %s", body, part, shown)
						}
					}
				}
			}
		}
	}
}

func TestLongTokensAreMaskedWhoeverTheyBelongTo(t *testing.T) {
	t.Parallel()
	foreign := "cfut_" + strings.Repeat("aB3", 13)
	got, err := contract.CheckResponse(200, http.Header{"Content-Type": {"text/html"}}, []byte("<p>"+foreign))
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if strings.Contains(got[0].Excerpt, foreign[:20]) || !strings.Contains(got[0].Excerpt, "[redacted]") {
		t.Errorf("excerpt %s", got[0].Excerpt)
	}
}

func TestTextsAreOneBoundedLine(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("é\n", 500)
	body, _ := json.Marshal(map[string]any{name: name, "errors": []int{}, "messages": []int{}, "success": true})
	got, err := contract.CheckResponse(200, http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	for _, text := range []string{got[0].Pointer, got[0].Excerpt, got[0].Message} {
		if len(text) > 170 || strings.ContainsAny(text, "\n\r") || strings.ContainsRune(text, '\uFFFD') {
			t.Errorf("text of %d bytes: %q", len(text), text)
		}
	}
}
