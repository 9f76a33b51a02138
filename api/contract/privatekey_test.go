package contract_test

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// newKey returns a text in the form of a private key in PEM. It has no long runs of
// letters and digits, which would be masked as tokens.
func newKey() string {
	var b strings.Builder
	b.WriteString("-----BEGIN PRIVATE KEY-----\n")
	for range 4 {
		b.WriteString(rand.Text()[:20] + "+" + rand.Text()[:21] + "/" + rand.Text()[:21] + "\n")
	}
	b.WriteString("-----END PRIVATE KEY-----\n")
	return b.String()
}

var escapedCharacter = regexp.MustCompile(`\\u00([0-9a-f]{2})`)

// containsKeyPart reports whether a text contains 20 consecutive characters of the key,
// escaped or not.
func containsKeyPart(text, key string) bool {
	lines := strings.Split(strings.TrimSpace(key), "\n")
	inner := strings.Join(lines[1:len(lines)-1], "")
	fromURL, _ := url.QueryUnescape(strings.ReplaceAll(text, "+", "%2B"))
	fromJSON := escapedCharacter.ReplaceAllStringFunc(text, func(s string) string {
		code, _ := hex.DecodeString(s[len(s)-2:])
		return string(code)
	})
	for _, plain := range []string{text, html.UnescapeString(text), fromURL, fromJSON} {
		plain = strings.NewReplacer(`\n`, "", "\n", "", " ", "").Replace(plain)
		for i := 0; i+20 <= len(inner); i++ {
			if strings.Contains(plain, inner[i:i+20]) {
				return true
			}
		}
	}
	return false
}

// The private key may be in any place of a request's body, and the response repeats it.
func TestNoViolationShowsThePrivateKeyOfABody(t *testing.T) {
	t.Parallel()
	key := newKey()
	line := strings.Split(key, "\n")[1]
	quotedKey := quoted(t, key)
	bodies := map[string]string{
		"in its member":        `{"ca":true,"certificates":7,"private_key":` + quotedKey + `}`,
		"in another member":    `{"ca":` + quotedKey + `,"certificates":"PEM"}`,
		"in an unknown member": `{"ca":true,"certificates":"PEM","key":[` + quotedKey + `]}`,
		"as a name":            `{"ca":true,` + quotedKey + `:1}`,
		"as duplicate names":   `{` + quotedKey + `:1,` + quotedKey + `:1}`,
		"as the body":          key,
		"as a string":          quotedKey,
		"cut off":              `{"ca":true,"private_key":` + quotedKey[:len(quotedKey)/2],
	}
	echoes := []string{
		key, quotedKey, line, strings.ReplaceAll(key, "\n", ""), url.QueryEscape(key), escapeEveryByte(line, `%%%02x`),
		escapeEveryByte(line, `&#x%x;`), escapeEveryByte(line, `&#%d;`), escapeEveryByte(line, `\u%04x`),
	}
	contentTypes := []string{"application/json", "text/plain"}
	for name, body := range bodies {
		for i, echo := range echoes {
			for _, response := range []string{echo, `{"errors":` + quoted(t, echo) + `}`, `{` + quoted(t, echo) + `:1}`, `{"errors":"` + echo + `"`} {
				for _, readable := range []bool{true, false} {
					transport, seen := newTransport(t, respondWith(200, contentTypes[i%2], response))
					req := request(t, "POST", "/mtls_certificates", body)
					if !readable {
						req.GetBody = nil
					}
					_, _, _ = send(t, transport, req)
					if len(seen.got) < 2 {
						t.Fatalf("%s, echo %d: violations %v", name, i, seen.got)
					}
					if text := fmt.Sprint(seen.got); containsKeyPart(text, key) {
						t.Fatalf("%s, echo %d %q: %s", name, i, response, text)
					}
				}
			}
		}
	}
}

func TestPrivateKeysOfAnyOriginAreMasked(t *testing.T) {
	t.Parallel()
	key := newKey()
	escaped := strings.NewReplacer(" ", "%20", "-", "&#45;").Replace(key)
	for _, body := range []string{"<p>" + key, "<p>" + escaped, `{"a":` + quoted(t, key), `{"errors":` + quoted(t, key) + `}`} {
		for _, contentType := range []string{"text/html", "application/json"} {
			got := check(t, get(t), 200, contentType, body)
			if len(got) == 0 || containsKeyPart(fmt.Sprint(got), key) {
				t.Errorf("%s: violations %v", contentType, got)
			}
		}
	}
}
