package api

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// defaultTransport is like [http.DefaultTransport], but connects within 10 s, accepts
// headers of up to 256 KiB, and keeps more idle connections to one host for concurrent
// requests. It has no timeout for headers: the timeout of the attempt covers them, and
// a second timer for each request would take a tenth of a call's processor time.
func defaultTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  proxyOfEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// proxyOfEnvironment uses no proxy for http, which is for loopback only: a proxy would
// see the credentials.
func proxyOfEnvironment(req *http.Request) (*url.URL, error) {
	if req.URL.Scheme != "https" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(req)
}

// sender sends requests through the transport, without the redirects and cookies of
// [http.Client].
type sender struct {
	transport http.RoundTripper
	maxBytes  int64 // of a body
}

func (s sender) roundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.transport.RoundTrip(req)
	switch {
	case err != nil:
		return nil, s.refusedByProxy(req, err)
	case resp == nil:
		return nil, errors.New("the transport returned neither a response nor an error")
	case resp.Body == nil:
		empty := *resp // a copy: resp belongs to the transport
		empty.Body = http.NoBody
		return &empty, nil
	}
	return resp, nil
}

// refusedByProxy adds the proxy to the error of a CONNECT that the proxy has refused.
// net/http returns only the text of the status line.
func (s sender) refusedByProxy(req *http.Request, err error) error {
	t, ok := s.transport.(*http.Transport)
	if !ok || t.Proxy == nil || req.URL.Scheme != "https" {
		return err
	}
	for status := http.StatusMultipleChoices; status < 600; status++ {
		if text := http.StatusText(status); text == "" || text != err.Error() {
			continue
		}
		if proxy, lookup := t.Proxy(req); lookup == nil && proxy != nil {
			// A 5xx means that the proxy did not reach the server.
			return &refusedError{fmt.Errorf("the proxy %s refused the connection: HTTP %d %w", proxy.Host, status, err), status < http.StatusInternalServerError}
		}
	}
	return err
}

// refusedError is the refusal of a connection by a proxy.
type refusedError struct {
	error
	final bool // a retry would fail too
}

func (e *refusedError) Unwrap() error { return e.error }

// moduleVersion returns the version of this module as a dependency of the running
// program, or "devel", for example in certuse, which is in the module itself.
var moduleVersion = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/certuse/cloudflare-mtls" && m.Replace == nil && m.Version != "" {
				return m.Version
			}
		}
	}
	return "devel"
})

// parseBaseURL parses and checks a base URL. Its errors omit the URL, which may hold a
// password.
func parseBaseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the scheme must be https, or http for a loopback host")
	case u.Hostname() == "":
		return nil, errors.New("the host is missing")
	case u.User != nil:
		return nil, errors.New("user information is not allowed; pass credentials to New")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, errors.New("a query is not allowed")
	case strings.Contains(raw, "#"):
		return nil, errors.New("a fragment is not allowed")
	case u.Scheme == "http" && !isLoopback(strings.ToLower(u.Hostname())):
		return nil, errors.New("http is allowed for a loopback host only; use https")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("port %q is not between 1 and 65535", port)
		}
	}
	for _, segment := range strings.Split(u.Path, "/") {
		if segment == "." || segment == ".." {
			return nil, errors.New("the path has a dot segment")
		}
	}
	// net/http also removes the colon of an empty port.
	u.Host = strings.TrimSuffix(u.Host, ":")
	// Host names are case-insensitive, but headerEditor compares bytes. The zone of an
	// IPv6 address is the name of an interface and is kept.
	if !strings.Contains(u.Host, "%") {
		u.Host = strings.ToLower(u.Host)
	}
	return u, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
