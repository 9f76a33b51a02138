package api

import (
	"errors"
	"fmt"
	"time"
)

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
		if n < 1 {
			return fmt.Errorf("WithConcurrency: %d is less than 1", n)
		}
		c.concurrency = n
		return nil
	}
}

// WithProgress calls report before each result is yielded, and when the audit
// begins to wait. The calls come one at a time, on the goroutine that ranges
// over the audit.
func WithProgress(report func(AuditProgress)) AuditOption {
	return func(c *auditConfig) error {
		if report == nil {
			return errors.New("WithProgress: the function is nil")
		}
		c.progress = report
		return nil
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

func newAuditConfig(opts []AuditOption) (auditConfig, error) {
	cfg := auditConfig{concurrency: defaultConcurrency}
	return cfg, configure(&cfg, opts)
}
