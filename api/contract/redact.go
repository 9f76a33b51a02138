package contract

import (
	"net/http"
	"regexp"
	"strings"
	"unicode"

	"github.com/certuse/cloudflare-mtls/api/internal/secret"
)

const (
	redacted = "[redacted]"
	// maxText limits each text of a violation, in bytes.
	maxText = 160
)

// tokenLike matches texts that look like credentials: the vendor's have 37 or more
// characters, its account and certificate ids 32 and 36.
var tokenLike = regexp.MustCompile(`[0-9A-Za-z_-]{37,}|(?i:bearer\s+)[0-9A-Za-z_.~+/=-]{8,}`)

// privateKey matches a private key in PEM and the rest of the text, because the key may
// be cut.
var privateKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*`)

// credentials returns the secrets in a header.
func credentials(header http.Header) (secrets []string) {
	for _, name := range secret.Headers() {
		for _, value := range header.Values(name) {
			secrets = append(secrets, value)
			if _, token, ok := strings.Cut(value, " "); ok {
				secrets = append(secrets, strings.TrimSpace(token))
			}
		}
	}
	return secrets
}

// redactViolations replaces, in place, texts of vs that hold the credentials of the
// request, a part of them, or a part of its body, which may hold a private key.
func (x exchange) redactViolations(vs []Violation) []Violation {
	if len(vs) == 0 {
		return vs
	}
	credential := secret.CredentialDetector(x.secrets)
	quote := secret.QuoteDetector(strings.Join(x.secrets, "\n")+"\n"+string(x.body.text), "")
	for i := range vs {
		for _, text := range []*string{&vs[i].Pointer, &vs[i].Message, &vs[i].Expected, &vs[i].Excerpt, &vs[i].RayID} {
			if credential(*text) || quote(*text) {
				*text = redacted
			}
			*text = redact(*text)
		}
		if x.body.unreadable == "" {
			continue
		}
		// The texts cannot be compared with the body.
		if vs[i].Excerpt != "" {
			vs[i].Excerpt = redacted
		}
		if !strings.HasPrefix(vs[i].Pointer, "/header/") {
			vs[i].Pointer = undocumentedName.ReplaceAllLiteralString(vs[i].Pointer, "/"+redacted)
		}
	}
	return vs
}

// undocumentedName matches each part of a pointer that cannot be a name of the
// contract, because of its characters.
var undocumentedName = regexp.MustCompile(`/[^/]*[^a-z0-9_/-][^/]*`)

// redact masks private keys and long tokens in s, makes it printable on one line and
// bounds its length. It masks first, because a cut could leave the beginning of a
// token.
func redact(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if s = privateKey.ReplaceAllLiteralString(s, redacted); privateKey.MatchString(secret.Unescape(s)) {
		return redacted // the key is in escaped form
	}
	s = tokenLike.ReplaceAllLiteralString(s, redacted)
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, s)
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…" // without a rune that is cut in two
}
