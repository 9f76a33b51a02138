package api_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestARetryThatTheLimiterForbidsIsNotBegun(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{"with Retry-After": "20", "without Retry-After": ""} {
		synctest.Test(t, func(t *testing.T) {
			rt := scripted(reply(503, envelopeWith("1"), "Retry-After", header))
			client := newClient(t, rt, api.WithRateLimit(1, time.Hour))
			start := time.Now()
			_, err := client.Associations(t.Context(), cert)
			wantSentinels(t, err, api.ErrServer)
			if e := asError(t, err); time.Since(start) != 0 || e.RetryAfter < time.Hour || e.RetryAfter > time.Hour+time.Second {
				t.Errorf("%s: after %v: %v, retry after %v", name, time.Since(start), err, e.RetryAfter)
			}
		})
	}
}

func TestRetryAfterIsSetForAWaitThatIsTooLong(t *testing.T) {
	t.Parallel()
	rt := scripted(reply(503, envelopeWith("1")))
	_, err := newClient(t, rt, api.WithMaxRetryWait(0)).Associations(t.Context(), cert)
	if e := asError(t, err); e.RetryAfter <= 0 || e.RetryAfter > 100*time.Millisecond || rt.count() != 1 {
		t.Errorf("%d requests: %v, retry after %v", rt.count(), err, e.RetryAfter)
	}
}

func TestARetryThatIsNotMadeTakesNothingFromTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := scripted(reply(503, envelopeWith("1"), "Retry-After", "10"))
		client := newClient(t, rt)
		for range 20 { // twice the budget
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			if _, err := client.Associations(ctx, cert); !errors.Is(err, context.Canceled) {
				t.Fatalf("ended with %v", err)
			}
		}
		rt.steps, rt.calls = []step{reply(503, envelopeWith("1")), reply(200, emptyBody)}, 0
		if _, err := client.Associations(t.Context(), cert); err != nil {
			t.Errorf("the budget is used up: %v", err)
		}
	})
}

func TestAuditsTakeNothingFromTheBudgetInABlockOrAnOutage(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]step{
		"block":  reply(429, envelopeWith("971"), "Retry-After", "1"),
		"outage": fail(io.ErrUnexpectedEOF),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ok, fault := reply(200, emptyBody), reply(503, envelopeWith("1"))
				steps := append([]step{ok}, slices.Repeat([]step{failure}, 11)...) // more than the budget
				client := newClient(t, scripted(append(steps, ok, fault, ok)...))
				wantAnswers(t, client.Audit(t.Context(), numberedRefs(1)), 1)
				wantAnswers(t, client.Audit(t.Context(), numberedRefs(1)), 1)
				if _, err := client.Associations(t.Context(), cert); err != nil {
					t.Errorf("the budget is used up: %v", err)
				}
			})
		})
	}
}

func TestTheFirstFailureOfACallCountsInAnAuditUnlessItIsARateLimit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		failure step
		counts  bool
	}{
		"no response":  {fail(io.ErrUnexpectedEOF), true},
		"server error": {reply(503, envelopeWith("1"), "Retry-After", "1"), true},
		"rate limit":   {reply(429, envelopeWith("971"), "Retry-After", "1"), false},
	} {
		for attempts, failures := range map[int]int{1: 1, 2: 5} {
			synctest.Test(t, func(t *testing.T) {
				ok := reply(200, emptyBody)
				steps := append([]step{ok}, slices.Repeat([]step{tt.failure}, failures)...)
				client := newClient(t, scripted(append(steps, ok)...), api.WithMaxAttempts(attempts))
				wantAnswers(t, client.Audit(t.Context(), numberedRefs(1)), 1)
				for result := range client.Audit(t.Context(), numberedRefs(1)) {
					if failed := attempts == 1 && tt.counts; (result.Err != nil) != failed {
						t.Errorf("%s: after %d failures with at most %d attempts: %v", name, failures, attempts, result.Err)
					}
				}
			})
		}
	}
}

func TestTheRateCodeIsRetriedWithAnyStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400, 401, 403, 404, 429, 500, 502} {
		synctest.Test(t, func(t *testing.T) {
			rt := scripted(reply(status, envelopeWith("971"), "Retry-After", "3"), reply(200, emptyBody))
			start := time.Now()
			if _, err := newClient(t, rt).Associations(t.Context(), cert); err != nil || rt.count() != 2 || time.Since(start) < 3*time.Second {
				t.Errorf("HTTP %d: %d requests in %v: %v", status, rt.count(), time.Since(start), err)
			}
		})
	}
}

func TestTheOutcomeOfADeletionIsUnknownIfItsRetryIsRateLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.before = func(kind string, _ *http.Request) (*http.Response, error) {
			switch {
			case kind == "delete" && s.count(kind) == 1:
				return response(503, `{"success":false,"errors":[]}`), nil
			case kind == "delete":
				return response(200, `{"success":false,"errors":[{"code":971,"message":"slow"}]}`), nil
			}
			return nil, nil
		}
		_, err := newClient(t, s).DeleteUnused(t.Context(), ref(8))
		wantSentinels(t, err, api.ErrRateLimited, api.ErrOutcomeUnknown)
	})
}

func TestAPeerThatTheCallerRefusesIsNotRetried(t *testing.T) {
	t.Parallel()
	pin := errors.New("wrong pin")
	for name, refuse := range map[string]func(*tls.Config){
		"VerifyConnection": func(c *tls.Config) { c.VerifyConnection = func(tls.ConnectionState) error { return pin } },
		"VerifyPeerCertificate": func(c *tls.Config) {
			c.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return pin }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newTLSServer(t)
			transport := server.Client().Transport.(*http.Transport).Clone()
			refuse(transport.TLSClientConfig)
			_, err := newClient(t, transport, api.WithBaseURL(server.URL)).Associations(t.Context(), cert)
			wantSentinels(t, err, api.ErrUnreachable)
			if e := asError(t, err); e.Attempts != 1 || !errors.Is(err, pin) || !strings.Contains(err.Error(), "wrong pin") {
				t.Errorf("%d attempts: %v", e.Attempts, err)
			}
		})
	}
}

func TestAnInterruptedHandshakeIsRetried(t *testing.T) {
	t.Parallel()
	address := serveConnections(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) })
	client := newClient(t, new(http.Transport), api.WithBaseURL("https://"+address), api.WithMaxAttempts(2))
	_, err := client.Associations(t.Context(), cert)
	if e := asError(t, err); e.Attempts != 2 {
		t.Errorf("%d attempts: %v", e.Attempts, err)
	}
}

// Without a retry, for example because the budget is used up, there is no wait to log.
func TestOnlyAWaitBeforeARetryIsLogged(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, scripted(slices.Repeat([]step{reply(500, "")}, 20)...), api.WithLogger(logger))
		for range 5 {
			_, _ = client.Associations(t.Context(), cert)
		}
	})
	type event struct{ Attempt, Wait int }
	var events []event
	for dec := json.NewDecoder(&out); dec.More(); {
		var e event
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if len(events) != 5+10 { // the budget is ten retries
		t.Fatalf("%d attempts: %v", len(events), events)
	}
	for i, e := range events {
		retried := i+1 < len(events) && events[i+1].Attempt > e.Attempt
		if (e.Wait > 0) != retried {
			t.Errorf("request %d: %+v, retried: %t", i+1, e, retried)
		}
	}
}
