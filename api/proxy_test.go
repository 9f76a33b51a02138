package api

import (
	"net/http"
	"net/url"
	"testing"
)

// The default transport must not even ask the environment for plain http.
func TestPlainHTTPHasNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://proxy.invalid:1")
	t.Setenv("HTTPS_PROXY", "http://proxy.invalid:1")
	for _, host := range []string{"LocalHost:1", "127.0.0.1:1", "example.com"} {
		req := &http.Request{URL: &url.URL{Scheme: "http", Host: host}, Header: http.Header{}}
		if proxy, err := defaultTransport().Proxy(req); proxy != nil || err != nil {
			t.Errorf("%s: %v, %v", host, proxy, err)
		}
	}
}

func TestBaseURLHostIsLowerCase(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"http://LocalHost:8080/Base":  "http://localhost:8080/Base",
		"https://API.Example.COM/V4":  "https://api.example.com/V4",
		"http://[::1%25Lo]:8080/Base": "http://[::1%25Lo]:8080/Base",
	} {
		u, err := parseBaseURL(raw)
		if err != nil || u.String() != want {
			t.Errorf("%s: got %v, %v", raw, u, err)
		}
	}
}
