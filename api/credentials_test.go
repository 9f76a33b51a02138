package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestCredentialsAreValidated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		creds api.Credentials
		want  string // "" for valid
	}{
		"token":                  {api.APIToken(token), ""},
		"new format of token":    {api.APIToken("cfut_0123456789012345678901234567890123456789abcdef"), ""},
		"zero value":             {api.Credentials{}, "credentials are missing"},
		"empty token":            {api.APIToken(""), "API token is empty"},
		"token with a line end":  {api.APIToken("secretabc\n"), "API token has white space"},
		"token with a space":     {api.APIToken("secretabc def"), "API token has white space"},
		"token with a NUL":       {api.APIToken("secretabc\x00"), "API token has white space or a control character"},
		"token beyond ASCII":     {api.APIToken("secretabcé"), "API token has a character outside ASCII"},
		"key":                    {api.APIKey(email, key), ""},
		"empty key":              {api.APIKey(email, ""), "API key is empty"},
		"empty email":            {api.APIKey("", key), "email is empty"},
		"email with a line end":  {api.APIKey("secretabc\r\nX-A: b", key), "email has white space"},
		"key with a tabulator":   {api.APIKey(email, "secretabc\t"), "API key has white space"},
		"empty email, empty key": {api.APIKey("", ""), "email is empty; API key is empty"},
	} {
		_, err := api.New(c.creds)
		switch {
		case c.want == "":
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case !errors.Is(err, api.ErrInvalidArgument) || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		case strings.Contains(err.Error(), "secretabc"):
			t.Errorf("%s: the secret is in %q", name, err)
		}
	}
}

// This test sets environment variables and so cannot run in parallel.
func TestCredentialsFromEnvPrefersTheToken(t *testing.T) {
	const tokenVar, emailVar, keyVar = "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_EMAIL", "CLOUDFLARE_API_KEY"
	for name, c := range map[string]struct {
		token, email, key string
		header, want      string // header sent, or part of the error
	}{
		"nothing":              {"", "", "", "", "set CLOUDFLARE_API_TOKEN, or CLOUDFLARE_EMAIL together with CLOUDFLARE_API_KEY"},
		"token":                {token, "", "", "Bearer " + token, ""},
		"email and key":        {"", email, key, key, ""},
		"email only":           {"", email, "", "", "CLOUDFLARE_API_KEY is not"},
		"key only":             {"", "", key, "", "CLOUDFLARE_EMAIL is not"},
		"token, email and key": {token, email, key, "Bearer " + token, ""},
		"token and email":      {token, email, "", "Bearer " + token, ""},
		"token and key":        {token, "", key, "Bearer " + token, ""},
		"set but only a tab":   {"\t", "", "", "", "white space"},
	} {
		t.Setenv(tokenVar, c.token)
		t.Setenv(emailVar, c.email)
		t.Setenv(keyVar, c.key)
		t.Setenv("CLOUDFLARE_BASE_URL", "http://127.0.0.1:1/other") // only the command reads it
		creds, err := api.CredentialsFromEnv()
		var sent string
		if err == nil {
			rt := roundTrip(func(r *http.Request) (*http.Response, error) {
				sent = r.Header.Get("Authorization") + r.Header.Get("X-Auth-Key")
				if r.URL.Host != "api.cloudflare.com" {
					t.Errorf("%s: sent to %s", name, r.URL)
				}
				return response(200, emptyBody), nil
			})
			var client *api.Client
			if client, err = api.New(creds, api.WithHTTPClient(&http.Client{Transport: rt})); err == nil {
				_, err = client.Associations(t.Context(), cert)
			}
		}
		switch {
		case c.want == "":
			if err != nil || sent != c.header {
				t.Errorf("%s: sent %q, %v", name, sent, err)
			}
		case !errors.Is(err, api.ErrInvalidArgument) || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		case strings.Contains(err.Error(), "canary"):
			t.Errorf("%s: the secret is in %q", name, err)
		}
	}
}
