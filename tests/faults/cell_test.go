package faults

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

var cert = api.CertificateRef{AccountID: "023e105f4ecef8ad9ca31a8372d0c353", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}

// cell is one fault in one situation of one operation.
type cell struct {
	fault     fault
	operation operation
	server    *fs.Server
	link      *link
	client    *api.Client
	log       *waitLog

	ctx    context.Context
	cancel context.CancelFunc
}

// newCell creates a client and a server without a fault.
func newCell(t *testing.T, f fault, op operation, attempt time.Duration) *cell {
	t.Helper()
	c := &cell{fault: f, operation: op, log: new(waitLog), link: &link{
		transport: &http.Transport{}, bad: func(int) bool { return false }, during: func() {},
	}}
	c.ctx, c.cancel = context.WithCancel(t.Context())
	t.Cleanup(c.cancel)
	options := []api.Option{
		api.WithLogger(slog.New(c.log)), api.WithMaxResponseBytes(1 << 20),
		api.WithAttemptTimeout(attempt),
	}
	if f.connection != nil {
		f.connection(t, c.link)
		options = append(options, api.WithHTTPClient(&http.Client{Transport: c.link.transport}))
	}
	c.server = fs.Start(t, fs.Always(op.ok), c.link.tls)
	client, err := api.New(api.APIToken(canary.Token), append(options, api.WithBaseURL(c.server.URL()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	c.client = client
	return c
}

// fail lets the n-th attempt fail if bad(n) is true. The handler other serves the rest.
func (c *cell) fail(bad func(n int) bool, during func(), other fs.Handler) {
	if c.fault.connection != nil {
		c.link.fail(bad, during)
		c.server.SetPlan(fs.Always(other))
		return
	}
	c.server.SetPlan(func(n int) fs.Handler {
		if bad(n) {
			return fs.During(during, c.fault.response)
		}
		return other
	})
}

// attempts returns the number of attempts that were seen on the wire: the requests or,
// for a fault of the connection, the dials.
func (c *cell) attempts() int {
	if c.fault.connection != nil {
		return c.link.count()
	}
	return c.server.Requests()
}

// outcome is the result of one call.
type outcome struct {
	got      any
	good     bool
	err      *api.Error
	attempts int
	// elapsed is the time from the setup of the situation to the end of the call.
	elapsed time.Duration
}

func (c *cell) call(t *testing.T) outcome {
	t.Helper()
	before := c.attempts()
	got, good, err := c.operation.call(c.ctx, c.client)
	r := outcome{got: got, good: good, attempts: c.attempts() - before}
	if err != nil && !errors.As(err, &r.err) {
		t.Fatalf("the error is a %T", err)
	}
	if good != (err == nil) {
		t.Fatalf("got %+v with error %v", got, err)
	}
	canary.Check(t, "outcome", r)
	return r
}

// waitLog collects the client's log, and calls hook when a wait is logged.
type waitLog struct {
	mu   sync.Mutex
	text bytes.Buffer
	hook func()
}

func (*waitLog) Enabled(context.Context, slog.Level) bool { return true }

func (l *waitLog) Handle(ctx context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "wait" && a.Value.Duration() > 0 && l.hook != nil {
			l.hook()
		}
		return true
	})
	return slog.NewTextHandler(&l.text, nil).Handle(ctx, r)
}

func (l *waitLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *waitLog) WithGroup(string) slog.Handler      { return l }

func (l *waitLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// sentinels names the sentinels that the error matches.
func sentinels(err error) []string {
	var names []string
	for name, sentinel := range map[string]error{
		"unauthorized": api.ErrUnauthorized, "forbidden": api.ErrForbidden, "not found": api.ErrNotFound,
		"rate limited": api.ErrRateLimited, "server": api.ErrServer, "rejected": api.ErrRejected,
		"redirect": api.ErrRedirect, "unexpected": api.ErrUnexpectedResponse, "no result": api.ErrNoResult,
		"truncated": api.ErrTruncated, "too large": api.ErrResponseTooLarge, "invalid": api.ErrInvalidArgument,
		"unreachable": api.ErrUnreachable, "not asked": api.ErrNotAsked,
		"canceled": context.Canceled, "deadline": context.DeadlineExceeded,
	} {
		if errors.Is(err, sentinel) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
