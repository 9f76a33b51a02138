package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

var canaries = []string{token, email, key}

// wantNoSecret looks for the canaries in v, printed in every way.
func wantNoSecret(t *testing.T, what string, v any) {
	t.Helper()
	wantNoneShown(t, what, v, canaries)
}

// wantNoneShown prints v in every way and looks for the secrets.
func wantNoneShown(t *testing.T, what string, v any, secrets []string) {
	t.Helper()
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p"} {
		fmt.Fprintf(&out, verb+"\n", v)
	}
	text, err := json.Marshal(v)
	fmt.Fprintln(&out, string(text), err)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
	for _, canary := range secrets {
		hex := fmt.Sprintf("%x", canary)
		decimal := strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]")
		for _, form := range []string{canary, hex, strings.ToUpper(hex), decimal} {
			if strings.Contains(out.String(), form) {
				t.Errorf("%s shows %q:\n%.2000s", what, form, out.String())
				return
			}
		}
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	t.Parallel()
	for name, creds := range map[string]api.Credentials{"token": api.APIToken(token), "key": api.APIKey(email, key)} {
		client, err := api.New(creds)
		if err != nil {
			t.Fatal(err)
		}
		type holder struct {
			Exported api.Credentials
			hidden   api.Credentials
			pointer  *api.Credentials
			client   *api.Client
		}
		for what, v := range map[string]any{
			"value": creds, "pointer": &creds, "slice": []api.Credentials{creds}, "map": map[string]any{"c": creds},
			"holder": holder{creds, creds, &creds, client}, "holder pointer": &holder{creds, creds, &creds, client},
			"client": client, "client value": fmt.Sprintf("%+v", *client),
			"option": api.WithBaseURL("https://user:" + token + "@example.com"),
		} {
			wantNoSecret(t, name+" "+what, v)
		}
	}
	if got := fmt.Sprintf("%d|%x|%#v|%q|%T", api.APIToken(token), api.APIToken(token), api.APIToken(token), api.APIToken(token), api.APIToken(token)); got !=
		"API token [redacted]|API token [redacted]|API token [redacted]|API token [redacted]|api.Credentials" {
		t.Errorf("got %q", got)
	}
	if got := fmt.Sprint(api.APIToken(token), api.APIKey(email, key), api.Credentials{}); got != "API token [redacted] API key [redacted] no credentials [redacted]" {
		t.Errorf("got %q", got)
	}
}

// echoPlaces returns responses and errors that repeat a secret, by place.
func echoPlaces(secret string) map[string]step {
	in := func(format string) string { return strings.ReplaceAll(format, "%", secret) }
	return map[string]step{
		"message":          reply(403, in(`{"success":false,"errors":[{"code":1,"message":"bad %"}]}`)),
		"every member":     reply(400, in(`{"success":false,"errors":[{"code":"%","message":"%","documentation_url":"%","source":{"pointer":"%"},"error_chain":[{"message":"%"}]}],"messages":[{"message":"%"},"%"]}`)),
		"legacy":           reply(400, in(`{"code":6003,"error":"%"}`)),
		"long message":     reply(400, in(`{"success":false,"errors":[{"message":"`+strings.Repeat("x", 1000)+`%"}]}`)),
		"message at limit": reply(400, in(`{"success":false,"errors":[{"message":"`+strings.Repeat("x", 90)+`%"}]}`)),
		"page":             reply(502, in("<html>%"), "Content-Type", "text/html"),
		"media type":       reply(200, emptyBody, "Content-Type", in("text/%")),
		"encoding":         reply(200, emptyBody, "Content-Encoding", secret),
		"Ray ID":           reply(404, "", "Cf-Ray", secret),
		"Ray ID of a list": reply(200, emptyBody, "Cf-Ray", secret),
		"redirect":         reply(302, "", "Location", in("https://example.com/?%")),
		"retry time":       reply(503, "", "Retry-After", secret),
		"quota":            reply(503, "", "Ratelimit", in(`"%";r=1;t=1`)),
		"member name":      reply(200, in(`{"success":true,"result":[{"service":{"%":1}}]}`)),
		"duplicate name":   reply(200, in(`{"success":true,"result":[],"%":1,"%":2}`)),
		"success message":  reply(200, in(`{"success":true,"result":[],"messages":[{"code":1,"message":"%","documentation_url":"%","source":{"pointer":"%"}}],"errors":[{"code":1,"message":"%"}]}`)),
		"rows":             reply(200, in(`{"success":true,"result":[{"service":"%","status":"%"}],"unknown":"%"}`)),
		"no result":        reply(200, in(`{"success":true,"messages":[{"code":1,"message":"%"}]}`)),
		"transport error":  fail(errors.New(in("cannot send Authorization: Bearer %"))),
		"wrapped error":    fail(fmt.Errorf("outer: %w", errors.New(secret))),
		"body error":       brokenBody(200, errors.New(in("read %"))),
		"body error, 500":  brokenBody(500, errors.New(in("read %"))),
	}
}

