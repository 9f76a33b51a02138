package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// event is the log record of one attempt. A nil event logs nothing.
type event struct {
	client       *Client
	attempt      int
	started      time.Time // of the request
	method, path string
}

// newEvent starts the record of an attempt, or returns nil if nothing is logged.
func (c *Client) newEvent(ctx context.Context, attempt int) *event {
	if c.logger == nil || !c.logger.Enabled(ctx, slog.LevelDebug) {
		return nil
	}
	return &event{client: c, attempt: attempt}
}

// editor returns the function that records a request when it is about to be sent.
func (e *event) editor() editor {
	if e == nil {
		return recordNothing
	}
	return func(_ context.Context, req *http.Request) error {
		// An id may be a credential that the caller passed by mistake.
		e.started, e.method, e.path = time.Now(), req.Method, e.client.redact.text(req.URL.Path)
		return nil
	}
}

func recordNothing(context.Context, *http.Request) error { return nil }

func (e *event) succeeded(ctx context.Context, r *reply, result result) {
	if e == nil {
		return
	}
	e.write(ctx, slog.Int("status", r.status), slog.String("ray_id", r.rayID), slog.Int("results", result.count()))
}

func (e *event) failed(ctx context.Context, fail *Error, wait time.Duration) {
	if e == nil {
		return
	}
	e.write(ctx, slog.Int("status", fail.StatusCode), slog.String("ray_id", fail.RayID),
		slog.Duration("wait", wait), slog.String("error", fail.Error()))
}

func (e *event) write(ctx context.Context, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{
		slog.String("method", e.method),
		slog.String("path", e.path),
		slog.Int("attempt", e.attempt),
		slog.Duration("duration", time.Since(e.started)),
	}, attrs...)
	e.client.logger.LogAttrs(ctx, slog.LevelDebug, "cloudflare-mtls attempt", attrs...)
}
