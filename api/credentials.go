package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
)

// Environment variables that [CredentialsFromEnv] reads, as the vendor's own tools do.
const (
	envAPIToken = "CLOUDFLARE_API_TOKEN"
	envAPIEmail = "CLOUDFLARE_EMAIL"
	envAPIKey   = "CLOUDFLARE_API_KEY"
)

// Credentials authenticate requests. Make them with [APIToken], [APIKey] or
// [CredentialsFromEnv]. [New] refuses the zero value, and a token, key or email that is
// empty or has a character that is not visible ASCII, such as a line end. Printing,
// logging or marshalling Credentials shows only their kind. Credentials are immutable
// and safe for concurrent use.
type Credentials struct {
	// A closure hides the secret from reflection and from fmt, which does not call the
	// methods of a value in an unexported field.
	reveal func() secretParts
}

type secretParts struct {
	kind, token, email, key string
}

// APIToken returns credentials that send "Authorization: Bearer <token>", as the vendor
// recommends.
func APIToken(token string) Credentials {
	return Credentials{func() secretParts { return secretParts{kind: "API token", token: token} }}
}

// APIKey returns credentials that send the X-Auth-Email and X-Auth-Key headers, the
// vendor's older scheme. Prefer an API token: its permissions can be limited, and
// tracing tools hide its header.
func APIKey(email, key string) Credentials {
	return Credentials{func() secretParts { return secretParts{kind: "API key", email: email, key: key} }}
}

// CredentialsFromEnv reads CLOUDFLARE_API_TOKEN or, when that is not set,
// CLOUDFLARE_EMAIL together with CLOUDFLARE_API_KEY. An empty variable counts as not
// set. Missing variables are an [ErrInvalidArgument] that names them.
// CLOUDFLARE_BASE_URL, which only the command certuse reads, has no effect: use
// [WithBaseURL].
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

// String names the kind of credentials and hides the secret.
func (c Credentials) String() string {
	if c.reveal == nil {
		return "no credentials " + redacted
	}
	return c.reveal().kind + " " + redacted
}

// Format prints the same as String for every verb of package fmt.
func (c Credentials) Format(s fmt.State, _ rune) { _, _ = fmt.Fprint(s, c.String()) }

// MarshalText returns the same as String, for JSON and other encoders.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue returns the same as String, for log/slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c Credentials) validate() error {
	if c.reveal == nil {
		return errors.New("credentials are missing; use APIToken, APIKey or CredentialsFromEnv")
	}
	s := c.reveal()
	if s.kind == "API token" {
		return validateSecret("API token", s.token)
	}
	return errors.Join(validateSecret("email", s.email), validateSecret("API key", s.key))
}

// validateSecret refuses an empty value, white space, control characters and characters
// outside ASCII. It checks no format: the vendor has changed the format of its tokens,
// and older ones stay valid.
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

// header returns the function that sets the headers of the credentials.
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
