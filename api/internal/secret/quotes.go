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

// escapes matches a character by its number in JSON, in a URL or in HTML, and a line
// break.
const escapes = `(?i)\\+[nrt]|\\+u([0-9a-f]{4})|%(?:25)*([0-9a-f]{2})|&(?:amp;)*#x([0-9a-f]{1,6});|&(?:amp;)*#([0-9]{1,7});`

// plain returns the letters and digits of a text in lower case, after its escapes
// are undone.
func plain(escape *regexp.Regexp, text string) string {
	text = escape.ReplaceAllStringFunc(text, func(s string) string {
		groups := escape.FindStringSubmatch(s)
		code, _ := strconv.ParseInt(cmp.Or(groups[1], groups[2], groups[3], "0"), 16, 32)
		if groups[4] != "" {
			code, _ = strconv.ParseInt(groups[4], 10, 32)
		}
		return string(rune(code))
	})
	return strings.Map(func(c rune) rune {
		if c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
			return unicode.ToLower(c)
		}
		return -1
	}, text)
}
