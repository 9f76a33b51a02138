package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"time"
)

// Option configures a [Client]. If an option is given twice, the last one applies. A
// duration below 1 ms, which is most likely a number without a unit, is invalid.
type Option func(*config) error

type config struct {
	settings
	baseURL       *url.URL
	transport     http.RoundTripper
	clientTimeout time.Duration
	rateLimit     int
	rateWindow    time.Duration
	product       string // ends with a space if it is not empty
}

// settings are the parts of a configuration that a [Client] keeps.
type settings struct {
	maxAttempts    int
	attemptTimeout time.Duration
	maxRetryWait   time.Duration
	maxBytes       int64
	logger         *slog.Logger
}

func defaultConfig() *config {
	return &config{
		settings:   settings{maxAttempts: 4, attemptTimeout: 30 * time.Second, maxRetryWait: 30 * time.Second, maxBytes: 8 << 20},
		baseURL:    &url.URL{Scheme: "https", Host: "api.cloudflare.com", Path: "/client/v4"},
		rateLimit:  1000,
		rateWindow: 5 * time.Minute,
	}
}

func configure[C any, O ~func(*C) error](cfg *C, opts []O) error {
	var problems []error
	for _, opt := range opts {
		if opt == nil {
			problems = append(problems, errors.New("an option is nil"))
			continue
		}
		problems = append(problems, opt(cfg))
	}
	return errors.Join(problems...)
}

// positive checks the number that an option sets.
func positive[N int | int64](option string, n N) error {
	if n <= 0 {
		return fmt.Errorf("%s: %v is not above 0", option, n)
	}
	return nil
}

// duration checks the duration that an option sets.
func duration(option string, d time.Duration) error {
	if d < time.Millisecond {
		return fmt.Errorf("%s: %v is shorter than 1ms; its unit may be missing", option, d)
	}
	return nil
}

// requireFunc checks the function that an option sets.
func requireFunc[T any](option string, f func(T)) error {
	if f == nil {
		return fmt.Errorf("%s: the function is nil", option)
	}
	return nil
}

// WithBaseURL sets the URL of the API; the default is
// https://api.cloudflare.com/client/v4. The scheme is https; http is accepted for a
// loopback host only, so that credentials never cross a network unencrypted. User
// information, a query and a fragment are refused. A trailing slash makes no
// difference.
func WithBaseURL(rawURL string) Option {
	return func(c *config) error {
		base, err := parseBaseURL(rawURL)
		if err != nil {
			return fmt.Errorf("WithBaseURL: %w", err)
		}
		c.baseURL = base
		return nil
	}
}

// WithHTTPClient sets the Transport and the Timeout of hc. It neither changes nor keeps
// hc, and ignores its other fields: redirects are never followed, and no cookies are
// kept. A nil Transport means the client's default. Of Timeout and
// [WithAttemptTimeout], the shorter limit applies. The Proxy function of an
// [*http.Transport] is also called to find the proxy's password in texts. If Proxy
// takes longer than 100 ms, its goroutine stays until Proxy returns, and the texts are
// withheld until then.
func WithHTTPClient(hc *http.Client) Option {
	return func(c *config) error {
		switch {
		case hc == nil:
			return errors.New("WithHTTPClient: the client is nil")
		case hc.Transport != nil && isNil(hc.Transport):
			return fmt.Errorf("WithHTTPClient: the transport is a nil %T", hc.Transport)
		}
		c.transport, c.clientTimeout = hc.Transport, hc.Timeout
		if hc.Timeout <= 0 {
			return nil
		}
		return duration("WithHTTPClient: Timeout", hc.Timeout)
	}
}

// isNil reports whether v is nil or holds a nil pointer, function, map, channel or
// slice.
func isNil(v any) bool {
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Chan, reflect.Slice:
		return value.IsNil()
	default:
		return false
	}
}

// WithMaxAttempts limits the attempts of one call, including the first; the default is
// 4, 1 turns retries off, and less is invalid. Some attempts in an audit or inventory
// do not count; see Retries in the package documentation.
func WithMaxAttempts(n int) Option {
	return func(c *config) error {
		c.maxAttempts = n
		return positive("WithMaxAttempts", n)
	}
}

// WithAttemptTimeout limits the time of one attempt, from connecting to the last byte
// of the body; the default is 30 s. An attempt that takes longer fails and may be
// retried.
func WithAttemptTimeout(d time.Duration) Option {
	return func(c *config) error {
		c.attemptTimeout = d
		return duration("WithAttemptTimeout", d)
	}
}

// WithMaxRetryWait limits the total time that a call outside an audit or inventory
// waits; the default is 30 s, and 0 means never to wait. See Retries in the package
// documentation.
func WithMaxRetryWait(d time.Duration) Option {
	return func(c *config) error {
		c.maxRetryWait = d
		if d == 0 {
			return nil
		}
		return duration("WithMaxRetryWait", d)
	}
}

// WithRateLimit sets how many requests the client may make in any window of the given
// length; the default is 1,000 per 5 minutes, and 0 requests turns the limit off. See
// Rate limits in the package documentation.
func WithRateLimit(requests int, window time.Duration) Option {
	return func(c *config) error {
		if requests < 0 {
			return fmt.Errorf("WithRateLimit: %d requests is negative", requests)
		}
		c.rateLimit, c.rateWindow = requests, window
		if requests == 0 {
			return nil
		}
		return duration("WithRateLimit", window)
	}
}

// WithMaxResponseBytes limits the size of a response body after decompression; the
// default is 8 MiB, and less than 1 is invalid. A larger body is [ErrResponseTooLarge].
// So is a large body whose many small items would take more than four times its size in
// memory.
func WithMaxResponseBytes(n int64) Option {
	return func(c *config) error {
		c.maxBytes = n
		return positive("WithMaxResponseBytes", n)
	}
}

// WithUserAgent adds product, for example "inventory/1.4", before the library's name in
// the User-Agent header. A product that is empty or not printable ASCII is invalid.
func WithUserAgent(product string) Option {
	return func(c *config) error {
		if product == "" {
			return errors.New("WithUserAgent: the product is empty")
		}
		for i := range len(product) {
			if product[i] < ' ' || product[i] > '~' {
				return fmt.Errorf("WithUserAgent: byte %#x at position %d is not printable ASCII", product[i], i+1)
			}
		}
		c.product = product + " "
		return nil
	}
}

// WithLogger makes the client log each attempt at debug level, with method, path,
// status, Ray ID, attempt and duration. A success also has the number of results; a
// failure has the text of its error and the wait before the next attempt. Headers,
// bodies and credentials are never logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		switch {
		case l == nil:
			return errors.New("WithLogger: the logger is nil")
		case isNil(l.Handler()):
			return errors.New("WithLogger: the logger has no handler, or a nil one")
		}
		c.logger = l
		return nil
	}
}
