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

// Option configures a [Client]. [New] checks every option and names the one
// that is wrong. When an option is given twice, the last one counts.
type Option func(*config) error

type config struct {
	baseURL        *url.URL
	transport      http.RoundTripper
	maxAttempts    int
	attemptTimeout time.Duration
	clientTimeout  time.Duration
	maxRetryWait   time.Duration
	rateLimit      int
	rateWindow     time.Duration
	maxBytes       int64
	product        string
	logger         *slog.Logger
}

func defaultConfig() *config {
	base, err := parseBaseURL("https://api.cloudflare.com/client/v4")
	if err != nil {
		panic(err)
	}
	return &config{
		baseURL:        base,
		maxAttempts:    4,
		attemptTimeout: 30 * time.Second,
		maxRetryWait:   30 * time.Second,
		rateLimit:      1000,
		rateWindow:     5 * time.Minute,
		maxBytes:       8 << 20,
	}
}

// configure applies options to a configuration.
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

// positive checks the number or duration that an option sets.
func positive[N int | int64 | time.Duration](option string, n N) error {
	if n <= 0 {
		return fmt.Errorf("%s: %v is not above 0", option, n)
	}
	return nil
}

// given checks the function that an option sets.
func given[T any](option string, f func(T)) error {
	if f == nil {
		return fmt.Errorf("%s: the function is nil", option)
	}
	return nil
}

// WithBaseURL sets where the API is; the default is
// https://api.cloudflare.com/client/v4. The scheme is https; http is accepted
// for a loopback host only, so that credentials never cross a network in
// clear. User information, a query and a fragment are refused. A trailing
// slash makes no difference.
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

// WithHTTPClient takes the Transport and the Timeout of hc. The caller's client
// is neither changed nor kept, and its other fields have no effect: redirects
// are never followed, and a cookie jar is not used, because the API has no
// cookies that matter. A nil Transport means the client's default. A Timeout
// that is shorter than [WithAttemptTimeout] takes its place.
func WithHTTPClient(hc *http.Client) Option {
	return func(c *config) error {
		switch {
		case hc == nil:
			return errors.New("WithHTTPClient: the client is nil")
		case hc.Transport != nil && isNil(hc.Transport):
			return fmt.Errorf("WithHTTPClient: the transport is a nil %T", hc.Transport)
		}
		c.transport, c.clientTimeout = hc.Transport, hc.Timeout
		return nil
	}
}

// isNil reports whether an interface holds nothing, or a nil pointer or function.
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

// WithMaxAttempts bounds the requests of one call, the first included; the
// default is 4, and 1 turns retries off.
func WithMaxAttempts(n int) Option {
	return func(c *config) error {
		c.maxAttempts = n
		return positive("WithMaxAttempts", n)
	}
}

// WithAttemptTimeout bounds one attempt, from connecting to the last byte of
// the body; the default is 30 s. An attempt that takes longer counts as
// unanswered and may be retried.
func WithAttemptTimeout(d time.Duration) Option {
	return func(c *config) error {
		c.attemptTimeout = d
		return positive("WithAttemptTimeout", d)
	}
}

// WithMaxRetryWait bounds the time that a single call, one that belongs to no audit
// or inventory, spends waiting, all its waits together; the default is 30 s. A wait that
// would exceed it is not begun: the call returns what it has at once. 0 means
// never to wait.
func WithMaxRetryWait(d time.Duration) Option {
	return func(c *config) error {
		if d < 0 {
			return fmt.Errorf("WithMaxRetryWait: %v is negative", d)
		}
		c.maxRetryWait = d
		return nil
	}
}

// WithRateLimit sets how many requests the client may make in any window of
// the given length; the default is 1,000 per 5 minutes, and 0 requests turns
// the limit off. Retries count. The vendor allows 1,200 per 5 minutes for a
// user or token, over all its tools together, and then blocks everything for 5
// minutes; the default leaves the rest to others. Share one client, because
// two clients have two limits.
func WithRateLimit(requests int, window time.Duration) Option {
	return func(c *config) error {
		if requests < 0 {
			return fmt.Errorf("WithRateLimit: %d requests is negative", requests)
		}
		if requests > 0 && window <= 0 {
			return fmt.Errorf("WithRateLimit: window %v is not positive", window)
		}
		c.rateLimit, c.rateWindow = requests, window
		return nil
	}
}

// WithMaxResponseBytes bounds the body of an answer, counted after
// decompression; the default is 8 MiB. A larger one is [ErrResponseTooLarge], and so
// is a large one made of so many small items that it would take more than four times
// its size in memory.
func WithMaxResponseBytes(n int64) Option {
	return func(c *config) error {
		c.maxBytes = n
		return positive("WithMaxResponseBytes", n)
	}
}

// WithUserAgent puts product, for example "inventory/1.4", before the
// library's own name in the User-Agent header.
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
		c.product = product
		return nil
	}
}

// WithLogger makes the client log each attempt, at debug level: method, path,
// status, Ray ID, attempt, duration and the wait before the next one. Headers,
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
