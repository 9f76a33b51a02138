package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/certuse/cloudflare-mtls/generated"
)

// logAnswer and logFailure write one event per attempt.
func (c *Client) logAnswer(ctx context.Context, cert CertificateRef, attempt int, started time.Time, list *AssociationList) {
	if !c.logs(ctx) {
		return
	}
	c.log(ctx, cert, started, attempt,
		slog.Int("status", list.statusCode), slog.String("ray_id", list.RayID),
		slog.Int("associations", len(list.Associations)))
}

func (c *Client) logFailure(ctx context.Context, cert CertificateRef, started time.Time, fail *Error, wait time.Duration) {
	if !c.logs(ctx) {
		return
	}
	c.log(ctx, cert, started, fail.Attempts,
		slog.Int("status", fail.StatusCode), slog.String("ray_id", fail.RayID),
		slog.Duration("wait", wait), slog.String("error", fail.Error()))
}

func (c *Client) logs(ctx context.Context) bool {
	return c.logger != nil && c.logger.Enabled(ctx, slog.LevelDebug)
}

func (c *Client) log(ctx context.Context, cert CertificateRef, started time.Time, attempt int, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{
		slog.String("method", http.MethodGet),
		slog.String("path", c.path(cert)),
		slog.Int("attempt", attempt),
		slog.Duration("duration", time.Since(started)),
	}, attrs...)
	c.logger.LogAttrs(ctx, slog.LevelDebug, "cloudflare-mtls attempt", attrs...)
}

// path is that of the request, taken from the generated builder.
func (c *Client) path(cert CertificateRef) string {
	req, err := generated.NewListMTLSCertificateAssociationsRequest(c.generated.Server, cert.AccountID, cert.ID)
	if err != nil {
		return ""
	}
	return req.URL.Path
}
