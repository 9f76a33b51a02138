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

// minQuote is the least number of letters and digits in a row that count as a part
// of a text. The line of a private key in PEM has 64.
const minQuote = 16

// minCredential is the least number of letters and digits of a credential that is
// looked for: nothing shorter is one, and almost every text holds a shorter one.
const minCredential = 4

// Holds returns a function that reports whether its argument holds one of the
// credentials in full. Spaces, punctuation and case are ignored, and escapes are
// undone. Of a credential with fewer than four letters and digits of ASCII, only the
// text itself is looked for.
func Holds(credentials []string) func(string) bool {
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

// Quotes returns a function that reports whether its argument repeats a part of
// text that is not also a part of public. Line breaks, spaces and punctuation are
// ignored, and escapes are undone.
func Quotes(text, public string) func(string) bool {
	if text == "" {
		return func(string) bool { return false }
	}
	// Not a variable of the package, which would link package regexp into every
	// program that imports the client.
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

// escapes matches a character by its number in JSON, in Go, in a URL or in HTML, a
// line break in JSON, a sign in a JSON pointer, and a character by its name in HTML.
const escapes = `(?i)\\+u([0-9a-f]{4})|(?:%(?:25)*|\\+x)([0-9a-f]{2})|&(?:amp;)*#x([0-9a-f]{1,6});|&(?:amp;)*#([0-9]{1,7});|\\+[nrt]|~[01]|&(?:amp|lt|gt|quot|apos);`

// maxEscapes is how many kinds of escapes on top of each other are undone. A server
// writes the text: one round for each escape in it could take hours.
const maxEscapes = 4

// plain returns the letters and digits of a text in lower case, after its escapes
// are undone, also those of escapes.
func plain(escape *regexp.Regexp, text string) string {
	for range maxEscapes {
		once := escape.ReplaceAllStringFunc(text, unescape(escape))
		if once == text {
			break
		}
		text = once // shorter
	}
	return strings.Map(func(c rune) rune {
		if c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
			return unicode.ToLower(c)
		}
		return -1
	}, text)
}

// unescape returns the function that writes the character for an escape, and a
// space for a line break and for punctuation.
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
