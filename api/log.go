package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/certuse/cloudflare-mtls/generated"
)

// event is the log record of one attempt.
type event struct {
	client  *Client // nil: nothing is logged
	attempt int
	started time.Time
	// request is what was sent. The goroutine of the attempt stores it, which may
	// still run when the call has given up.
	request *atomic.Pointer[http.Request]
	edit    generated.RequestEditorFn
}

func leaveAsIs(context.Context, *http.Request) error { return nil }

// newEvent begins the record of an attempt; edit notes its request.
func (c *Client) newEvent(ctx context.Context, attempt int) event {
	if c.logger == nil || !c.logger.Enabled(ctx, slog.LevelDebug) {
		return event{edit: leaveAsIs}
	}
	e := event{client: c, attempt: attempt, started: time.Now(), request: new(atomic.Pointer[http.Request])}
	e.edit = func(_ context.Context, req *http.Request) error {
		e.request.Store(&http.Request{Method: req.Method, URL: req.URL})
		return nil
	}
	return e
}

func (e event) succeeded(ctx context.Context, r *reply, result result) {
	if e.client == nil {
		return
	}
	e.write(ctx, slog.Int("status", r.status), slog.String("ray_id", r.rayID), slog.Int("results", result.count()))
}

func (e event) failed(ctx context.Context, fail *Error, wait time.Duration) {
	if e.client == nil {
		return
	}
	e.write(ctx, slog.Int("status", fail.StatusCode), slog.String("ray_id", fail.RayID),
		slog.Duration("wait", wait), slog.String("error", fail.Error()))
}

func (e event) write(ctx context.Context, attrs ...slog.Attr) {
	method, path := "", ""
	if req := e.request.Load(); req != nil {
		method, path = req.Method, req.URL.Path
	}
	attrs = append([]slog.Attr{
		slog.String("method", method),
		slog.String("path", path),
		slog.Int("attempt", e.attempt),
		slog.Duration("duration", time.Since(e.started)),
	}, attrs...)
	e.client.logger.LogAttrs(ctx, slog.LevelDebug, "cloudflare-mtls attempt", attrs...)
}
