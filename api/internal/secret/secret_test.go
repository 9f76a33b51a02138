package secret_test

import (
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/secret"
)

func TestQuotesOfSixteenCharactersAreFound(t *testing.T) {
	t.Parallel()
	const text, public = "MIIBVwIBADANBgkq hkiG9w0BAQEFAASC", "x hkiG9w0BAQEFAASC y"
	quotes := secret.QuoteDetector(text, public)
	for s, want := range map[string]bool{
		"":                             false,
		"x IIBVwIBADANBgkq z":          false, // 15
		"x MIIBVwIBADANBgkq z":         true,
		"MIIBVwIBA\\nDANBgkq":          true,
		"%4DIIBVwIBADANBgkq":           true,
		"m-i-i-b-v-w-i-b-a-d-a-n-bgkq": true,
		"hkiG9w0BAQEFAASC":             false, // public
	} {
		if got := quotes(s); got != want {
			t.Errorf("%q: %t, want %t", s, got, want)
		}
	}
	if secret.QuoteDetector("", "")("anything that is long enough") {
		t.Error("a quote of an empty text was found")
	}
}

// Every pair of nested escapes is decoded, for any credential with at least four
// letters and digits.
func TestEscapedCredentialsAreFound(t *testing.T) {
	t.Parallel()
	inJSON := func(s string) string {
		text, _ := json.Marshal(s)
		return string(text)
	}
	inNumbers := func(base int) func(string) string {
		return func(s string) string {
			var out strings.Builder
			for _, c := range s {
				out.WriteString(map[int]string{10: "&#", 16: "&#X"}[base] + strconv.FormatInt(int64(c), base) + ";")
			}
			return out.String()
		}
	}
	escapes := map[string]func(string) string{
		"JSON": inJSON, "Go": strconv.Quote, "query": url.QueryEscape, "path": url.PathEscape, "HTML": html.EscapeString, "HTML by number": inNumbers(10), "HTML in hex": inNumbers(16),
	}
	for _, credential := range []string{"plain-0123", `a"b'c<d>e&f~g/h+i`, "old-\xff\xfe-key", "50%41 off", "~~~~"} {
		holds := secret.CredentialDetector([]string{"", "no", credential})
		for outer, second := range escapes {
			for inner, first := range escapes {
				if text := "<" + second(first(credential)) + ">"; credential != "~~~~" && !holds(text) {
					t.Errorf("%s in %s: %q", inner, outer, text)
				}
			}
		}
		if !holds("it is " + credential) {
			t.Errorf("%q as it is", credential)
		}
		if holds("no other text, neither ~~~ nor ol-dk") {
			t.Errorf("%q is found where it is not", credential)
		}
	}
}

// A server controls these texts. Each takes a fraction of a second. Without maxEscapes,
// the time would grow with the square of the length, to minutes.
func TestNestedEscapesAreDecodedInLinearTime(t *testing.T) {
	t.Parallel()
	holds := secret.CredentialDetector([]string{"credential"})
	for _, text := range []string{"%" + strings.Repeat("25", 1<<15), "&" + strings.Repeat("amp;", 1<<15), strings.Repeat(`\\u005c`, 1<<15), strings.Repeat("%%32%35", 1<<15)} {
		start := time.Now()
		if holds(text) {
			t.Errorf("%.20q holds a credential", text)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%.20q took %v", text, took)
		}
	}
}
