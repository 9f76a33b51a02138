// Package canary looks for secrets in everything that a program can access: values
// printed by fmt, JSON and slog, and the fields that reflection reaches.
package canary

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// The secrets under test. None of them occurs by chance.
const (
	Token = "canary-token-Zq7XvK2mWp9RtY4bNc8LdHs3"
	Key   = "canary-key-Jf6GhT5rEw1QaZx0CvBnM4kLp"
	Email = "canary-mail@zq7xvk.example"
)

// verbs are the verbs of fmt that print a value of any kind.
var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"}

// Secrets returns the secrets that a text holds, in clear, in hex, in base64, or as the
// bytes that %d and %#v print.
func Secrets(text string) []string {
	var found []string
	for _, secret := range []string{Token, Key, Email} {
		for _, form := range forms(secret) {
			if strings.Contains(text, form) {
				found = append(found, secret)
				break
			}
		}
	}
	return found
}

func forms(secret string) []string {
	decimal := strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]")
	source := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(secret)), "[]byte{"), "}")
	return []string{
		secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
		// Three offsets, because base64 depends on the preceding bytes.
		withoutEnds(base64.StdEncoding.EncodeToString([]byte(secret))),
		withoutEnds(base64.StdEncoding.EncodeToString([]byte("x" + secret))),
		withoutEnds(base64.StdEncoding.EncodeToString([]byte("xx" + secret))),
		decimal, source,
	}
}

// withoutEnds removes the ends of a base64 text: they depend on the bytes around the
// secret.
func withoutEnds(encoded string) string { return strings.TrimRight(encoded, "=")[4 : len(encoded)-6] }

// prints returns every printed form of a value, by name.
func prints(v any) map[string]string {
	out := make(map[string]string)
	for _, verb := range verbs {
		out["fmt "+verb] = fmt.Sprintf(verb, v)
		// fmt calls no methods of a value in an unexported field.
		out["fmt nested "+verb] = fmt.Sprintf(verb, struct{ hidden any }{v})
	}
	if text, err := json.Marshal(v); err == nil {
		out["json"] = string(text)
	}
	if err, ok := v.(error); ok {
		out["error"] = err.Error()
	}
	var text, js strings.Builder
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "value", v, slog.Group("g", "value", v))
	slog.New(slog.NewJSONHandler(&js, nil)).Info("x", "value", v, slog.Group("g", "value", v))
	out["slog text"], out["slog json"] = text.String(), js.String()
	return out
}

// Check fails the test for each secret that a value shows or holds.
func Check(t testing.TB, name string, v any) {
	t.Helper()
	CheckPrints(t, name, v)
	for path, text := range reachable(v) {
		for _, secret := range Secrets(text) {
			t.Errorf("%s: %q is within reach at %s", name, secret, path)
		}
	}
}

// CheckPrints fails the test for each secret that a value shows. It is for values that
// must hold their secrets.
func CheckPrints(t testing.TB, name string, v any) {
	t.Helper()
	for form, text := range prints(v) {
		for _, secret := range Secrets(text) {
			t.Errorf("%s: %s shows %q", name, form, secret)
		}
	}
}
