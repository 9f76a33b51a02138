package api

import (
	"context"
	"iter"
	"strings"
	"sync"
)

// Audit asks for every certificate of certs, several at a time, and yields one
// result for each, in the order in which they are complete. A certificate that
// certs names twice is asked for twice.
func (c *Client) Audit(ctx context.Context, certs iter.Seq[CertificateRef], opts ...AuditOption) iter.Seq[AuditResult] {
	return func(yield func(AuditResult) bool) {
		cfg, err := newAuditConfig(opts)
		switch {
		case err != nil:
			refuseAll(certs, strings.ReplaceAll(err.Error(), "\n", "; "), yield)
			return
		case certs == nil:
			yield(AuditResult{Err: invalidArgument(operationList, "the sequence of certificates is nil")})
			return
		}
		work, results, stop := make(chan CertificateRef), make(chan AuditResult), make(chan struct{})
		var running sync.WaitGroup
		running.Go(func() {
			defer close(work)
			for cert := range certs {
				select {
				case work <- cert:
				case <-stop:
					return
				}
			}
		})
		for range cfg.concurrency {
			running.Go(func() {
				for cert := range work {
					list, err := c.Associations(ctx, cert)
					select {
					case results <- AuditResult{Certificate: cert, List: list, Err: err}:
					case <-stop:
					}
				}
			})
		}
		go func() {
			running.Wait()
			close(results)
		}()
		defer func() {
			close(stop)
			for range results {
			}
		}()
		for r := range results {
			if !yield(r) {
				return
			}
		}
	}
}

func refuseAll(certs iter.Seq[CertificateRef], note string, yield func(AuditResult) bool) {
	for cert := range certs {
		if !yield(AuditResult{Certificate: cert, Err: invalidArgument(operationList, note)}) {
			return
		}
	}
}
