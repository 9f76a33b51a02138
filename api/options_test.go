package api_test

import (
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestOptionsAreValidated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		option api.Option
		want   string // "" for valid
	}{
		"no attempts":             {api.WithMaxAttempts(0), "WithMaxAttempts"},
		"negative attempts":       {api.WithMaxAttempts(-1), "WithMaxAttempts"},
		"one attempt":             {api.WithMaxAttempts(1), ""},
		"no attempt timeout":      {api.WithAttemptTimeout(0), "WithAttemptTimeout"},
		"attempt timeout in ns":   {api.WithAttemptTimeout(30), "WithAttemptTimeout: 30ns is shorter than 1ms; its unit may be missing"},
		"longest attempt timeout": {api.WithAttemptTimeout(math.MaxInt64), ""},
		"negative retry wait":     {api.WithMaxRetryWait(-1), "WithMaxRetryWait"},
		"retry wait in ns":        {api.WithMaxRetryWait(30), "WithMaxRetryWait: 30ns"},
		"no retry wait":           {api.WithMaxRetryWait(0), ""},
		"longest retry wait":      {api.WithMaxRetryWait(math.MaxInt64), ""},
		"negative rate":           {api.WithRateLimit(-1, time.Second), "WithRateLimit"},
		"rate without window":     {api.WithRateLimit(1, 0), "WithRateLimit"},
		"window in ns":            {api.WithRateLimit(1000, 300), "WithRateLimit: 300ns"},
		"rate off":                {api.WithRateLimit(0, 0), ""},
		"longest window":          {api.WithRateLimit(1, math.MaxInt64), ""},
		"no bytes":                {api.WithMaxResponseBytes(0), "WithMaxResponseBytes"},
		"most bytes":              {api.WithMaxResponseBytes(math.MaxInt64), ""},
		"empty product":           {api.WithUserAgent(""), "WithUserAgent"},
		"line break in product":   {api.WithUserAgent("a\r\nX-Injected: 1"), "WithUserAgent"},
		"product beyond ASCII":    {api.WithUserAgent("é"), "WithUserAgent"},
		"nil logger":              {api.WithLogger(nil), "WithLogger"},
		"nil HTTP client":         {api.WithHTTPClient(nil), "WithHTTPClient"},
		"client timeout in ns":    {api.WithHTTPClient(&http.Client{Timeout: 30}), "WithHTTPClient: Timeout: 30ns"},
		"negative client timeout": {api.WithHTTPClient(&http.Client{Timeout: -1}), ""},
		"nil option":              {nil, "an option is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := api.New(api.APIToken(token), c.option)
			if c.want == "" && err != nil {
				t.Errorf("a valid option was refused: %v", err)
			}
			if c.want != "" && (client != nil || !errors.Is(err, api.ErrInvalidArgument) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestExtremeOptionsWork(t *testing.T) {
	t.Parallel()
	client := newClient(t, scripted(reply(200, inUseBody)), api.WithAttemptTimeout(math.MaxInt64), api.WithMaxRetryWait(math.MaxInt64),
		api.WithRateLimit(math.MaxInt, math.MaxInt64), api.WithMaxResponseBytes(math.MaxInt64), api.WithMaxAttempts(math.MaxInt))
	for range 3 {
		if _, err := client.Associations(t.Context(), cert); err != nil {
			t.Error(err)
		}
	}
	_, err := newClient(t, scripted(unsizedReply(inUseBody)), api.WithMaxResponseBytes(math.MaxInt64)).Associations(t.Context(), cert)
	if err != nil {
		t.Error(err)
	}
}

func TestLimitsApplyByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, _ = newClient(t, scripted(hang), api.WithMaxAttempts(1)).Associations(t.Context(), cert)
		wantTook(t, "the attempt", start, 30*time.Second, 30*time.Second)
	})
	for size, want := range map[int]error{8 << 20: nil, 8<<20 + 1: api.ErrResponseTooLarge} {
		body := inUseBody + strings.Repeat(" ", size-len(inUseBody))
		if _, err := newClient(t, scripted(reply(200, body))).Associations(t.Context(), cert); !errors.Is(err, want) {
			t.Errorf("a body of %d bytes: %v, want %v", size, err, want)
		}
	}
	for size, want := range map[int]error{250 << 10: nil, 260 << 10: api.ErrUnreachable} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Fill", strings.Repeat("x", size))
			_, _ = io.WriteString(w, inUseBody)
		}))
		defer server.Close()
		client, err := api.New(api.APIToken(token), api.WithBaseURL(server.URL), api.WithMaxAttempts(1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = client.Associations(t.Context(), cert); !errors.Is(err, want) {
			t.Errorf("a header of %d bytes: %v, want %v", size, err, want)
		}
		client.CloseIdleConnections()
	}
}

