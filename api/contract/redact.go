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
	// maxText bounds every text of a violation, in bytes.
	maxText = 160
)

// tokenLike is what a credential looks like when it is not one of this request:
// the vendor's are 37 characters and more, its account and certificate ids 32
// and 36.
var tokenLike = regexp.MustCompile(`[0-9A-Za-z_-]{37,}|(?i:bearer\s+)[0-9A-Za-z_.~+/=-]{8,}`)

// privateKey is a private key in PEM, whosever it is; an unfinished one goes to
// the end of the text.
var privateKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*`)

// redactor replaces texts that show the credentials or a part of the body of one
// request. It holds them as they were sent and is used only for violations.
type redactor struct {
	secrets []string
	body    requestBody // it may hold a private key
}

func newRedactor(header http.Header, body requestBody) redactor {
	r := redactor{body: body}
	for _, name := range secret.Headers() {
		for _, value := range header.Values(name) {
			r.secrets = append(r.secrets, value)
			if _, token, ok := strings.Cut(value, " "); ok {
				r.secrets = append(r.secrets, strings.TrimSpace(token))
			}
		}
	}
	return r
}

// violations redacts all texts of vs in place.
func (r redactor) violations(vs []Violation) []Violation {
	if len(vs) == 0 {
		return vs
	}
	credential, quote := secret.Holds(r.secrets), secret.Quotes(string(r.body.text), "")
	for i := range vs {
		for _, text := range []*string{&vs[i].Pointer, &vs[i].Message, &vs[i].Expected, &vs[i].Excerpt, &vs[i].RayID} {
			if credential(*text) || quote(*text) {
				*text = redacted
			}
			*text = redact(*text)
		}
		if r.body.hidden != "" && vs[i].Excerpt != "" {
			vs[i].Excerpt = redacted
		}
		if r.body.hidden != "" && !strings.HasPrefix(vs[i].Pointer, "/header/") {
			vs[i].Pointer = oddName.ReplaceAllLiteralString(vs[i].Pointer, "/"+redacted)
		}
	}
	return vs
}

// oddName is a part of a pointer that is unlike the names of the contract.
var oddName = regexp.MustCompile(`/[^/]*[^a-z0-9_/-][^/]*`)

// redact masks private keys and long tokens in s, makes it printable on one line and
// bounds its length. The order matters: cut first and the front half of a token
// would stay.
func redact(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = privateKey.ReplaceAllLiteralString(s, redacted)
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
