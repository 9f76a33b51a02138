package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/certuse/cloudflare-mtls/api"
)

// maxWaits is the maximum number of certificates of one command: all wait concurrently.
const maxWaits = 32

func newWaitCommand(sys system) *cobra.Command {
	q := &query{
		sys: sys, kind: reportAudit, wait: true, requireUnused: true, sortBy: sortOrders[0],
		timeout: durationFlag{5 * time.Minute, "5m", true},
	}
	cmd := q.withCommonFlags(&cobra.Command{
		Use:   "wait [--account ACCOUNT] [--timeout DURATION] {CERT… | --from FILE}",
		Short: "Wait until nothing uses certificates",
		Long:  waitHelp,
		Example: `  certuse wait --demo --timeout 2s
  certuse wait --timeout 10m 2458ce5a-0c35-4c7f-82c7-8e9487d3ff60`,
		Args: q.checkNamed("try 'certuse wait --demo --timeout 2s'"),
		RunE: q.run,
	})
	q.addNamingFlags(cmd)
	return cmd
}

// waitForAll waits for all certificates of a target concurrently, and calls yield when
// a wait has ended. Only the target of the demo names no certificates.
func (q *query) waitForAll(ctx context.Context, t target, progress progress, yield func(record) bool) error {
	refs := t.certs
	if len(refs) == 0 {
		for cert, err := range t.client.Certificates(ctx, t.account) {
			if err != nil {
				return err
			}
			refs = append(refs, cert.Ref)
		}
	}
	type result struct {
		record record
		err    error
	}
	results := make(chan result, len(refs))
	for _, ref := range refs {
		go func() {
			r, err := q.waitForOne(ctx, t.client, ref, progress)
			results <- result{r, err}
		}()
	}
	var ended error
	for range refs {
		got := <-results
		if !yield(got.record) {
			return nil
		}
		ended = errors.Join(ended, got.err)
	}
	return ended
}

// waitForOne waits for one certificate. It returns an error only if Ctrl-C came before
// the wait was over; the record has every other reason for missing evidence.
func (q *query) waitForOne(ctx context.Context, client *api.Client, ref api.CertificateRef, progress progress) (record, error) {
	cert := api.Certificate{Ref: ref}
	if described, err := client.Certificate(ctx, ref); err == nil { // otherwise WaitUnused returns the reason
		cert = *described
	}
	lastText := ""
	report := func(e *api.Evidence) {
		r := newRecord(api.InventoryItem{Certificate: cert, Evidence: *e})
		ends := r.usage == api.Unused || r.usage == api.UsageUnknown && slices.ContainsFunc(e.Sources, func(s api.SourceResult) bool { return s.Permission != "" })
		if text := r.nameAndID() + ": " + inWords(r.usage.String()) + ": " + r.usedBy(); text != lastText && !ends {
			limit := ""
			if lastText == "" {
				limit = "up to " + q.timeout.text + " "
			}
			lastText = text
			progress.note("waiting " + limit + "for " + printable(text))
		}
	}
	opts := []api.WaitOption{api.WithWaitTimeout(q.timeout.Duration), api.WithWaitProgress(report)}
	if q.noZones {
		opts = append(opts, api.WithWaitEvidence(api.WithNoZones()))
	}
	evidence, err := client.WaitUnused(ctx, ref, opts...)
	r := recordWithoutResult(cert, endCause(ctx, err))
	if evidence != nil && (err == nil || errors.Is(err, api.ErrInUse) || errors.Is(err, api.ErrUsageUnknown)) {
		r = newRecord(api.InventoryItem{Certificate: cert, Evidence: *evidence})
	}
	if err == nil || context.Cause(ctx) == errTimeout {
		return r, nil
	}
	return r, ctx.Err()
}

// nameAndID returns the text for the certificate in messages.
func (r *record) nameAndID() string {
	if r.Certificate.Name == "" {
		return r.Certificate.Ref.ID
	}
	return r.Certificate.Name + " (" + r.Certificate.Ref.ID + ")"
}