func TestNewNamesEveryInvalidArgument(t *testing.T) {
	t.Parallel()
	_, err := api.New(api.Credentials{}, api.WithMaxAttempts(0), nil)
	if !errors.Is(err, api.ErrInvalidArgument) || strings.Contains(err.Error(), "\n") {
		t.Fatal(err)
	}
	for _, part := range []string{"credentials are missing", "WithMaxAttempts: 0", "an option is nil"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}
}

func TestBaseURLsAreValidated(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{ // "" for valid
		"https://example.com":              "",
		"https://example.com/":             "",
		"https://example.com:8443/a/b":     "",
		"HTTPS://example.com":              "",
		"https://example.com:/":            "",
		"http://localhost:1":               "",
		"http://LOCALHOST":                 "",
		"http://127.0.0.1:8080/client/v4":  "",
		"http://127.9.9.9":                 "",
		"http://[::1]:8080":                "",
		"http://[::ffff:127.0.0.1]":        "",
		"http://example.com":               "loopback",
		"http://localhost.example.com":     "loopback",
		"http://localho\u017ft":            "loopback",
		"http://127.0.0.1.example.com":     "loopback",
		"http://10.0.0.1":                  "loopback",
		"http://0.0.0.0":                   "loopback",
		"http://[::2]":                     "loopback",
		"ftp://example.com":                "scheme",
		"example.com":                      "scheme",
		"":                                 "scheme",
		"//example.com":                    "scheme",
		"https:":                           "host",
		"https://":                         "host",
		"https:///path":                    "host",
		"https://:443":                     "host",
		"https:example.com":                "host",
		"https://user@example.com":         "user information",
		"https://user:hunter2@example.com": "user information",
		"https://@example.com":             "user information",
		"https://example.com?a=b":          "query",
		"https://example.com?":             "query",
		"https://example.com#a":            "fragment",
		"https://example.com#":             "fragment",
		"https://example.com:0":            "port",
		"https://example.com:65536":        "port",
		"https://example.com:http":         "not a URL",
		"https://example.com/\x00":         "not a URL",
		"https://user:hunter2@exa mple":    "not a URL",
		"https://example.com/a/../b":       "dot segment",
		"https://example.com/%2e%2e/b":     "dot segment",
		"https://example.com/.":            "dot segment",
	} {
		_, err := api.New(api.APIToken(token), api.WithBaseURL(raw))
		switch {
		case want == "":
			if err != nil {
				t.Errorf("%q: %v", raw, err)
			}
		case !errors.Is(err, api.ErrInvalidArgument) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "WithBaseURL"):
			t.Errorf("%q: got %v, want %q", raw, err, want)
		case strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%q: the password is in %q", raw, err)
		}
	}
}

func TestOptionsCanBeUsedForSeveralClients(t *testing.T) {
	t.Parallel()
	rt := scripted(reply(200, inUseBody))
	opts := []api.Option{api.WithUserAgent("a"), api.WithMaxAttempts(2)}
	for range 2 {
		if _, err := newClient(t, rt, opts...).Associations(t.Context(), cert); err != nil {
			t.Error(err)
		}
	}
}
