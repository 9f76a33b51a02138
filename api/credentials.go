package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
)

// Environment variables that [CredentialsFromEnv] reads. The names are those
// of the vendor's own tools.
const (
	envAPIToken = "CLOUDFLARE_API_TOKEN"
	envAPIEmail = "CLOUDFLARE_EMAIL"
	envAPIKey   = "CLOUDFLARE_API_KEY"
)

// Credentials prove who is asking. Make them with [APIToken], [APIKey] or
// [CredentialsFromEnv]; the zero value is refused by [New]. Printing, logging
// or marshalling them shows their kind and nothing else. They are immutable
// and safe for concurrent use.
type Credentials struct {
	// A closure keeps the secret out of reach of fmt, which does not call the
	// methods of a value in an unexported field, and of reflection.
	reveal func() secretParts
}

type secretParts struct {
	kind, token, email, key string
}

// APIToken gives credentials that send "Authorization: Bearer <token>", the
// way the vendor recommends.
func APIToken(token string) Credentials {
	s := secretParts{kind: "API token", token: token}
	return Credentials{reveal: func() secretParts { return s }}
}

// APIKey gives credentials that send the X-Auth-Email and X-Auth-Key headers,
// the vendor's older way. Prefer an API token: it can be limited to what is
// needed, and tracing tools know that its header is a secret.
func APIKey(email, key string) Credentials {
	s := secretParts{kind: "API key", email: email, key: key}
	return Credentials{reveal: func() secretParts { return s }}
}

// CredentialsFromEnv reads CLOUDFLARE_API_TOKEN or, when that is not set,
// CLOUDFLARE_EMAIL together with CLOUDFLARE_API_KEY. A variable that is set
// but empty counts as not set. Nothing set, or half of the pair, is an
// [ErrInvalidArgument] that names what is missing.
func CredentialsFromEnv() (Credentials, error) {
	const operation = "read credentials from the environment"
	if token := os.Getenv(envAPIToken); token != "" {
		return APIToken(token), nil
	}
	email, key := os.Getenv(envAPIEmail), os.Getenv(envAPIKey)
	switch {
	case email != "" && key != "":
		return APIKey(email, key), nil
	case email != "":
		return Credentials{}, invalidArgument(operation, envAPIEmail+" is set but "+envAPIKey+" is not")
	case key != "":
		return Credentials{}, invalidArgument(operation, envAPIKey+" is set but "+envAPIEmail+" is not")
	default:
		return Credentials{}, invalidArgument(operation,
			"set "+envAPIToken+", or "+envAPIEmail+" together with "+envAPIKey)
	}
}

func (c Credentials) kind() string {
	if c.reveal == nil {
		return "no credentials"
	}
	return c.reveal().kind
}

// String names the kind of credentials and hides the secret.
func (c Credentials) String() string { return c.kind() + " " + redacted }

// Format does the same for every verb of package fmt.
func (c Credentials) Format(s fmt.State, _ rune) { _, _ = fmt.Fprint(s, c.String()) }

// MarshalText does the same for JSON and other encoders.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue does the same for log/slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c Credentials) validate() error {
	if c.reveal == nil {
		return errors.New("credentials are missing; use APIToken, APIKey or CredentialsFromEnv")
	}
	s := c.reveal()
	if s.token != "" || s.kind == "API token" {
		return validateSecret("API token", s.token)
	}
	return errors.Join(validateSecret("email", s.email), validateSecret("API key", s.key))
}

// validateSecret checks what HTTP demands of a header, and no format: the
// vendor has changed that of its tokens before and keeps older ones valid.
func validateSecret(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s is empty", name)
	}
	for i := range len(value) {
		if value[i] <= ' ' || value[i] == 0x7f {
			return fmt.Errorf("%s has white space or a control character at position %d", name, i+1)
		}
		if value[i] >= 0x80 {
			return fmt.Errorf("%s has a character outside ASCII at position %d", name, i+1)
		}
	}
	return nil
}

// header returns the function that puts the credentials on a request.
func (c Credentials) header() func(http.Header) {
	s := c.reveal()
	if s.token != "" {
		bearer := "Bearer " + s.token
		return func(h http.Header) { h["Authorization"] = []string{bearer} }
	}
	return func(h http.Header) {
		h["X-Auth-Email"] = []string{s.email}
		h["X-Auth-Key"] = []string{s.key}
	}
}

func (c Credentials) redactor() redactor {
	s := c.reveal()
	return newRedactor([]string{s.token, s.key, s.email})
}
