package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
	"github.com/certuse/cloudflare-mtls/generated"
)

// Client calls the API. Make one with [New] and share it: it is immutable, safe for
// concurrent use, and keeps one limiter, one retry budget and one pool of connections
// for all its callers. The zero value and a nil pointer give [ErrInvalidArgument] on
// every call.
type Client struct {
	generated *generated.Client
	// closeIdle is a closure, because fmt would print a transport, which may hold the
	// password of a proxy: fmt does not call Format for a Client in an unexported field.
	closeIdle func()
	redact    redactor
	// hasProxySecrets is a closure for the same reason.
	hasProxySecrets func(text string) bool
	// verifiesPeers reports that the transport may call functions of the caller to verify
	// a peer.
	verifiesPeers bool

	limiter *quota.Limiter
	budget  *budget
	settings
}

// New returns a client. It checks all arguments and sends nothing. The error is
// [ErrInvalidArgument] and names all invalid arguments that fit into an error text.
func New(creds Credentials, opts ...Option) (*Client, error) {
	cfg := defaultConfig()
	if err := errors.Join(creds.validate(), configure(cfg, opts)); err != nil {
		return nil, invalidArgument("new client", err.Error())
	}
	if cfg.clientTimeout > 0 {
		cfg.attemptTimeout = min(cfg.attemptTimeout, cfg.clientTimeout)
	}
	_, callersTransport := cfg.transport.(*http.Transport)
	if cfg.transport == nil {
		cfg.transport = defaultTransport()
	}
	requests, err := generated.NewClient(cfg.baseURL.String(),
		generated.WithHTTPClient(sender{cfg.transport, cfg.maxBytes}),
		generated.WithRequestEditorFn(headerEditor(cfg.baseURL, creds, cfg.product)))
	if err != nil {
		return nil, invalidArgument("new client", err.Error())
	}
	redact, hasProxySecrets := creds.redactor(), proxyDetector(cfg.transport, cfg.baseURL)
	if callersTransport && cfg.baseURL.Scheme == "http" {
		// Without TLS, a proxy can write the response. The default transport uses no
		// proxy then.
		redact = redact.withDetector(hasProxySecrets)
	}
	return &Client{
		generated:       requests,
		closeIdle:       (&http.Client{Transport: cfg.transport}).CloseIdleConnections,
		redact:          redact,
		hasProxySecrets: hasProxySecrets,
		verifiesPeers:   callersTransport,

		limiter:  quota.NewLimiter(cfg.rateLimit, cfg.rateWindow),
		budget:   new(budget),
		settings: cfg.settings,
	}, nil
}

// headerEditor returns an editor that sets the headers and credentials of a request. It
// refuses a request to another origin than that of the base URL.
func headerEditor(base *url.URL, creds Credentials, product string) editor {
	authorize, agent := creds.header(), product+"cloudflare-mtls/"+moduleVersion()
	return func(_ context.Context, req *http.Request) error {
		if req.URL.Scheme != base.Scheme || req.URL.Host != base.Host {
			return errors.New("the request is not for the origin of the base URL")
		}
		values := []string{"application/json", "no-cache", agent}
		req.Header["Accept"] = values[0:1:1]
		req.Header["Cache-Control"] = values[1:2:2]
		req.Header["User-Agent"] = values[2:3:3]
		authorize(req.Header)
		return nil
	}
}

// Format prints a constant text, because the fields hold credentials and are used by
// other goroutines.
func (c Client) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "cloudflare-mtls client") }

// CloseIdleConnections closes the connections that are not in use. The client stays
// usable. It has no effect on a transport without this method, and returns after 100 ms
// if the transport's method does not return.
func (c *Client) CloseIdleConnections() {
	if c != nil && c.closeIdle != nil {
		await(closed, c.closeIdle)
	}
}

// check returns the error of a call with an unusable client, context or argument.
func (c *Client) check(ctx context.Context, arguments error) error {
	switch {
	case c == nil || c.generated == nil:
		return errors.New("the client was not made by New")
	case isNil(ctx):
		return errors.New("the context is nil")
	default:
		return arguments
	}
}
