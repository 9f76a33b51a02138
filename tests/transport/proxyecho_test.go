package transport

import (
	"bufio"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

// refusingProxy responds to each request with text and closes the connection.
func refusingProxy(t *testing.T, text string) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.WriteString(conn, text)
			}
			_ = conn.Close()
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

// places are responses of a proxy. A text in place of @ becomes part of an error.
var places = map[string]string{
	"status line":             "HTTP/1.1 407 refused @ today\r\nContent-Length: 0\r\n\r\n",
	"status line, at the end": "HTTP/1.1 407 @\r\n\r\n",
	"malformed status line":   "@ nothing\r\n\r\n",
	"malformed status code":   "HTTP/1.1 @ x\r\n\r\n",
	"malformed version":       "HTTP/@ 200 OK\r\n\r\n",
	"malformed header line":   "HTTP/1.1 200 OK\r\n@\r\n\r\n",
	"malformed header name":   "HTTP/1.1 200 OK\r\n(@): x\r\n\r\n",
	"malformed length":        "HTTP/1.1 200 OK\r\nContent-Length: @\r\n\r\n",
	"unknown coding":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: @\r\n\r\n",
}

// writtenForms returns the forms in which a proxy may write the credentials. Without a
// password, the user is the secret.
func writtenForms(user, password string) map[string]string {
	pair := user + ":" + password
	if password == "" {
		password = user
	}
	var hex, unicode strings.Builder
	for _, c := range []byte(password) {
		fmt.Fprintf(&hex, "%%%02X", c)
	}
	for _, c := range password {
		fmt.Fprintf(&unicode, `\u%04x`, c)
	}
	return map[string]string{
		"as it is":                 password,
		"in capitals":              strings.ToUpper(password),
		"as a pair":                pair,
		"as the header":            "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(pair)),
		"in base64":                base64.StdEncoding.EncodeToString([]byte(pair)),
		"in base64, unpadded":      base64.RawStdEncoding.EncodeToString([]byte(pair)),
		"in base64 for URLs":       base64.URLEncoding.EncodeToString([]byte(pair)),
		"alone in base64":          base64.StdEncoding.EncodeToString([]byte(password)),
		"as in a URL":              url.UserPassword(user, password).String(),
		"as in a query":            url.QueryEscape(password),
		"percent-encoded":          hex.String(),
		"percent-encoded twice":    url.PathEscape(hex.String()),
		"quoted as in Go":          strconv.Quote(password),
		"quoted as in Go, ASCII":   strconv.QuoteToASCII(password),
		"escaped as in JSON":       unicode.String(),
		"escaped as in JSON twice": strings.ReplaceAll(unicode.String(), `\`, `\\`),
	}
}

const shownText = "Proxy Authentication Required"

func TestCredentialsThatAProxySendsBackAreNotShown(t *testing.T) {
	t.Parallel()
	withURL := func(user *url.Userinfo) func(string) http.RoundTripper {
		return func(addr string) http.RoundTripper {
			return &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: addr, User: user})}
		}
	}
	withHeader := func(value string) func(string) http.RoundTripper {
		return func(addr string) http.RoundTripper {
			return &http.Transport{
				Proxy:              http.ProxyURL(&url.URL{Scheme: "http", Host: addr}),
				ProxyConnectHeader: http.Header{"Proxy-Authorization": {value}},
			}
		}
	}
	const strange = `p%41 \w"ör+d~?:x`
	for name, c := range map[string]struct {
		user, password string
		transport      func(addr string) http.RoundTripper
	}{
		"plain":          {"user", "Hunter22", withURL(url.UserPassword("user", "Hunter22"))},
		"short":          {"user", "q7", withURL(url.UserPassword("user", "q7"))},
		"strange":        {"us er", strange, withURL(url.UserPassword("us er", strange))},
		"token as user":  {"tok-Zq7XvK2m", "", withURL(url.User("tok-Zq7XvK2m"))},
		"header, Basic":  {"user", "Hunter22", withHeader("Basic " + base64.StdEncoding.EncodeToString([]byte("user:Hunter22")))},
		"header, Bearer": {"tok-Zq7XvK2m", "", withHeader("Bearer tok-Zq7XvK2m")},
	} {
		for place, response := range places {
			for form, text := range writtenForms(c.user, c.password) {
				addr := refusingProxy(t, strings.ReplaceAll(response, "@", text))
				client := newClient(t, credentials["token"], c.transport(addr), "https://"+apiHost+"/client/v4")
				_, err := client.Associations(t.Context(), cert)
				if !errors.Is(err, api.ErrUnreachable) {
					t.Errorf("%s, %s, %s: got %v", name, place, form, err)
				}
				all := fmt.Sprintf("%v %+v %#v", err, causes(err), err)
				for _, secret := range []string{text, cmp.Or(c.password, c.user), strconv.Quote(text)[1 : len(strconv.Quote(text))-1]} {
					if strings.Contains(strings.ToLower(all), strings.ToLower(secret)) {
						t.Errorf("%s, %s, %s: shows %q in %s", name, place, form, secret, all)
						break
					}
				}
			}
		}
		addr := refusingProxy(t, "HTTP/1.1 407 "+shownText+"\r\n\r\n")
		client := newClient(t, credentials["token"], c.transport(addr), "https://"+apiHost+"/client/v4")
		if _, err := client.Associations(t.Context(), cert); err == nil || !strings.Contains(err.Error(), shownText) {
			t.Errorf("%s: a text without credentials is not shown: %v", name, err)
		}
	}
}

func causes(err error) []error {
	if failure, ok := errors.AsType[*api.Error](err); ok {
		return failure.Unwrap()
	}
	return nil
}

// Without TLS, a proxy can respond instead of the server.
func TestResponsesOfAProxyDoNotShowItsCredentials(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]string{
		"message":      "HTTP/1.1 407 x\r\nContent-Type: application/json\r\n\r\n" + `{"success":false,"errors":[{"code":1,"message":"no user:Hunter22 here"}]}`,
		"content type": "HTTP/1.1 200 OK\r\nContent-Type: text/Hunter22\r\n\r\nx",
		"Ray ID":       "HTTP/1.1 407 x\r\nCF-Ray: dXNlcjpIdW50ZXIyMg\r\n\r\n",
		"notice":       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + `{"success":true,"result":[],"messages":[{"code":1,"message":"Basic dXNlcjpIdW50ZXIyMg=="}]}`,
	} {
		proxy := &url.URL{Scheme: "http", Host: refusingProxy(t, response), User: url.UserPassword("user", "Hunter22")}
		client := newClient(t, credentials["token"], &http.Transport{Proxy: http.ProxyURL(proxy)}, "http://127.0.0.1:1/client/v4")
		list, err := client.Associations(t.Context(), cert)
		if list != nil {
			list.Body = nil // holds the response as received, by design
		}
		failure, _ := errors.AsType[*api.Error](err)
		fields, _ := json.Marshal([]any{list, failure})
		text := fmt.Sprintf("%s %v %+v", fields, err, causes(err))
		if err == nil && name != "notice" || strings.Contains(text, "Hunter22") || strings.Contains(text, "dXNlcjpIdW50ZXIyMg") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// If the transport is not an *http.Transport, the client does not know the proxy, but
// recognises the text of a Proxy-Authorization header.
func TestBasicCredentialsInErrorsAreNotShown(t *testing.T) {
	t.Parallel()
	for text, shown := range map[string]bool{
		"got Proxy-Authorization: Basic dXNlcjpIdW50ZXIyMg==": false,
		`malformed header "basic dXNlcjpIdW50ZXIyMg"`:         false,
		"Basic%20dXNlcjpIdW50ZXIyMg%3D%3D":                    false,
		"BASIC  OnRvazpYLV8_":                                 false,
		"Basic authentication required":                       true,
		"a basic problem":                                     true,
		"dXNlcjpIdW50ZXIyMg==":                                true,
	} {
		client := newClient(t, credentials["token"], broken(text), "https://"+apiHost+"/client/v4")
		if _, err := client.Associations(t.Context(), cert); err == nil || strings.Contains(err.Error(), text) != shown {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

type broken string

func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New(string(b)) }
