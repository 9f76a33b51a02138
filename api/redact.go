package api

import (
	"bytes"
	"strings"
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
	// body also tells whether it found anything.
	body func([]byte) ([]byte, bool)
}

func newRedactor(secrets []string) redactor {
	var forText []string
	var forBody [][]byte
	for _, s := range secrets {
		if len(s) >= minSecretInText {
			forText = append(forText, s)
		}
		if len(s) >= minSecretInBody {
			forBody = append(forBody, []byte(s))
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
			for _, secret := range forBody {
				if bytes.Contains(b, secret) {
					b, found = bytes.ReplaceAll(b, secret, []byte(redacted)), true
				}
			}
			return b, found
		},
	}
}
