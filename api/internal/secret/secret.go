// Package secret lists the headers with credentials and finds parts of secret texts in
// other texts.
package secret

import (
	"cmp"
	"index/suffixarray"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Headers returns the canonical names of request headers whose values must not be
// shown. The email of the vendor's older scheme is part of the credentials and personal
// data.
func Headers() []string {
	return []string{"Authorization", "Proxy-Authorization", "X-Auth-Key", "X-Auth-Email", "Cookie"}
}

// minQuote is the least number of consecutive letters and digits that count as a part
// of a text. A line of a private key in PEM has 64 characters.
const minQuote = 16

// minCredential is the least length of a credential that is searched for. Shorter ones
// are in almost every text.
const minCredential = 4

// CredentialDetector returns a function that reports whether its argument holds one of
// the credentials in full. It ignores spaces, punctuation and case, and decodes
// escapes. A credential with fewer than four ASCII letters and digits must match
// exactly, and one of fewer than four bytes is not searched for.
func CredentialDetector(credentials []string) func(string) bool {
	escape := regexp.MustCompile(escapes)
	return func(s string) bool {
		inPlain := plain(escape, s)
		for _, credential := range credentials {
			if len(credential) < minCredential {
				continue
			}
			if part := plain(escape, credential); len(part) >= minCredential && strings.Contains(inPlain, part) || strings.Contains(s, credential) {
				return true
			}
		}
		return false
	}
}

// QuoteDetector returns a function that reports whether its argument holds a part of
// text that is not also a part of public. It ignores line breaks, spaces, punctuation
// and case, and decodes escapes.
func QuoteDetector(text, public string) func(string) bool {
	if text == "" {
		return func(string) bool { return false }
	}
	escape := regexp.MustCompile(escapes)
	index := suffixarray.New([]byte(plain(escape, text)))
	public = plain(escape, public)
	return func(s string) bool {
		s = plain(escape, s)
		for i := 0; i+minQuote <= len(s); i++ {
			part := s[i : i+minQuote]
			if len(index.Lookup([]byte(part), 1)) > 0 && !strings.Contains(public, part) {
				return true
			}
		}
		return false
	}
}

// escapes matches a numeric escape in JSON, Go, a URL or HTML, a line break or tab in
// JSON, an escape in a JSON pointer, and a named character in HTML. Compiled in a
// package variable, it would link package regexp into every program that imports the
// client.
const escapes = `(?i)\\+u([0-9a-f]{4})|(?:%(?:25)*|\\+x)([0-9a-f]{2})|&(?:amp;)*#x([0-9a-f]{1,6});|&(?:amp;)*#([0-9]{1,7});|\\+[nrt]|~[01]|&(?:amp|lt|gt|quot|apos);`

// maxEscapes limits the levels of escapes that are decoded: a text of a server could
// have so many that decoding would take hours.
const maxEscapes = 4

// plain returns the ASCII letters and digits of a text in lower case, after decoding
// its escapes, including nested ones.
func plain(escape *regexp.Regexp, text string) string {
	for range maxEscapes {
		decoded := escape.ReplaceAllStringFunc(text, unescape(escape))
		if decoded == text {
			break
		}
		text = decoded
	}
	return strings.Map(func(c rune) rune {
		if c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
			return unicode.ToLower(c)
		}
		return -1
	}, text)
}

// unescape returns a function that decodes an escape; line breaks and punctuation
// become a space.
func unescape(escape *regexp.Regexp) func(string) string {
	return func(s string) string {
		groups := escape.FindStringSubmatch(s)
		number, base := cmp.Or(groups[1], groups[2], groups[3]), 16
		if groups[4] != "" {
			number, base = groups[4], 10
		}
		code, err := strconv.ParseInt(number, base, 32)
		switch {
		case err == nil:
			return string(rune(code))
		case strings.EqualFold(s, "&amp;"):
			return "&"
		default:
			return " "
		}
	}
}
