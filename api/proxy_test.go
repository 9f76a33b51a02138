package api

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestTheDefaultTransportSpeaksHTTP2(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{true, false} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
		server.EnableHTTP2 = http2
		server.StartTLS()
		defer server.Close()
		transport := defaultTransport()
		defer transport.CloseIdleConnections()
		transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		transport.TLSClientConfig.RootCAs.AddCert(server.Certificate())
		resp, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); err != nil || (string(text) == "HTTP/2.0") != http2 {
			t.Errorf("offered HTTP/2: %t; got %s, %v", http2, text, err)
		}
	}
}

// The default transport must not use the proxy of the environment for plain http.
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
