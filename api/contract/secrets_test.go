package contract_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/contract"
)

// The server repeats the credentials in every place that a violation quotes.
func TestNoViolationShowsASecret(t *testing.T) {
	t.Parallel()
	const email, key = "owner+canary@example.com", `canary/key "with" <odd>&~signs`
	// %s is the place of the secret: a JSON string in the body, escaped as in a URL in the
	// content type.
	responses := []struct{ contentType, body string }{
		{"application/json", `{"errors":[],"messages":[],"success":%s}`},
		{"application/json", `{%s:1}`},
		{"application/json", `{%s:1`},
		{"application/json", `{"errors":%s}`},
		{"application/json", `{"errors":{"a":%s,"b":{"c":%[1]s}}}`},
		{"application/json", `{"errors":[],"messages":[],"success":true,"result_info":{%s:%[1]s}}`},
		{"application/json", `{"errors":[],"messages":[],"success":true,"result":[{"service":%s,"status":[%[1]s]}]}`},
		{"text/html", `<html>%s</html>`},
		{"text/%s", `<html>%s</html>`},
		{"text/plain", `["` + strings.Repeat("x", 100) + `", %s]`},
	}
	for _, secret := range []string{token, email, key} {
		for _, response := range responses {
			contentType := strings.ReplaceAll(response.contentType, "%s", url.QueryEscape(secret))
			for _, echo := range []string{secret, strings.ToUpper(secret), url.QueryEscape(secret), strings.Repeat(secret, 20)} {
				wantNoSecret(t, fmt.Sprintf(response.body, quoted(t, echo)), contentType, email, key)
			}
		}
	}
}

// escapeEveryByte formats each byte of a text.
func escapeEveryByte(text, format string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, format, text[i])
	}
	return b.String()
}