func TestEchoedCredentialsAreShownNowhere(t *testing.T) {
	t.Parallel()
	for _, secret := range canaries {
		for name, s := range echoPlaces(secret) {
			var log bytes.Buffer
			creds := api.APIToken(token)
			if secret != token {
				creds = api.APIKey(email, key)
			}
			client, err := api.New(creds, api.WithMaxAttempts(1), api.WithHTTPClient(&http.Client{Transport: scripted(s)}),
				api.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			if err != nil {
				t.Fatal(err)
			}
			list, err := client.Associations(t.Context(), cert)
			wantNoSecret(t, name+": log", log.String())
			if list != nil {
				wantNoSecret(t, name+": list", list)
				wantNoSecret(t, name+": body", string(list.Body))
				wantNoSecret(t, name+": result", api.AuditResult{List: list})
				continue
			}
			wantNoSecret(t, name+": result", api.AuditResult{Err: err})
			wantNoSecretInChain(t, name, err)
		}
	}
}

// wantNoSecretInChain checks err and all errors that it wraps.
func wantNoSecretInChain(t *testing.T, what string, err error) {
	t.Helper()
	wantNoSecret(t, what, err)
	switch e := err.(type) {
	case *api.Error:
		wantNoSecret(t, what+": fields", *e)
		for _, inner := range e.Unwrap() {
			wantNoSecretInChain(t, what, inner)
		}
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			wantNoSecretInChain(t, what, inner)
		}
	}
}

func TestEscapedEchoIsRedactedInDecodedTexts(t *testing.T) {
	t.Parallel()
	escaped := strings.ReplaceAll(token, "c", `\u0063`)
	list, err := associationsOf(t, response(200, `{"success":true,"result":[{"service":"`+escaped+`"}],"messages":[{"code":1,"message":"`+escaped+`"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if list.Associations[0].Service != "[redacted]" || list.Messages[0].Message != "[redacted]" {
		t.Errorf("got %+v", list)
	}
}

func TestEscapedEchoIsRedactedInTheBody(t *testing.T) {
	t.Parallel()
	escaped := strings.ReplaceAll(token, "c", `\u0063`)
	body := ` {"success":true, "result":[{"service":"a\/b %\n"}], "%":["x%y",{"%":"%"}],"n":1.50,"s":"\u0063"} `
	list, err := associationsOf(t, response(200, strings.ReplaceAll(body, "%", escaped)))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(strings.ReplaceAll(body, "%", "[redacted]"), `a\/b`, "a/b")
	if string(list.Body) != want {
		t.Errorf("got  %s\nwant %s", list.Body, want)
	}
}

func TestEchoWithEscapesOfURLsPointersOrHTMLIsRedactedInTheBody(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{token, strangeToken, percentToken, "user~zone/a@example.com"} {
		echoes := []string{escapeEveryByte(secret, "%%%02X"), url.QueryEscape(secret), escapeEveryByte(secret, "&#%d;")}
		if !strings.Contains(secret, `"`) {
			echoes = append(echoes, escapes["pointer"](secret), escapes["decoded"](secret))
		}
		for _, echo := range echoes {
			rt := scripted(reply(200, `{"success":true,"result":[],"`+echo+`":"/x?`+echo+`","n":"100 %"}`))
			client, err := api.New(api.APIToken(secret), api.WithHTTPClient(&http.Client{Transport: rt}))
			if err != nil {
				t.Fatal(err)
			}
			list, err := client.Associations(t.Context(), cert)
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"success":true,"result":[],"[redacted]":"/x?[redacted]","n":"100 %"}`; string(list.Body) != want {
				t.Errorf("got  %s\nwant %s", list.Body, want)
			}
		}
	}
}

// Credentials with escapes, and with the signs that begin escapes.
const (
	strangeToken = `canary\token"%41\u0041-0123456789\`
	percentToken = "user%zone~1/a@example.com"
)

var escapes = map[string]func(string) string{
	"JSON": func(s string) string { return escapeEveryByte(s, `\u%04x`) },
	"Go":   func(s string) string { return escapeEveryByte(s, `\x%02x`) },
	"URL":  func(s string) string { return escapeEveryByte(s, "%%%02X") },
	"none": func(s string) string { return s },
	// The next three leave some characters unescaped, beside escapes.
	"query":   url.QueryEscape,
	"pointer": strings.NewReplacer("~", "~0", "/", "~1").Replace,
	"some": func(s string) string {
		return s[:3] + escapeEveryByte(s[3:4], `\u%04X`) + s[4:9] + escapeEveryByte(s[9:10], "%%%02x") + s[10:]
	},
	// This one decodes what looks like an escape in the credential itself.
	"decoded": strings.NewReplacer("~1", "/", "%41", "A", `\u0041`, "A").Replace,
}

func escapeEveryByte(s, format string) string {
	var out strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&out, format, s[i])
	}
	return out.String()
}

