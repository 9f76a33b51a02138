package api

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/api/internal/secret"
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
	// body replaces secrets that are not escaped. It reports whether it has found a
	// secret, even one too short to be replaced.
	body func([]byte) ([]byte, bool)
	// hasDetector reports that withDetector has added a detector to text.
	hasDetector bool
}

func newRedactor(secrets []string) redactor {
	var inText []string
	var inBody [][]byte
	for _, s := range secrets {
		for _, form := range []string{s, secret.Unescape(s)} { // an echo may have no escapes left
			if len(form) >= minSecretInText && !slices.Contains(inText, form) {
				inText, inBody = append(inText, form), append(inBody, []byte(form))
			}
		}
	}
	replace := func(s string) string {
		for _, form := range inText {
			s = strings.ReplaceAll(s, form, redacted)
		}
		return s
	}
	return redactor{
		text: func(s string) string {
			s = replace(s)
			plain := secret.Unescape(s)
			if clean := replace(plain); clean != plain {
				return clean
			}
			return s
		},
		body: func(b []byte) ([]byte, bool) {
			found := false
			for _, form := range inBody {
				if !bytes.Contains(b, form) {
					continue
				}
				found = true
				if len(form) >= minSecretInBody {
					b = bytes.ReplaceAll(b, form, []byte(redacted))
				}
			}
			return b, found
		},
	}
}

// withDetector returns a redactor that also replaces a text as a whole if detect
// returns true for it.
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

// escapedBody redacts the strings and names with an escaped credential in a valid JSON
// body. The rest of the body stays unchanged.
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
		if !bytes.ContainsAny(raw, secret.EscapeSigns) {
			continue
		}
		text, _ := jsontext.AppendUnquote(nil, raw)
		clean, found := r.body(text)
		if !found {
			clean, found = r.body([]byte(secret.Unescape(string(text))))
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

// mayHideCredential reports whether a body has escapes that can hide a credential. The
// escapes \n, \r, \t, \b and \f cannot, because a credential has only visible
// characters.
func mayHideCredential(body []byte) bool {
	for _, sign := range []byte(secret.EscapeSigns) {
		if sign != '\\' && bytes.IndexByte(body, sign) >= 0 {
			return true
		}
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
