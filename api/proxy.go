package api

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/certuse/cloudflare-mtls/api/internal/secret"
)

// proxyDetector returns a function that reports whether a text holds credentials of the
// proxy through which transport sends requests to base. A transport of an unknown type
// is assumed to use the proxy of the environment.
//
// The credentials are read for each text, because the caller's Proxy function may
// return others later. If a call of that function takes longer than the grace period,
// every text counts as one with credentials until the call returns.
func proxyDetector(transport http.RoundTripper, base *url.URL) func(text string) bool {
	t, ok := transport.(*http.Transport)
	if !ok {
		t = &http.Transport{Proxy: proxyOfEnvironment}
	}
	if !ok || t.Proxy == nil {
		return func(text string) bool { return containsAny(text, proxySecrets(t, base)) }
	}
	var late atomic.Pointer[atomic.Bool] // whether a call that took too long has returned
	return func(text string) bool {
		if returned := late.Load(); returned != nil && !returned.Load() {
			return true
		}
		var secrets []string
		returned := new(atomic.Bool)
		if !await(closed, func() {
			defer returned.Store(true)
			secrets = proxySecrets(t, base)
		}) {
			late.Store(returned)
			return true
		}
		return containsAny(text, secrets)
	}
}

// proxySecrets returns the credentials in the URL and the header of a proxy, in
// the forms in which they are sent or printed.
func proxySecrets(t *http.Transport, base *url.URL) (secrets []string) {
	for _, value := range t.ProxyConnectHeader.Values("Proxy-Authorization") {
		token := strings.TrimSpace(value[strings.IndexByte(value, ' ')+1:]) // without the scheme
		secrets = append(secrets, userSecrets(token, "")...)
		if name, password, ok := decodeBasic(token); ok {
			secrets = append(secrets, userSecrets(name, password)...)
		}
	}
	if t.Proxy == nil {
		return secrets
	}
	target := *base
	address, err := t.Proxy(&http.Request{Method: http.MethodGet, URL: &target, Host: base.Host, Header: http.Header{}})
	if err != nil || address == nil || address.User == nil {
		return secrets
	}
	password, _ := address.User.Password()
	return append(secrets, userSecrets(address.User.Username(), password)...)
}

// userSecrets returns the forms of a password, alone and in Basic credentials. Without
// a password, the name may be a token.
func userSecrets(name, password string) []string {
	secret, pair := cmp.Or(password, name), name+":"+password
	if secret == "" {
		return nil
	}
	quoted, ascii := strconv.Quote(secret), strconv.QuoteToASCII(secret)
	return []string{
		secret, url.QueryEscape(secret), quoted[1 : len(quoted)-1], ascii[1 : len(ascii)-1],
		base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		base64.RawStdEncoding.EncodeToString([]byte(pair)), base64.RawURLEncoding.EncodeToString([]byte(pair)),
	}
}

// containsAny reports whether text holds one of the secrets, in upper or lower case,
// escaped or not. Empty secrets are ignored.
func containsAny(text string, secrets []string) bool {
	if len(secrets) == 0 {
		return false
	}
	lower, plain := strings.ToLower(text), strings.ToLower(secret.Unescape(text))
	return slices.ContainsFunc(secrets, func(s string) bool {
		escaped, s := strings.ToLower(s), strings.ToLower(secret.Unescape(s))
		return escaped != "" && strings.Contains(lower, escaped) || s != "" && strings.Contains(plain, s)
	})
}

// hasBasicCredentials reports whether text has the scheme Basic with a name and a
// password, like a Proxy-Authorization header.
func hasBasicCredentials(text string) bool {
	scheme := false
	for _, word := range strings.FieldsFunc(secret.Unescape(text), isNotBase64) {
		if _, _, ok := decodeBasic(word); ok && scheme {
			return true
		}
		scheme = strings.EqualFold(word, "basic")
	}
	return false
}

func isNotBase64(r rune) bool {
	return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=", r)
}

// decodeBasic decodes the credentials of the scheme Basic.
func decodeBasic(token string) (name, password string, ok bool) {
	token = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(token, "="))
	pair, err := base64.RawStdEncoding.DecodeString(token)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(pair), ":")
}

// hasUserInfo reports whether text has a URL with user information, or is the error of
// net/http about an invalid URL of a proxy. It does not use package regexp, which would
// make programs 4 % larger.
func hasUserInfo(text string) bool {
	if strings.Contains(strings.ToLower(text), "proxy address") {
		return true
	}
	return slices.ContainsFunc(strings.Split(text, "://")[1:], func(rest string) bool {
		end := strings.IndexAny(rest, "@/ \t\r\n\f")
		return end >= 0 && rest[end] == '@'
	})
}
