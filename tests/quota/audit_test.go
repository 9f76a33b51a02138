package quota

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/quotaserver"
)

const (
	certificates = 5000
	workers      = 32
)

// auditResults counts the results of an audit.
type auditResults struct {
	byCertificate    map[api.CertificateRef]int
	answered         int
	swapped          int // with the associations of another certificate
	notAsked, failed int
}

func (a *auditResults) add(t *testing.T, r api.AuditResult) {
	t.Helper()
	a.byCertificate[r.Certificate]++
	switch {
	case (r.List == nil) == (r.Err == nil):
		t.Errorf("%+v: not exactly one of list and error", r)
	case errors.Is(r.Err, api.ErrNotAsked):
		a.notAsked++
		if !errors.Is(r.Err, context.Canceled) || r.Usage() != api.UsageUnknown {
			t.Errorf("%s: %v, usage %v", r.Certificate.ID, r.Err, r.Usage())
		}
	case r.Err != nil:
		a.failed++
	default:
		a.answered++
		if len(r.List.Associations) != 1 || r.List.Associations[0].Service != r.Certificate.ID {
			a.swapped++
		}
	}
}

// check fails unless each certificate was yielded once, with its own result.
func (a *auditResults) check(t *testing.T) {
	t.Helper()
	lost, repeated := 0, 0
	for i := range certificates {
		switch n := a.byCertificate[ref(i)]; {
		case n == 0:
			lost++
		case n > 1:
			repeated++
		}
	}
	if lost+repeated+a.swapped != 0 || len(a.byCertificate) != certificates {
		t.Errorf("lost %d, repeated %d, swapped %d, %d certificates", lost, repeated, a.swapped, len(a.byCertificate))
	}
}

func TestAnAuditWithFaultsAndBlocksYieldsEachCertificateOnce(t *testing.T) {
	t.Parallel()
	s := seed(t)
	for name, cancelAt := range map[string]int{"to the end": 0, "canceled at half": certificates / 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rules := strict(s, false)
				// The retry budget covers runs of faults at this rate. At twice the rate,
				// one audit in about fifty exhausts the budget.
				rules.FaultRate, rules.MaxFaults = 0.05, 3
				server := quotaserver.New(rules)
				for _, n := range []int{300, 900, 1500, 2100} {
					server.BlockAt(n, 5*time.Minute)
				}
				client := newClient(t, server)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				results := auditResults{byCertificate: make(map[api.CertificateRef]int)}
				for r := range client.Audit(ctx, refs(certificates, nil)) {
					results.add(t, r)
					if cancelAt > 0 && results.answered == cancelAt {
						cancel()
					}
				}
				results.check(t)
				seen := server.Report()
				if len(seen.Refused) != 4 || seen.Refusals() > 4*(workers+1) || seen.MaxInWindow > limit || seen.Peak > workers {
					t.Errorf("the server saw %+v", seen)
				}
				if cancelAt == 0 && results.answered != certificates {
					t.Errorf("%d of %d were answered, %d failed, %d not asked", results.answered, certificates, results.failed, results.notAsked)
				}
				if cancelAt > 0 && (results.notAsked < certificates/2-3*workers || results.failed > 2*workers) {
					t.Errorf("after the cancel: %d not asked, %d failed", results.notAsked, results.failed)
				}
				t.Logf("%d answered, %d failed, %d not asked; %+v", results.answered, results.failed, results.notAsked, seen)
			})
		})
	}
}

func TestAuditWithoutFaultsTakesAsLongAsTheLimitDemands(t *testing.T) {
	t.Parallel()
	s := seed(t)
	synctest.Test(t, func(t *testing.T) {
		server := quotaserver.New(strict(s, false))
		client := newClient(t, server)
		results := auditResults{byCertificate: make(map[api.CertificateRef]int)}
		started := time.Now()
		for r := range client.Audit(t.Context(), refs(certificates, nil)) {
			results.add(t, r)
		}
		took := time.Since(started)
		results.check(t)
		checkOptimum(t, certificates, took)
		if results.answered != certificates {
			t.Errorf("%d results", results.answered)
		}
	})
}
