package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

// Audit requests the associations of each certificate in certs, several at a time, and
// yields one result for each, in the order of completion. Each range over the result is
// a new audit.
//
// The loop body runs on the caller's goroutine; certs runs on one other goroutine and
// may be infinite. A certificate that certs yields twice is requested twice. Memory
// does not grow with the number of certificates.
//
// An audit waits for the limiter and for the end of blocks by the vendor and of
// outages; see Retries in the package documentation. After one of these events, no more
// requests are sent, and the rest of certs is yielded with errors that match
// [ErrNotAsked] and the error of the event:
//
//   - the end of ctx: its error
//   - the first [ErrUnauthorized]
//   - a block that delays the audit for more than 15 minutes: [ErrRateLimited]
//   - an outage of that length, or a call without a response before the client has
//     received any: [ErrUnreachable]
//
// An infinite certs must then stop by itself, or the caller must break.
//
// After three 403 responses of the API itself for an account, without a success for
// that account between them, no more requests are sent for that account: the errors
// match [ErrNotAsked] and [ErrForbidden] and name the permission.
//
// Leaving the loop cancels the requests in flight and waits for all goroutines of the
// audit, including that of certs: if certs blocks, so does leaving.
//
// With an invalid option, a nil ctx or an unusable client, nothing is sent and every
// result is an [ErrInvalidArgument]; a nil certs gives one such result.
func (c *Client) Audit(ctx context.Context, certs iter.Seq[CertificateRef], opts ...AuditOption) iter.Seq[AuditResult] {
	opts = slices.Clone(opts) // the caller may use the slice again before a range
	return func(yield func(AuditResult) bool) {
		if certs == nil {
			yield(AuditResult{Err: invalidArgument(operationAudit, "the sequence of certificates is nil")})
			return
		}
		cfg := auditConfig{concurrency: defaultConcurrency}
		if err := c.check(ctx, configure(&cfg, opts)); err != nil {
			for cert := range certs {
				if !yield(AuditResult{Certificate: cert, Err: invalidArgument(operationAudit, err.Error())}) {
					return
				}
			}
			return
		}
		s := newSeries(ctx, quota.MaxAuditWait)
		defer s.cancel()
		var counts AuditProgress
		report := func() {
			if cfg.progress != nil {
				p := counts
				p.Asked = int(s.sent.Load())
				p.WaitingUntil, _ = c.limiter.WaitingUntil()
				cfg.progress(p)
			}
		}
		p := pool{workers: cfg.concurrency, cancel: s.cancel, notify: s.notify, report: report}
		process(&p, certs, func(cert CertificateRef) AuditResult { return c.audit(s, cert) }, func(r AuditResult) bool {
			counts.add(r)
			report()
			return yield(r)
		})
	}
}

const operationAudit = "audit mTLS certificates"

func (c *Client) audit(s *series, cert CertificateRef) AuditResult {
	if err := cert.validate(); err != nil {
		return AuditResult{Certificate: cert, Err: invalidArgument(operationAudit, err.Error())}
	}
	list, err := withError(s.associations(c, cert, s.policy()))
	return AuditResult{Certificate: cert, List: list, Err: err}
}

func (p *AuditProgress) add(r AuditResult) {
	switch {
	case errors.Is(r.Err, ErrNotAsked):
		p.NotAsked++
	case r.Err != nil:
		p.Failed++
	default:
		p.Answered++
	}
	switch r.Usage() {
	case InUse:
		p.InUse++
	case Unused:
		p.Unused++
	}
}

const defaultConcurrency = 32

// AuditOption configures [Client.Audit].
type AuditOption func(*auditConfig) error

type auditConfig struct {
	concurrency int
	progress    func(AuditProgress)
}

// WithConcurrency limits the requests of the audit that are in flight; the default is
// 32, and less than 1 is invalid.
func WithConcurrency(n int) AuditOption {
	return func(c *auditConfig) error {
		c.concurrency = n
		return positive("WithConcurrency", n)
	}
}

// WithProgress calls report before each result is yielded, and when the audit begins to
// wait. The calls are sequential, on the goroutine that ranges over the audit.
func WithProgress(report func(AuditProgress)) AuditOption {
	return func(c *auditConfig) error {
		c.progress = report
		return requireFunc("WithProgress", report)
	}
}

// AuditProgress is the progress of an audit.
type AuditProgress struct {
	// Asked counts the certificates for which a request has been made, including those
	// without a response yet.
	Asked int `json:"asked"`
	// Answered counts the certificates with a list: those in use, those unused, and
	// those whose usage is unknown.
	Answered int `json:"answered"`
	// Failed counts the certificates whose request failed or whose reference is invalid.
	Failed int `json:"failed"`
	// NotAsked counts the certificates whose error is an [ErrNotAsked].
	NotAsked int `json:"not_asked"`
	// InUse and Unused count the certificates with that usage.
	InUse  int `json:"in_use"`
	Unused int `json:"unused"`
	// WaitingUntil is the earliest time of the next request while the limiter, a block
	// by the vendor or an outage delays requests; otherwise it is zero.
	WaitingUntil time.Time `json:"waiting_until,omitzero"`
}

// AuditResult is the result of an audit for one certificate. Exactly one of List and
// Err is set.
type AuditResult struct {
	// Certificate is the element of the input that the result is about.
	Certificate CertificateRef
	// List is nil if there is an error.
	List *AssociationList
	// Err is an [*Error], or nil.
	Err error
}

// Usage returns the usage of the list, or [UsageUnknown] if there is an error.
func (r AuditResult) Usage() Usage {
	if r.Err != nil {
		return UsageUnknown
	}
	return r.List.Usage()
}

// String returns the certificate's id and a summary of the list or the error.
func (r AuditResult) String() string {
	if r.Err != nil {
		return fmt.Sprintf("%s: %v: %v", r.Certificate.ID, UsageUnknown, r.Err)
	}
	return fmt.Sprintf("%s: %v", r.Certificate.ID, r.List)
}

type resultJSON struct {
	CertificateRef
	Usage any              `json:"usage"` // a Usage; any value when read
	List  *AssociationList `json:"list,omitempty"`
	Error string           `json:"error,omitempty"`
}

// MarshalJSON returns the ids as account_id and certificate_id, the usage as text, and
// the list or the text of the error.
func (r AuditResult) MarshalJSON() ([]byte, error) {
	return json.Marshal(resultJSON{CertificateRef: r.Certificate, Usage: r.Usage(), List: r.List, Error: errorText(r.Err)})
}

// UnmarshalJSON replaces the whole result. Its Err has only the text of the error.
func (r *AuditResult) UnmarshalJSON(text []byte) error {
	return unmarshal(text, r, func(read resultJSON) AuditResult {
		return AuditResult{Certificate: read.CertificateRef, List: read.List, Err: errorFromText(read.Error)}
	})
}
