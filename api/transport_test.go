package api

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
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

// The default transport must not use the proxy of the environment for plain http. The
// test needs a process of its own, because net/http reads the variables only once.
func TestPlainHTTPHasNoProxy(t *testing.T) {
	t.Parallel()
	const proxy = "http://proxy.invalid:1"
	if os.Getenv("HTTP_PROXY") != proxy {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPlainHTTPHasNoProxy$")
		child.Env = append(os.Environ(), "HTTP_PROXY="+proxy, "HTTPS_PROXY="+proxy, "NO_PROXY=", "no_proxy=")
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	for rawURL, want := range map[string]bool{
		"http://LocalHost:1": false, "http://127.0.0.1:1": false, "http://example.com": false,
		"https://example.com": true,
	} {
		u, err := url.Parse(rawURL)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := defaultTransport().Proxy(&http.Request{URL: u, Header: http.Header{}}); (got != nil) != want || err != nil {
			t.Errorf("%s: %v, %v", rawURL, got, err)
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

func TestCredentialsGoToTheOriginOfTheBaseURLOnly(t *testing.T) {
	t.Parallel()
	base, err := parseBaseURL("https://example.com:8443/client/v4")
	if err != nil {
		t.Fatal(err)
	}
	for target, same := range map[string]bool{
		"https://example.com:8443/client/v4/accounts": true,
		"http://example.com:8443/client/v4/accounts":  false,
		"https://example.com/client/v4/accounts":      false,
		"https://example.com:443/client/v4/accounts":  false,
		"https://www.example.com:8443/client/v4":      false,
		"https://example.org:8443/client/v4":          false,
	} {
		for _, creds := range []Credentials{APIToken("token"), APIKey("email", "key")} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = headerEditor(base, creds, "")(t.Context(), req)
			sent := req.Header.Get("Authorization") + req.Header.Get("X-Auth-Key") + req.Header.Get("X-Auth-Email")
			if (err == nil) != same || (sent != "") != same {
				t.Errorf("%s: %v, sent %q", target, err, sent)
			}
		}
	}
}

func TestHasUserInfoFindsUserInformation(t *testing.T) {
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

// Only a failure to connect shows that the request cannot be the cause of an outage.
func TestFailuresToConnectAreRecognized(t *testing.T) {
	t.Parallel()
	reset := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer reset.Close()
	const closed = "http://127.0.0.1:1"
	for name, tt := range map[string]struct {
		url, proxy string
		want       bool
	}{
		"nothing listens":     {closed, "", true},
		"no such host":        {"https://host.invalid", "", true},
		"no proxy listens":    {"https://host.invalid", closed, true},
		"the connection ends": {reset.URL, "", false},
	} {
		transport := defaultTransport()
		transport.Proxy = nil
		if tt.proxy != "" {
			transport.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(tt.proxy) }
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if err == nil || isDialError(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
		transport.CloseIdleConnections()
	}
}