func quoted(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wantNoSecret checks the violations of two requests with all credentials: one gets the
// response, and one is refused.
func wantNoSecret(t *testing.T, body, contentType, email, key string) {
	t.Helper()
	transport, seen := newTransport(t, respondWith(200, contentType, body), contract.WithMode(contract.Fail))
	req := get(t)
	req.Header.Set("X-Auth-Email", email)
	req.Header.Set("X-Auth-Key", key)
	_, broken, _ := send(t, transport, req)
	req.URL.RawQuery = url.Values{key: {key}}.Encode()
	_, refused := transport.RoundTrip(req)
	if len(seen.got) < 2 || refused == nil {
		t.Fatalf("%s: violations %v, error for the request %v", body, seen.got, refused)
	}
	shown := strings.ToLower(fmt.Sprintf("%+v %v %v", seen.got, broken, refused))
	for _, part := range []string{token, email, "owner%2bcanary", "canary/key", "canary~1key", "canary%2fkey", "odd"} {
		if strings.Contains(shown, strings.ToLower(part)) {
			t.Fatalf("body %s: %q is in %s", body, part, shown)
		}
	}
}

func TestLongTokensOfAnyOriginAreMasked(t *testing.T) {
	t.Parallel()
	foreign := "cfut_" + strings.Repeat("aB3", 13)
	got := check(t, get(t), 200, "text/html", "<p>"+foreign)
	if len(got) != 1 {
		t.Fatalf("violations %v", got)
	}
	if strings.Contains(got[0].Excerpt, foreign[:20]) || !strings.Contains(got[0].Excerpt, "[redacted]") {
		t.Errorf("excerpt %s", got[0].Excerpt)
	}
}

// If a text were cut before its redaction, it could end with a part of a token that is
// too short to be masked.
func TestNoPartOfATokenShowsAtAnyPosition(t *testing.T) {
	t.Parallel()
	secret := "cfut_" + strings.Repeat("aB3", 12)
	for _, ofRequest := range []string{secret, token} {
		for before := range 300 { // a text is cut after 160 bytes
			body := strings.Repeat("x", before) + " " + secret
			if shown := violationTexts(t, ofRequest, "text/html", body); strings.Contains(shown, secret[:6]) {
				t.Fatalf("%d bytes before the token: %s", before, shown)
			}
		}
	}
}

// A server may repeat a part that is too short to look like a token.
func TestPartOfACredentialIsRedacted(t *testing.T) {
	t.Parallel()
	const secret = "Zq7mK2xW9bR4tY6uP1sD3fG5hJ8kL0vC2nM4aQ6e"
	for _, part := range []string{secret[:36], secret[8:], secret[10:26]} {
		if shown := violationTexts(t, secret, "text/html", "<p>invalid token "+part+"…"); strings.Contains(shown, part) {
			t.Errorf("%s is in %s", part, shown)
		}
	}
}

// violationTexts returns the texts of all violations of a response to a request with
// the token.
func violationTexts(t *testing.T, token, contentType, body string) string {
	t.Helper()
	transport, seen := newTransport(t, respondWith(200, contentType, body))
	req := get(t)
	req.Header.Set("Authorization", "Bearer "+token)
	_, _, _ = send(t, transport, req)
	if len(seen.got) == 0 {
		t.Fatalf("no violation: %s", body)
	}
	return fmt.Sprintf("%+v", seen.got)
}

func TestEscapedEchoesOfATokenAreRedacted(t *testing.T) {
	t.Parallel()
	const secret = "v1.0-abcdef+0123/456789="
	for name, echo := range map[string]string{
		"all in JSON":          escapeEveryByte(secret, `\u%04x`),
		"all in JSON, twice":   escapeEveryByte(secret, `\\u%04X`),
		"all in HTML":          escapeEveryByte(secret, `&#x%x;`),
		"all in HTML, decimal": escapeEveryByte(secret, `&#%d;`),
		"all in a URL":         escapeEveryByte(secret, `%%%02X`),
		"solidus":              strings.ReplaceAll(secret, "/", `\/`),
		"one letter":           strings.Replace(secret, "c", `\u0063`, 1),
		"mixed":                `\u0076` + strings.ReplaceAll(strings.ReplaceAll(secret[1:], "+", "%2B"), "=", "&#61;"),
	} {
		for _, body := range []string{`<p>` + echo, `{"a":"` + echo} {
			for _, contentType := range []string{"application/json", "text/html"} {
				if shown := violationTexts(t, secret, contentType, body); !strings.Contains(shown, "[redacted]") || strings.Contains(shown, echo[:8]) {
					t.Errorf("%s, %s: %s", name, contentType, shown)
				}
			}
		}
	}
}

func TestCredentialsOutsideUTF8AreRedacted(t *testing.T) {
	t.Parallel()
	const secret = "old-\xff\xfe-key"
	for _, body := range []string{secret, `{"a":"` + secret, url.QueryEscape(secret), quoted(t, secret)} {
		if shown := violationTexts(t, secret, "text/html", body); strings.Contains(shown, "old-") || strings.Contains(shown, "-key") {
			t.Errorf("%q: %s", body, shown)
		}
	}
}

func TestTextsOfViolationsAreOneBoundedLine(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("é\n", 500)
	body := quoted(t, map[string]any{name: name, "errors": []int{}, "messages": []int{}, "success": true, "result": []int{}})
	got := check(t, get(t), 200, "application/json", body)
	if len(got) != 1 {
		t.Fatalf("violations %v", got)
	}
	for _, text := range []string{got[0].Pointer, got[0].Excerpt, got[0].Message} {
		if len(text) > 170 || strings.ContainsAny(text, "\n\r") || strings.ContainsRune(text, '\uFFFD') {
			t.Errorf("text of %d bytes: %q", len(text), text)
		}
	}
}

// Names of headers have no case. Recordings often have them in lower case.
func TestHeadersAreFoundInLowerCase(t *testing.T) {
	t.Parallel()
	req := request(t, http.MethodPost, "/mtls_certificates", `{"ca":true,"certificates":"PEM"}`)
	req.Header = http.Header{"authorization": {"Bearer " + token}, "content-type": {"application/json"}}
	sent, err := contract.CheckRequest(req)
	if err != nil {
		t.Fatal(err)
	}
	wantViolations(t, sent)
	header := http.Header{"content-type": {"application/json"}, "cf-ray": {"8f-TST"}}
	received, err := contract.CheckResponse(req, 401, header, []byte(`{"success":"`+token+`","errors":[],"messages":[],"result":null}`))
	if err != nil {
		t.Fatal(err)
	}
	wantViolations(t, received, "bad response /success")
	if text := fmt.Sprint(received); strings.Contains(text, token) || received[0].RayID != "8f-TST" {
		t.Errorf("got %s", text)
	}
}
