package contract

import (
	"cmp"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	redacted = "[redacted]"
	// maxText bounds every text of a violation, in bytes.
	maxText = 160
	// minSecret keeps a stray letter in a credential header from blotting out
	// every text; nothing that short is a credential.
	minSecret = 4
)

// credentialHeaders carry secrets; the email of the older scheme is one half of
// a pair and personal besides.
var credentialHeaders = []string{"Authorization", "X-Auth-Key", "X-Auth-Email", "Proxy-Authorization", "Cookie"}

// tokenLike is what a credential looks like when it is not one of this request:
// the vendor's are 37 characters and more, its account and certificate ids 32
// and 36.
var tokenLike = regexp.MustCompile(`[0-9A-Za-z_-]{37,}|(?i:bearer\s+)[0-9A-Za-z_.~+/=-]{8,}`)

// redactor removes the credentials of one request from texts.
type redactor struct{ secrets *regexp.Regexp } // nil: the request had none

func newRedactor(header http.Header) redactor {
	var secrets []string
	for _, name := range credentialHeaders {
		for _, value := range header.Values(name) {
			secrets = append(secrets, value)
			if _, token, ok := strings.Cut(value, " "); ok {
				secrets = append(secrets, strings.TrimSpace(token))
			}
		}
	}
	var patterns []string
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			for _, form := range writtenForms(secret) {
				patterns = append(patterns, regexp.QuoteMeta(form))
			}
		}
	}
	if len(patterns) == 0 {
		return redactor{}
	}
	slices.SortFunc(patterns, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // the longest match wins
	return redactor{regexp.MustCompile("(?i)" + strings.Join(patterns, "|"))}
}

// writtenForms are the ways in which a message may write a secret: as it is or
// escaped for its place, up to twice. A secret of letters and digits has one.
func writtenForms(secret string) []string {
	forms := []string{secret}
	for range 2 {
		for _, form := range forms {
			forms = append(forms, url.QueryEscape(form), url.PathEscape(form), escapePointer(form),
				html.EscapeString(form), unquoted(jsonText(form)), unquoted(strconv.Quote(form)))
		}
		slices.Sort(forms)
		forms = slices.Compact(forms)
	}
	return forms
}

func unquoted(s string) string { return s[1 : len(s)-1] }

// text redacts s, makes it printable on one line and bounds its length. The
// order matters: cut first and the front half of a secret would stay.
func (r redactor) text(s string) string {
	if r.secrets != nil {
		s = r.secrets.ReplaceAllLiteralString(s, redacted)
	}
	s = tokenLike.ReplaceAllLiteralString(s, redacted)
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// violation redacts all texts of v.
func (r redactor) violation(v Violation) Violation {
	v.Pointer = r.text(v.Pointer)
	v.Message = r.text(v.Message)
	v.Expected = r.text(v.Expected)
	v.Excerpt = r.text(v.Excerpt)
	v.RayID = r.text(v.RayID)
	return v
}
