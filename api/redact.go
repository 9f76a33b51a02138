package api

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const redacted = "[redacted]"

// Secrets shorter than these are not looked for: replacing every "a", or every
// "result" in a body, would destroy the text without protecting anything. The
// vendor's tokens and keys have 37 characters or more.
const (
	minSecretInText = 4
	minSecretInBody = 12
)

// redactor removes the client's credentials from what a server or a transport
// says. It keeps them in closures, where no formatter can reach them.
type redactor struct {
	text func(string) string
	// body also tells whether there is anything that text would replace.
	body func([]byte) ([]byte, bool)
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

// escapedBody redacts the strings of a valid JSON body that hide a credential
// behind escapes, names of members included. Nothing else of the body changes.
func (r redactor) escapedBody(body []byte) []byte {
	var out []byte
	done := 0
	dec := lenientDecoder(body)
	for {
		if dec.PeekKind() != jsontext.KindString {
			if _, err := dec.ReadToken(); err != nil {
				break // the end: the body has been decoded before
			}
			continue
		}
		raw, err := dec.ReadValue()
		if err != nil {
			break
		}
		if bytes.IndexByte(raw, '\\') < 0 {
			continue
		}
		text, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			break
		}
		clean, found := r.body(text)
		if !found || bytes.Equal(clean, text) {
			continue
		}
		end := int(dec.InputOffset())
		out = append(out, body[done:end-len(raw)]...)
		if out, err = jsontext.AppendQuote(out, clean); err != nil {
			break
		}
		done = end
	}
	if done == 0 {
		return body
	}
	return append(out, body[done:]...)
}
