// Package secret lists the headers with credentials, and finds secret texts and parts
// of them in other texts.
package secret

import (
	"index/suffixarray"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Headers returns the canonical names of request headers whose values must not be
// shown. X-Auth-Email is personal data, and a part of the vendor's older credentials.
func Headers() []string {
	return []string{"Authorization", "Proxy-Authorization", "X-Auth-Key", "X-Auth-Email", "Cookie"}
}

// minQuote is the number of consecutive letters and digits that QuoteDetector compares.
// A line of a private key in PEM has 64 characters.
const minQuote = 16

// minCredential is the least length of a credential that is searched for. Shorter ones
// are in almost every text.
const minCredential = 4

// CredentialDetector returns a function that reports whether its argument holds one of
// the credentials in full. It ignores spaces, punctuation and case, and decodes
// escapes. A credential with fewer than four ASCII letters and digits must match
// exactly, and one of fewer than four bytes is not searched for.
func CredentialDetector(credentials []string) func(string) bool {
	return func(s string) bool {
		inPlain := plain(s)
		for _, credential := range credentials {
			if len(credential) < minCredential {
				continue
			}
			if part := plain(credential); len(part) >= minCredential && strings.Contains(inPlain, part) || strings.Contains(s, credential) {
				return true
			}
		}
		return false
	}
}

// QuoteDetector returns a function that reports whether its argument quotes text:
// whether both hold the same 16 consecutive ASCII letters and digits, and public does
// not. It ignores all other characters and case, and decodes escapes.
func QuoteDetector(text, public string) func(string) bool {
	if text == "" {
		return func(string) bool { return false }
	}
	index := suffixarray.New([]byte(plain(text)))
	public = plain(public)
	return func(s string) bool {
		s = plain(s)
		for i := 0; i+minQuote <= len(s); i++ {
			part := s[i : i+minQuote]
			if len(index.Lookup([]byte(part), 1)) > 0 && !strings.Contains(public, part) {
				return true
			}
		}
		return false
	}
}

// plain returns the ASCII letters and digits of a text in lower case, after decoding
// its escapes.
func plain(text string) string {
	return strings.Map(func(c rune) rune {
		if c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
			return unicode.ToLower(c)
		}
		return -1
	}, Unescape(text))
}

// maxEscapes limits the levels of escapes that are decoded: a text of a server could
// have so many that decoding would take hours.
const maxEscapes = 4

// EscapeSigns are the signs with which an escape can begin.
const EscapeSigns = `\%~&`

// Unescape decodes the escapes of JSON strings, \x of Go strings, and the escapes of
// URLs, of JSON pointers and of HTML, including nested ones: \u0063, \x63, %63 and
// &#99; become c. The escapes of a line break and a tab become a space, and a backslash
// before any other character is removed. The result is for searching only.
func Unescape(s string) string {
	for range maxEscapes {
		if !strings.ContainsAny(s, EscapeSigns) {
			break
		}
		var out strings.Builder
		for at := strings.IndexAny(s, EscapeSigns); at >= 0; at = strings.IndexAny(s, EscapeSigns) {
			decoded, rest := decodeFirst(s[at:])
			out.WriteString(s[:at])
			out.WriteString(decoded)
			s = rest
		}
		out.WriteString(s)
		s = out.String()
	}
	return s
}

// decodeFirst decodes the escape at the beginning of s. s begins with one of
// EscapeSigns. Without an escape, it removes a backslash and keeps the other signs.
func decodeFirst(s string) (decoded, rest string) {
	sign, rest := s[:1], s[1:]
	switch sign {
	case `\`:
		sign, rest = "", strings.TrimLeft(rest, `\`)
		if n, ok := parseHex(rest, "u", 4); ok {
			return string(n), rest[5:]
		}
		if n, ok := parseHex(rest, "x", 2); ok {
			return string([]byte{byte(n & 0xff)}), rest[3:]
		}
	case "%":
		for _, ok := parseHex(rest, "25", 2); ok; _, ok = parseHex(rest, "25", 2) { // %2563 is %63
			rest = rest[2:]
		}
		if n, ok := parseHex(rest, "", 2); ok {
			return string([]byte{byte(n & 0xff)}), rest[2:]
		}
	case "&":
		name, _, _ := strings.Cut(rest[:min(10, len(rest))], ";")
		if after, ended := strings.CutPrefix(rest[len(name):], ";"); ended {
			if c, ok := htmlCharacter(name); ok {
				return string(c), after
			}
		}
	}
	switch sign + rest[:min(1, len(rest))] {
	case "n", "r", "t":
		return " ", rest[1:]
	case "~0":
		return "~", rest[1:]
	case "~1":
		return "/", rest[1:]
	default:
		return sign, rest
	}
}

// parseHex reads a number with that many digits after a prefix.
func parseHex(s, prefix string, digits int) (n rune, ok bool) {
	s, ok = strings.CutPrefix(s, prefix)
	if !ok || len(s) < digits {
		return 0, false
	}
	code, err := strconv.ParseUint(s[:digits], 16, 16)
	return rune(code), err == nil
}

// htmlCharacter returns the character of a reference in HTML, such as amp, #38 or #x26.
// It knows only the names that are common in escaped texts: the table of package html
// adds 60 kB to a program.
func htmlCharacter(name string) (c rune, ok bool) {
	name = strings.ToLower(name)
	if number, ok := strings.CutPrefix(name, "#"); ok {
		base := 10
		if hex, ok := strings.CutPrefix(number, "x"); ok {
			number, base = hex, 16
		}
		n, err := strconv.ParseUint(number, base, 31)
		return rune(n), err == nil
	}
	c, ok = map[string]rune{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}[name]
	return c, ok
}
