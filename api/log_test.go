package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestLogHoldsTheDocumentedAttributesAndNoHeaders(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	synctest.Test(t, func(t *testing.T) {
		next := scripted(reply(503, envelopeWith("5"), "Retry-After", "0"), reply(200, inUseBody))
		slow := roundTrip(func(req *http.Request) (*http.Response, error) {
			time.Sleep(2 * time.Second)
			return next.RoundTrip(req)
		})
		client := newClient(t, slow, api.WithLogger(logger), api.WithRateLimit(1, 10*time.Second))
		if _, err := client.Associations(t.Context(), cert); err != nil {
			t.Fatal(err)
		}
	})
	dec := json.NewDecoder(&out)
	for _, want := range []map[string]any{
		{"level": "DEBUG", "msg": "cloudflare-mtls attempt", "method": "GET", "status": 503.0, "ray_id": "8f2a5c-AMS", "attempt": 1.0,
			"path":  "/client/v4/accounts/" + cert.AccountID + "/mtls_certificates/" + cert.ID + "/associations",
			"error": "list mTLS certificate associations: HTTP 503 Service Unavailable: code 5: why (ray 8f2a5c-AMS)"},
		{"level": "DEBUG", "msg": "cloudflare-mtls attempt", "method": "GET", "status": 200.0, "ray_id": "8f2a5c-AMS", "attempt": 2.0,
			"path":    "/client/v4/accounts/" + cert.AccountID + "/mtls_certificates/" + cert.ID + "/associations",
			"results": 1.0},
	} {
		var got map[string]any
		if err := dec.Decode(&got); err != nil {
			t.Fatal(err)
		}
		wait, waited := got["wait"].(float64)
		if got["duration"] != 2e9 || waited != (want["status"] == 503.0) || wait > 1e8 {
			t.Errorf("got %v", got)
		}
		delete(got, "time")
		delete(got, "duration")
		delete(got, "wait")
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Errorf("more than two events: %v", err)
	}
}

func TestLogHidesATokenThatWasPassedAsAnID(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client := newClient(t, scripted(reply(404, envelopeWith("5"))), api.WithLogger(logger))
	_, err := client.Associations(t.Context(), api.CertificateRef{AccountID: cert.AccountID, ID: token})
	if !errors.Is(err, api.ErrNotFound) || !strings.Contains(out.String(), "/mtls_certificates/[redacted]/associations") || strings.Contains(out.String(), token) {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestNothingIsLoggedAboveDebugLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	_, _ = newClient(t, scripted(reply(500, ""), reply(404, "")), api.WithLogger(logger)).Associations(t.Context(), cert)
	if out.Len() > 0 {
		t.Error(out.String())
	}
}
