package faults

import (
	"errors"
	"iter"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// breaks are the ways in which a server stops answering for a time.
var breaks = map[string]func(t *testing.T, s *fs.Server, during func()) *fs.Server{
	"nothing listens": func(t *testing.T, s *fs.Server, during func()) *fs.Server {
		s.Close()
		during()
		listener, err := net.Listen("tcp", s.Addr())
		if err != nil {
			t.Errorf("cannot listen again: %v", err)
			return s
		}
		return fs.Serve(t, listener, fs.Always(fs.OK()), nil)
	},
	"connections are reset": failing(fs.ResetBeforeHeader()),
	"bodies break off":      failing(fs.ResetMidBody()),
}

func failing(a fs.Handler) func(*testing.T, *fs.Server, func()) *fs.Server {
	return func(_ *testing.T, s *fs.Server, during func()) *fs.Server {
		s.SetPlan(fs.Always(a))
		during()
		s.SetPlan(fs.Always(fs.OK()))
		return s
	}
}

func refs(n int, asked *atomic.Int64) iter.Seq[api.CertificateRef] {
	return func(yield func(api.CertificateRef) bool) {
		for i := range n {
			asked.Store(int64(i))
			if !yield(api.CertificateRef{AccountID: cert.AccountID, ID: "cert-" + strconv.Itoa(i)}) {
				return
			}
		}
	}
}

// In an outage that is shorter than the attempt timeout, at most 5 % of the
// certificates fail, and the audit takes almost no further ones from its input.
func TestAnAuditSurvivesAShortOutage(t *testing.T) {
	t.Parallel()
	const certs = 900
	for name, interrupt := range breaks {
		for _, length := range []time.Duration{50 * time.Millisecond, 2 * time.Second} {
			for _, workers := range []int{1, 32} {
				t.Run(name+" for "+length.String()+", "+strconv.Itoa(workers)+" at a time", func(t *testing.T) {
					t.Parallel()
					server := fs.Start(t, fs.Always(fs.OK()), nil)
					client, err := api.New(api.APIToken("token"), api.WithBaseURL(server.URL()), api.WithRateLimit(0, 0))
					if err != nil {
						t.Fatal(err)
					}
					defer client.CloseIdleConnections()
					var asked atomic.Int64
					over, answered, unknown := make(chan struct{}), 0, 0
					var taken int64
					for r := range client.Audit(t.Context(), refs(certs, &asked), api.WithConcurrency(workers)) {
						if r.Err != nil {
							unknown++
							t.Logf("%s: %v", r.Certificate.ID, r.Err)
							continue
						}
						if answered++; answered == 100 {
							go func() {
								defer close(over)
								interrupt(t, server, func() {
									time.Sleep(length / 2)
									taken = asked.Load()
									time.Sleep(length / 2)
									taken = asked.Load() - taken
								})
							}()
						}
					}
					<-over
					t.Logf("%d answered, %d unknown; %d taken during the second half of the outage, %d requests", answered, unknown, taken, server.Requests())
					if unknown > certs*5/100 || answered+unknown != certs {
						t.Errorf("%d answered, %d unknown", answered, unknown)
					}
					if taken > 2 && length > time.Second { // a slow machine measures a shorter outage badly
						t.Errorf("%d certificates were taken during the outage", taken)
					}
				})
			}
		}
	}
}

// A certificate without a response does not delay the others, and fails alone.
func TestACertificateWithoutAResponseIsNoOutage(t *testing.T) {
	t.Parallel()
	for place, certs := range map[string]int{"as the last one": 51, "in the middle": 500} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			server := fs.Start(t, fs.Always(func(x *fs.Exchange) bool {
				if x.Request.URL.Path == "/client/v4/accounts/"+cert.AccountID+"/mtls_certificates/cert-50/associations" {
					return fs.ResetBeforeHeader()(x)
				}
				return fs.OK()(x)
			}), nil)
			client, err := api.New(api.APIToken("token"), api.WithBaseURL(server.URL()), api.WithAttemptTimeout(2*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdleConnections()
			start, failed := time.Now(), 0
			for r := range client.Audit(t.Context(), refs(certs, new(atomic.Int64)), api.WithConcurrency(4)) {
				if r.Err != nil {
					failed++
					if !errors.Is(r.Err, api.ErrUnreachable) || errors.Is(r.Err, api.ErrNotAsked) || r.Certificate.ID != "cert-50" {
						t.Errorf("%s: %v", r.Certificate.ID, r.Err)
					}
				}
			}
			if took := time.Since(start); failed != 1 || took > time.Minute {
				t.Errorf("%d failed after %v", failed, took)
			}
		})
	}
}
