package api

import (
	"net/http"
	"testing"
)

func TestCredentialsGoToTheOriginOfTheBaseURLOnly(t *testing.T) {
	t.Parallel()
	base, err := parseBaseURL("https://example.com:8443/client/v4")
	if err != nil {
		t.Fatal(err)
	}
	for target, same := range map[string]bool{
		"https://example.com:8443/client/v4/accounts": true,
		"http://example.com:8443/client/v4/accounts":  false,
		"https://example.com/client/v4/accounts":      false,
		"https://example.com:443/client/v4/accounts":  false,
		"https://www.example.com:8443/client/v4":      false,
		"https://example.org:8443/client/v4":          false,
	} {
		for _, creds := range []Credentials{APIToken("token"), APIKey("email", "key")} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = headerEditor(base, creds, "")(t.Context(), req)
			sent := req.Header.Get("Authorization") + req.Header.Get("X-Auth-Key") + req.Header.Get("X-Auth-Email")
			if (err == nil) != same || (sent != "") != same {
				t.Errorf("%s: %v, sent %q", target, err, sent)
			}
		}
	}
}
