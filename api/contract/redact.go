package contract

import (
	"cmp"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/certuse/cloudflare-mtls/api/internal/document"
	"github.com/certuse/cloudflare-mtls/api/internal/secret"
)

const (
	redacted = "[redacted]"
	// maxText bounds every text of a violation, in bytes.
	maxText = 160
	// minSecret keeps a stray letter in a credential header from blotting out
	// every text; nothing that short is a credential.
	minSecret = 4
	// unreadable stands for bytes that are not UTF-8, which a pattern cannot hold.
	unreadable = "\uFFFD"
)

// tokenLike is what a credential looks like when it is not one of this request:
// the vendor's are 37 characters and more, its account and certificate ids 32
// and 36.
var tokenLike = regexp.MustCompile(`[0-9A-Za-z_-]{37,}|(?i:bearer\s+)[0-9A-Za-z_.~+/=-]{8,}`)

// privateKey is a private key in PEM, whosever it is; an unfinished one goes to
// the end of the text.
var privateKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*`)

// redactor removes the credentials and the body of one request from texts. It holds them as
// they were sent and is used only for violations.
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
	var texts []*string
	escaped := false
	for i := range vs {
		for _, text := range []*string{&vs[i].Pointer, &vs[i].Message, &vs[i].Expected, &vs[i].Excerpt, &vs[i].RayID} {
			texts = append(texts, text)
			escaped = escaped || strings.ContainsAny(*text, `\%&`)
		}
	}
	credentials, quotes := r.pattern(escaped), secret.Quotes(string(r.body.text), "")
	for _, text := range texts {
		if quotes(*text) {
			*text = redacted
		}
		*text = redact(*text, credentials)
	}
	for i := range vs {
		if r.body.hidden && vs[i].Excerpt != "" {
			vs[i].Excerpt = redacted
		}
		if r.body.hidden && !strings.HasPrefix(vs[i].Pointer, "/header/") {
			vs[i].Pointer = oddName.ReplaceAllLiteralString(vs[i].Pointer, "/"+redacted)
		}
	}
	return vs
}

// oddName is a part of a pointer that is unlike the names of the contract.
var oddName = regexp.MustCompile(`/[^/]*[^a-z0-9_/-][^/]*`)

// pattern matches all that the request's credentials may look like in a text;
// nil when it has none. What matches escapes of any character is large, and only
// there when a text has some.
func (r redactor) pattern(escaped bool) *regexp.Regexp {
	var patterns []string
	for _, secret := range r.secrets {
		if len(secret) >= minSecret {
			for _, form := range writtenForms(secret) {
				patterns = append(patterns, regexp.QuoteMeta(strings.ToValidUTF8(form, unreadable)))
			}
			if escaped {
				patterns = append(patterns, escapedPattern(secret))
			}
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	slices.SortFunc(patterns, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // the longest match wins
	all := strings.Join(patterns, "|")
	return regexp.MustCompile("(?i)" + strings.ReplaceAll(all, unreadable, unreadable+"+"))
}

// writtenForms are the ways in which a message may write a secret: as it is or
// escaped for its place, up to twice. A secret of letters and digits has one.
func writtenForms(secret string) []string {
	forms := []string{secret}
	for range 2 {
		for _, form := range forms {
			forms = append(forms, url.QueryEscape(form), url.PathEscape(form), document.Escape(form),
				html.EscapeString(form), unquoted(jsonText(form)), unquoted(strconv.Quote(form)))
		}
		slices.Sort(forms)
		forms = slices.Compact(forms)
	}
	return forms
}

// escapedPattern matches a secret of which any characters are escaped, as some
// encoders do for safety: in JSON, in HTML by number, in a URL, or by a
// backslash. Characters outside the basic plane are left to writtenForms.
func escapedPattern(secret string) string {
	var b strings.Builder
	for _, c := range secret {
		fmt.Fprintf(&b, `(?:\\*%s|\\+u%04x|&(?:amp;)*#(?:0*%d|x0*%x);`, regexp.QuoteMeta(string(c)), c, c, c)
		if c < utf8.RuneSelf {
			fmt.Fprintf(&b, `|%%(?:25)*%02x`, c)
		}
		b.WriteByte(')')
	}
	return b.String()
}

func unquoted(s string) string { return s[1 : len(s)-1] }

// redact removes secrets from s, makes it printable on one line and bounds its
// length. The order matters: cut first and the front half of a secret would stay.
func redact(s string, secret *regexp.Regexp) string {
	s = strings.ToValidUTF8(s, unreadable)
	if secret != nil {
		s = secret.ReplaceAllLiteralString(s, redacted)
	}
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
	cut := maxText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
