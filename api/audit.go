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

// Audit asks for every certificate of certs, several at a time, and yields one
// result for each, in the order in which they are complete. Each range over it
// is a new audit.
//
// The loop body runs on the caller's goroutine; certs runs on one other
// goroutine and may be lazy or endless. A certificate that certs names twice
// is asked for twice. Memory does not grow with the number of certificates.
//
// An audit waits for the limiter, and sits out blocks by the vendor and outages,
// for as long as it takes; what fails in them counts neither as an attempt nor
// against the retry budget. Four things end the asking, and the rest of certs is
// then yielded with errors that match [ErrNotAsked]: the end of ctx (they also
// match its error), the first answer that is [ErrUnauthorized] (they match that
// too), a block that keeps the audit back for more than 15 minutes (they match
// [ErrRateLimited]), and an outage of that length, or a first call to which no
// answer came (they match [ErrUnreachable]). An endless certs must then end itself,
// or the caller leaves the loop.
//
// When the API has refused the certificates of an account three times with a 403 of
// its own, without a success for that account between them, the rest of that account
// is not asked: the errors match [ErrNotAsked] and [ErrForbidden] and name the
// permission.
//
// Leaving the loop cancels the requests in flight and waits until everything
// that the audit started has ended, certs included: if certs blocks, so does
// leaving.
//
// A wrong option, a nil ctx and an unusable client send nothing and make every
// result an [ErrInvalidArgument]; a nil certs gives one such result.
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
		s := newSeries(ctx, quota.MaxBlock)
		defer s.cancel()
		var counts AuditProgress
		report := func() {
			if cfg.progress != nil {
				p := counts
				p.Asked = int(s.asked.Load())
				p.WaitingUntil, _ = c.limiter.WaitingUntil()
				cfg.progress(p)
			}
		}
		p := pool[CertificateRef, AuditResult]{
			workers: cfg.concurrency, cancel: s.cancel, news: s.news, report: report,
			work: func(cert CertificateRef) AuditResult { return c.audit(s, cert) },
		}
		p.run(certs, func(r AuditResult) bool {
			counts.add(r)
			report()
			return yield(r)
		})
	}
}

const operationAudit = "audit mTLS certificates"

// audit asks for one certificate.
func (c *Client) audit(s *series, cert CertificateRef) AuditResult {
	if err := cert.validate(); err != nil {
		return AuditResult{Certificate: cert, Err: invalidArgument(operationAudit, err.Error())}
	}
	list, err := returned(s.associations(c, cert, s.policy()))
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

// AuditOption configures one [Client.Audit]. A wrong one sends nothing and
// makes every result an [ErrInvalidArgument] that names it.
type AuditOption func(*auditConfig) error

type auditConfig struct {
	concurrency int
	progress    func(AuditProgress)
}

// WithConcurrency bounds the requests that the audit has in flight at a time;
// the default is 32.
func WithConcurrency(n int) AuditOption {
	return func(c *auditConfig) error {
		c.concurrency = n
		return positive("WithConcurrency", n)
	}
}

// WithProgress calls report before each result is yielded, and when the audit
// begins to wait. The calls come one at a time, on the goroutine that ranges
// over the audit.
func WithProgress(report func(AuditProgress)) AuditOption {
	return func(c *auditConfig) error {
		c.progress = report
		return given("WithProgress", report)
	}
}

// AuditProgress is how far an audit has come.
type AuditProgress struct {
	// Asked counts the certificates for which a request has been made, those
	// whose answer is still awaited included.
	Asked int `json:"asked"`
	// Answered counts the certificates that have an answer. It is the sum of
	// those in use, those unused, and those whose answer settles nothing.
	Answered int `json:"answered"`
	// Failed counts the certificates that were asked for without getting an
	// answer to rely on, or could not be asked for because their reference is
	// not valid.
	Failed int `json:"failed"`
	// NotAsked counts the certificates that the audit gave up on before asking.
	NotAsked int `json:"not_asked"`
	// InUse and Unused count the conclusions among the answers.
	InUse  int `json:"in_use"`
	Unused int `json:"unused"`
	// WaitingUntil is when the next request may be made, as far as it is known,
	// while the limiter or a block by the vendor holds requests back; otherwise
	// it is the zero time.
	WaitingUntil time.Time `json:"waiting_until,omitzero"`
}

// AuditResult is what an audit found out about one certificate. Exactly one of
// List and Err is set.
type AuditResult struct {
	// Certificate is the element of the input that the result is about.
	Certificate CertificateRef
	// List is the answer, nil when there is an error.
	List *AssociationList
	// Err is an [*Error], or nil.
	Err error
}

// Usage is that of the list, and [UsageUnknown] when there is an error.
func (r AuditResult) Usage() Usage {
	if r.Err != nil {
		return UsageUnknown
	}
	return r.List.Usage()
}

// String gives the certificate's id, and the list or the error in short.
func (r AuditResult) String() string {
	if r.Err != nil {
		return fmt.Sprintf("%s: %v: %v", r.Certificate.ID, UsageUnknown, r.Err)
	}
	return fmt.Sprintf("%s: %v", r.Certificate.ID, r.List)
}

// resultJSON is the form of a result in JSON.
type resultJSON struct {
	Certificate CertificateRef   `json:"certificate"`
	Usage       Usage            `json:"usage"`
	List        *AssociationList `json:"list,omitempty"`
	Error       string           `json:"error,omitempty"`
}

// MarshalJSON gives the certificate, the usage as text, the list, and the text
// of the error; what is not there is left out.
func (r AuditResult) MarshalJSON() ([]byte, error) {
	return json.Marshal(resultJSON{Certificate: r.Certificate, Usage: r.Usage(), List: r.List, Error: errorText(r.Err)})
}

// UnmarshalJSON replaces the whole result, with nothing kept of what it held
// before. A result that was read from JSON proves nothing: its Usage is
// [UsageUnknown], whatever the text says, and its Err has the text of the error
// and no more.
func (r *AuditResult) UnmarshalJSON(text []byte) error {
	type form struct {
		resultJSON
		Usage json.RawMessage `json:"usage"` // not read: it may be of a later version
	}
	return unmarshal(text, r, func(read form) AuditResult {
		return AuditResult{Certificate: read.Certificate, List: read.List, Err: errorFromText(read.Error)}
	})
}
