package api

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const redacted = "[redacted]"

// Shorter secrets are not redacted: replacing every "a", or every "result" in a body,
// would destroy the text. The vendor's tokens and keys have 37 characters or more.
const (
	minSecretInText = 4
	minSecretInBody = 12
)

// redactor removes the client's credentials, escaped or not, from texts of a server or
// transport. It holds them in closures, which no formatter prints.
type redactor struct {
	text func(string) string
	// body replaces secrets that are not escaped. It reports those, and others that are
	// too short to be replaced in a body.
	body func([]byte) ([]byte, bool)
	// hasDetector reports that text also replaces what a detector of withDetector
	// finds.
	hasDetector bool
}

func newRedactor(secrets []string) redactor {
	var forText []string
	var all [][]byte
	for _, s := range secrets {
		if len(s) >= minSecretInText {
			forText, all = append(forText, s), append(all, []byte(s))
		}
	}
	return redactor{
		text: func(s string) string {
			for _, secret := range forText {
				s = strings.ReplaceAll(s, secret, redacted)
			}
			if !strings.ContainsAny(s, escapeSigns) {
				return s
			}
			plain := unescape(s)
			for _, secret := range forText {
				if secret = unescape(secret); len(secret) >= minSecretInText && strings.Contains(plain, secret) {
					plain = strings.ReplaceAll(plain, secret, redacted)
					s = plain
				}
			}
			return s
		},
		body: func(b []byte) ([]byte, bool) {
			found := false
			for _, secret := range all {
				if !bytes.Contains(b, secret) {
					continue
				}
				found = true
				if len(secret) >= minSecretInBody {
					b = bytes.ReplaceAll(b, secret, []byte(redacted))
				}
			}
			return b, found
		},
	}
}

// withDetector returns a redactor that also replaces each whole text for which detect
// returns true.
func (r redactor) withDetector(detect func(text string) bool) redactor {
	redact := r.text
	r.hasDetector = true
	r.text = func(s string) string {
		if detect(s) {
			return redacted
		}
		return redact(s)
	}
	return r
}

// escapedBody redacts the strings of a valid JSON body, including names of members,
// that hold an escaped credential. The rest of the body stays unchanged.
func (r redactor) escapedBody(body []byte) []byte {
	var out []byte
	done := 0
	dec := lenientDecoder(body)
	for dec.PeekKind() != jsontext.KindInvalid { // the end: the body is valid JSON
		if dec.PeekKind() != jsontext.KindString {
			_, _ = dec.ReadToken()
			continue
		}
		raw, _ := dec.ReadValue()
		if !bytes.ContainsAny(raw, escapeSigns) {
			continue
		}
		text, _ := jsontext.AppendUnquote(nil, raw)
		clean, found := r.body(text)
		if !found {
			clean, found = r.body([]byte(unescape(string(text))))
		}
		if found && !bytes.Equal(clean, text) {
			end := int(dec.InputOffset())
			out = append(out, body[done:end-len(raw)]...)
			out, _ = jsontext.AppendQuote(out, clean)
			done = end
		}
	}
	if done == 0 {
		return body
	}
	return append(out, body[done:]...)
}

func lenientDecoder(text []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// mayHideCredential reports whether a body has escapes that can hide a credential. Those
// of line ends and tabs cannot, because a credential has only visible characters.
func mayHideCredential(body []byte) bool {
	if bytes.IndexByte(body, '%') >= 0 {
		return true
	}
	for {
		at := bytes.IndexByte(body, '\\')
		if at < 0 {
			return false
		}
		if at+1 == len(body) || strings.IndexByte("nrtbf", body[at+1]) < 0 {
			return true
		}
		body = body[at+2:]
	}
}

const escapeSigns = `\%`

// maxEscapes limits the levels of escapes that are decoded.
const maxEscapes = 4

// unescape decodes the escapes of JSON and Go strings and of URLs: \u0063, \x63 and %63
// become c, and a backslash before any other character is removed. It also decodes
// nested escapes, such as those in texts that net/http quotes. The result is for
// searching only.
func unescape(s string) string {
	for range maxEscapes {
		if !strings.ContainsAny(s, escapeSigns) {
			break
		}
		s = unescapeOnce(s)
	}
	return s
}

func unescapeOnce(s string) string {
	var out strings.Builder
	for at := strings.IndexAny(s, escapeSigns); at >= 0; at = strings.IndexAny(s, escapeSigns) {
		out.WriteString(s[:at])
		percent := s[at] == '%'
		s = strings.TrimLeft(s[at:], `\`)
		if s == "" {
			break
		}
		first, code, digits := s[0], s[1:], 2
		for percent && len(code) > 3 && strings.HasPrefix(code, "25") { // %2563 is %63
			code = code[2:]
		}
		if first == 'u' {
			digits = 4
		}
		c, err := strconv.ParseUint(code[:min(digits, len(code))], 16, 16)
		switch {
		case err != nil || len(code) < digits || !percent && first != 'u' && first != 'x':
			out.WriteByte(first) // not an escape by number
			s = s[1:]
		case digits == 4:
			out.WriteRune(rune(c))
			s = code[digits:]
		default:
			out.WriteByte(byte(c & 0xff))
			s = code[digits:]
		}
	}
	out.WriteString(s)
	return out.String()
}
