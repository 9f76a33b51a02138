package api

import "testing"

func TestHasUserInfo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                          false,
		"connection refused":        false,
		"a@b":                       false,
		"https://host/path":         false,
		"https://host/a@b":          false,
		"https://host @":            false,
		"https://host\t@":           false,
		"https://user:secret@host":  true,
		"https://@host":             true,
		"http://a/ then http://u@b": true,
		"proxyconnect: http://us%20er:p@127.0.0.1:1": true,
		"://@":                         true,
		`invalid proxy address "u:p"`:  true,
		`Invalid Proxy Address "x://"`: true,
		"https://":                     false,
		"https://user:sec\nret@host":   false,
	} {
		if got := hasUserInfo(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