// net/http quotes invalid input, which doubles each backslash.
func TestEscapedEchoIsRedactedInErrors(t *testing.T) {
	t.Parallel()
	quote := func(s string) string { return strings.Trim(strconv.Quote(s), `"`) }
	for _, secret := range []string{token, strangeToken, percentToken} {
		for name, escape := range escapes {
			text := escape(secret)
			for depth := range 3 {
				for place, s := range map[string]step{
					"transport": fail(errors.New("malformed HTTP response \"x" + text + "y\"")),
					"body":      brokenBody(200, errors.New("malformed chunk \"x"+text+"y\"")),
					"message":   reply(400, `{"success":false,"errors":[{"code":1,"message":`+jsonString("x"+text+"y")+`}]}`),
					"type":      reply(200, emptyBody, "Content-Type", "text/x"+text+"y"),
				} {
					client, err := api.New(api.APIToken(secret), api.WithMaxAttempts(1), api.WithHTTPClient(&http.Client{Transport: scripted(s)}))
					if err != nil {
						t.Fatal(err)
					}
					_, err = client.Associations(t.Context(), cert)
					if got := fmt.Sprint(err); !strings.Contains(got, "x[redacted]y") || strings.Contains(got, text) {
						t.Errorf("%s, %s, quoted %d times: %s", place, name, depth, got)
					}
				}
				text = quote(text)
			}
		}
	}
}

func TestEchoThatIsEscapedTwiceIsRedactedInTheList(t *testing.T) {
	t.Parallel()
	twice := jsonString(escapeEveryByte(token, `\u%04x`))
	list, err := associationsOf(t, response(200, `{"success":true,"result":[{"service":`+twice+`}],"other":`+twice+`}`))
	if err != nil {
		t.Fatal(err)
	}
	if body := `{"success":true,"result":[{"service":"[redacted]"}],"other":"[redacted]"}`; list.Associations[0].Service != "[redacted]" || string(list.Body) != body {
		t.Errorf("got %+v, %s", list, list.Body)
	}
}

func TestTextsWithEscapesAndWithoutCredentialsStayUnchanged(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`100% of \u0063 and C:\new\x41`, `%63%61%6E`, `\\`, `%`, `\`, `\u00`, "%25%25"} {
		_, err := newClient(t, scripted(fail(errors.New(text))), api.WithMaxAttempts(1)).Associations(t.Context(), cert)
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestShortSecretsAreRedactedInEveryDecodedText(t *testing.T) {
	t.Parallel()
	const short = "me@home.io"
	client, err := api.New(api.APIKey(short, key), api.WithHTTPClient(&http.Client{Transport: scripted(
		reply(200, `{"success":true,"result":[{"service":"`+short+`","status":"`+short+`"}],"messages":[{"code":1,"message":"`+short+`"}]}`))}))
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.Associations(t.Context(), cert)
	if err != nil {
		t.Fatal(err)
	}
	if list.Associations[0] != (api.Association{Service: "[redacted]", Status: "[redacted]"}) || list.Messages[0].Message != "[redacted]" {
		t.Errorf("got %+v", list)
	}
}

func TestPasswordsOfProxiesAreWithheld(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`proxyconnect tcp: dial http://user:hunter22@proxy:3128: refused`,
		`invalid proxy address "user:hunter22": parse`,
	} {
		_, err := newClient(t, scripted(fail(errors.New(text))), api.WithMaxAttempts(1)).Associations(t.Context(), cert)
		wantSentinels(t, err, api.ErrUnreachable)
		if all := fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err)); strings.Contains(all, "hunter22") {
			t.Error(all)
		}
	}
}

func TestCredentialsAreReplacedFromAFixedLengthOn(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]struct{ text, body bool }{3: {false, false}, 4: {true, false}, 11: {true, false}, 12: {true, true}} {
		secret := token[:length]
		client, err := api.New(api.APIToken(secret), api.WithHTTPClient(&http.Client{Transport: scripted(
			reply(200, `{"success":true,"result":[{"service":"`+secret+`"}]}`))}))
		if err != nil {
			t.Fatal(err)
		}
		list, err := client.Associations(t.Context(), cert)
		if err != nil {
			t.Fatal(err)
		}
		if got := list.Associations[0].Service; (got != secret) != want.text || strings.Contains(string(list.Body), secret) == want.body {
			t.Errorf("%d characters: %q, %s", length, got, list.Body)
		}
	}
}

func TestShortCredentialsDoNotChangeTheBody(t *testing.T) {
	t.Parallel()
	client, err := api.New(api.APIToken("result"), api.WithHTTPClient(&http.Client{Transport: scripted(reply(200, inUseBody))}))
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.Associations(t.Context(), cert)
	if err != nil || string(list.Body) != inUseBody {
		t.Errorf("got %s, %v", list.Body, err)
	}
}
