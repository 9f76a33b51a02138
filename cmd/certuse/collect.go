package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// collect fills the report, or writes it record by record. It returns a message for
// each account whose certificates could not be read, and the first write error.
func (q *query) collect(ctx context.Context, targets []target, rep *report, progress progress) (failures []string, writeErr error) {
	total := rep.summary
	add := func(r record) {
		rep.addChange(&r)
		if !q.filter.selected(&r, rep.now) {
			return
		}
		total.add(&r, q.filter.expiresWithin.set, rep.now)
		if q.filter.shown(&r) {
			rep.records = append(rep.records, r)
		}
	}
	flush := func() bool {
		if q.streaming() {
			if writeErr = writeJSONLines(rep); writeErr == nil {
				rep.records = nil
			}
		}
		return writeErr == nil
	}
	for _, t := range targets {
		for _, r := range t.kept {
			add(r)
		}
	}
	if !flush() { // all kept results in one write
		return nil, writeErr
	}
	// The command wait looks up all targets at once, until the first write error.
	lookUps, cancel := context.WithCancel(ctx)
	defer cancel()
	var lock sync.Mutex
	lookUp := func(t target) {
		err, listed := t.err, len(t.kept) > 0
		if err == nil && (len(t.certs) > 0 || len(t.kept) == 0) {
			err = q.lookUpTarget(lookUps, t, progress, func(r record) bool {
				lock.Lock()
				defer lock.Unlock()
				if writeErr != nil {
					return false
				}
				listed = true
				add(r)
				return flush()
			})
		}
		lock.Lock()
		defer lock.Unlock()
		if writeErr != nil {
			cancel()
			return
		}
		if err == nil {
			return
		}
		total.failed[t.account] = true
		total.Interrupted = ctx.Err() != nil
		if len(t.certs) > 0 {
			return // each certificate has a record with the reason
		}
		total.Incomplete = true
		total.unlisted += boolValue(!listed)
		if ctx.Err() == nil {
			failures = append(failures, fmt.Sprintf("account %s: %s", t.account, explainAccount(err)))
		}
	}
	var waits sync.WaitGroup
	for _, t := range targets {
		if q.wait {
			waits.Go(func() { lookUp(t) })
		} else if lookUp(t); writeErr != nil {
			break
		}
	}
	waits.Wait()
	return failures, writeErr
}

// interruptedWith reports whether Ctrl-C or the --timeout has ended the command. In a
// pipeline the signal may arrive shortly after the reader has closed the pipe.
func interruptedWith(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-time.After(100 * time.Millisecond):
		return false
	}
}

// lookUpTarget calls yield for every certificate of a target, until yield returns
// false. Each certificate that is named or listed gets a record, even if the command
// ends before its lookup. The error says why the results are incomplete.
func (q *query) lookUpTarget(ctx context.Context, t target, progress progress, yield func(record) bool) error {
	switch {
	case q.wait:
		return q.waitForAll(ctx, t, progress, yield)
	case q.kind == reportDelete:
		return q.deleteAll(ctx, t, progress, yield)
	case q.kind == reportList:
		for cert, err := range t.client.Certificates(ctx, t.account) {
			if err != nil {
				return err
			}
			if !yield(record{InventoryItem: api.InventoryItem{Certificate: cert}}) {
				return nil
			}
		}
		return nil
	}
	return q.inventory(ctx, t, progress, yield)
}

// inventory gathers the usage of the certificates of a target.
func (q *query) inventory(ctx context.Context, t target, progress progress, yield func(record) bool) error {
	defer progress.nextAccount()
	for item, err := range t.client.Inventory(ctx, t.account, q.inventoryOptions(t, progress)...) {
		if err != nil {
			return err
		}
		r := newRecord(item)
		if ended := endCause(ctx, nil); ended != nil && item.Evidence.GatheredAt.IsZero() {
			r = recordWithoutResult(item.Certificate, ended)
		}
		if !yield(r) {
			return nil
		}
	}
	return nil
}

// endCause returns the cause of the end of ctx, or err if ctx has not ended.
func endCause(ctx context.Context, err error) error {
	switch context.Cause(ctx) {
	case nil:
		return err
	case errTimeout:
		return errTimeout
	default:
		return errInterrupted
	}
}

func (q *query) inventoryOptions(t target, progress progress) []api.InventoryOption {
	opts := []api.InventoryOption{api.WithInventoryProgress(progress.update)}
	if len(t.sources) > 0 {
		opts = append(opts, api.WithSources(t.sources...))
	}
	if q.allUses {
		opts = append(opts, api.WithAllUses())
	}
	if q.noZones {
		opts = append(opts, api.WithNoZones())
	}
	if len(t.certs) > 0 {
		opts = append(opts, api.WithCertificates(t.certs...))
	}
	return opts
}
