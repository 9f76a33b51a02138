package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/certuse/cloudflare-mtls/api"
)

const (
	// deletionPlanned is the state of a certificate that --yes would delete.
	deletionPlanned api.DeletionState = "planned"
	// deletionNotFound is the state of a certificate that the account does not have.
	deletionNotFound api.DeletionState = "not_found"
	// maxDeleteCalls limits the calls for one certificate while the API limits the
	// rate. There is no further call if the API requires a wait of more than
	// maxDeleteWait.
	maxDeleteCalls = 5
	maxDeleteWait  = 15 * time.Minute
	// pageSize is the number of certificates in a page of the API's list.
	pageSize = 50
)

// deletion holds the flags and the state of the command delete.
type deletion struct {
	yes, unused bool
	maxUnused   int
	// forbidden reports that the API has refused a deletion in the account for lack of
	// a permission.
	forbidden bool
	// current is the id of the certificate that is being deleted, or nil.
	current atomic.Pointer[string]
}

// deletionOutcome is the actual or planned outcome for a certificate.
type deletionOutcome struct {
	api.Deletion
	// err is the reason why the certificate is kept or not found, or why the outcome is
	// unknown.
	err error
	// notSelected reports that --unused did not select the certificate.
	notSelected bool
}

func newDeleteCommand(sys system) *cobra.Command {
	q := &query{sys: sys, kind: reportDelete, sortBy: sortOrders[0]}
	cmd := q.withCommonFlags(&cobra.Command{
		Use:   "delete [--account ACCOUNT] {CERT… | --from FILE | --unused} [--yes [--max N]]",
		Short: "Delete certificates that nothing uses",
		Long:  deleteHelp,
		Example: `  certuse delete --demo --unused
  certuse delete 2458ce5a-0c35-4c7f-82c7-8e9487d3ff60
  certuse delete --yes -o jsonl --output-file deleted.jsonl --from ids.txt
  certuse delete --unused --yes --max 10`,
		Args: q.checkDeletion,
		RunE: q.run,
	})
	q.addNamingFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&q.deletion.yes, "yes", false, "delete; without it, only the plan is printed")
	flags.BoolVar(&q.deletion.unused, "unused", false, "all certificates of the account that are unused")
	flags.IntVar(&q.deletion.maxUnused, "max", 0, "with --unused: delete nothing if more than `N` are unused")
	return cmd
}

func (q *query) checkDeletion(cmd *cobra.Command, args []string) error {
	named := len(args)+len(q.from) > 0
	switch {
	case q.deletion.unused && named:
		return usagef("certificates are named twice: give --unused, or CERT or --from")
	case !q.deletion.unused && !named:
		return usagef("no certificate is named: give CERT, --from FILE or --unused, or try 'certuse delete --demo --unused'")
	case cmd.Flags().Changed("max") && !q.deletion.unused:
		return usagef("--max is for --unused: the certificates are named")
	case cmd.Flags().Changed("max") && q.deletion.maxUnused < 1:
		return usagef("--max: %d is less than 1", q.deletion.maxUnused)
	case q.deletion.unused && q.deletion.yes && q.deletion.maxUnused == 0:
		return usagef("--unused --yes needs --max N: nothing is deleted if more than N are unused; without --yes the plan is printed")
	}
	return q.checkFrom(cmd, args)
}

// checkNoRecord refuses a non-empty --output-file of delete, also for a plan. It is
// called after standard input was read and the file was locked, because another command
// may have written the file in the meantime.
func (q *query) checkNoRecord(out *destination) error {
	if info, err := os.Stat(out.path); q.kind == reportDelete && err == nil && info.Size() > 0 {
		return usagef("--output-file: %s exists and may be the record of earlier deletions: name another file", out.name)
	}
	return nil
}

// deleteAll plans the deletions of a target, or deletes its certificates one by one.
// Ctrl-C and --timeout stop it before the next deletion.
func (q *query) deleteAll(ctx context.Context, t target, progress progress, yield func(record) bool) error {
	q.deletion.forbidden = false
	if !q.deletion.yes || q.deletion.unused {
		return q.plan(ctx, t, progress, yield)
	}
	var sent atomic.Int64
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent.Add(1) }})
	for i, ref := range t.certs {
		r := q.deleteOne(traced, t.client, record{InventoryItem: api.InventoryItem{Certificate: api.Certificate{Ref: ref}}}, progress)
		if i == 0 && len(t.certs) > 1 && ctx.Err() == nil {
			took := int(sent.Load())
			text := fmt.Sprintf("the first of %s took %s", plural(len(t.certs), "certificate"), plural(took, "request"))
			if q.rateLimit > 0 && took*len(t.certs) > q.rateLimit {
				waits := (took*len(t.certs) - 1) / q.rateLimit
				text += "; if each does, all take at least " + formatDuration(time.Duration(waits)*rateLimitWindow)
			}
			progress.note(text)
		}
		if !yield(r) {
			return nil
		}
	}
	return nil
}

// plan finds out what would be deleted. With --unused --yes it then deletes.
func (q *query) plan(ctx context.Context, t target, progress progress, yield func(record) bool) error {
	var unused []record
	listed, written := 0, true
	certificates, zones := 0, 0 // for which requests were sent
	notAsked := func(s api.SourceResult) bool { return errors.Is(s.Err, api.ErrNotAsked) }
	err := q.inventory(ctx, t, progress, func(r record) bool {
		listed++
		if !slices.ContainsFunc(r.Evidence.Sources, notAsked) {
			certificates++
		}
		zones += r.zones()
		r.markKept(refusal(&r))
		r.deletion.notSelected = q.deletion.unused && r.deletion.err != nil
		if r.deletion.err == nil {
			r.deletion.State = deletionPlanned
			if q.deletion.yes {
				unused = append(unused, r)
				return true
			}
		}
		written = yield(r)
		return written
	})
	if !written { // --max has not counted all, and a deletion would have no record
		return nil
	}
	var refusal error
	switch n := len(unused); {
	case err != nil:
		refusal = endCause(ctx, errors.New("not all certificates were read"))
	case n > q.deletion.maxUnused:
		refusal = fmt.Errorf("more than --max %d are unused: nothing was deleted", q.deletion.maxUnused)
	case n > 0:
		done, _ := progress.requests()
		accountRequests := max(0, done-certificates-zones-1-(listed-1)/pageSize)
		requests := 0
		for _, r := range unused {
			requests += accountRequests + r.zones() + 4 // the certificate twice, its associations, the deletion
		}
		text := fmt.Sprintf("%s: about %s", plural(n, "deletion"), plural(requests, "request"))
		if least := progress.leastTimeFor(requests, time.Now()); least >= time.Second {
			text += ", which take at least " + formatDuration(least)
		}
		progress.note(text)
	}
	for i, r := range unused {
		if refusal != nil {
			r.markKept(refusal)
		} else {
			if ctx.Err() == nil {
				progress.deleting(i, len(unused))
			}
			r = q.deleteOne(ctx, t.client, r, progress)
		}
		if !yield(r) {
			break
		}
	}
	return err
}

// refusal returns why a certificate would not be deleted, or nil.
func refusal(r *record) error {
	// All sources have the same error if the certificate itself could not be read, or,
	// with a zero GatheredAt, if the inventory ended early.
	err := r.Evidence.Sources[0].Err
	differs := func(s api.SourceResult) bool { return s.Err != err }
	switch {
	case errors.Is(err, errInterrupted), errors.Is(err, errTimeout),
		isNotFound(err) && !r.Evidence.GatheredAt.IsZero() && !slices.ContainsFunc(r.Evidence.Sources, differs):
		return err
	case r.Certificate.Type != "" && r.Certificate.Type != "custom":
		return api.ErrManaged
	case r.usage == api.InUse:
		return api.ErrInUse
	case r.usage != api.Unused:
		return api.ErrUsageUnknown
	case r.Certificate.Type == "":
		return api.ErrManaged
	default:
		return nil
	}
}

// isNotFound reports whether the API itself has reported the certificate as missing.
func isNotFound(err error) bool {
	return errors.Is(err, api.ErrNotFound) && !errors.Is(err, api.ErrUnexpectedResponse)
}

// markKept marks the certificate as not deleted by this command.
func (r *record) markKept(err error) {
	state := api.DeletionKept
	if isNotFound(err) {
		state = deletionNotFound
	}
	r.deletion = &deletionOutcome{Deletion: api.Deletion{Certificate: r.Certificate, Evidence: &r.Evidence, State: state}, err: err}
}

// errForbidden is why a certificate is kept if the credentials lacked the permission to
// delete an earlier one of the account.
var errForbidden = errors.New("not looked up: the credentials may not delete in this account")

// errUnreported is why a certificate is kept after a failed write to standard error,
// where the outcomes of deletions are printed at once.
var errUnreported = errors.New("not looked up: standard error cannot be written")

// deleteOne deletes one certificate and reports the outcome. It keeps the certificate
// if the command has ended, may not delete, or could not report the outcome.
func (q *query) deleteOne(ctx context.Context, client *api.Client, r record, progress progress) record {
	ended := endCause(ctx, nil)
	if ended == nil && q.deletion.forbidden {
		ended = errForbidden
	}
	if stderr, ok := q.sys.stderr.(*errWriter); ok && stderr.failure() != nil && !q.streaming() {
		ended = errUnreported // the report at the end may fail too: it may go to the same file
	}
	if ended != nil {
		if !r.lookedUp {
			r = recordWithoutResult(r.Certificate, ended)
		}
		r.markKept(ended)
		return r
	}
	ref := r.Certificate.Ref
	q.deletion.current.Store(&ref.ID)
	d, err := q.callDelete(ctx, client, ref, progress)
	q.deletion.current.Store(nil)
	if d == nil || errors.Is(err, api.ErrNotAsked) { // no request to delete was sent
		err = endCause(ctx, err)
	}
	if d == nil {
		r = recordWithoutResult(r.Certificate, err)
		r.markKept(err)
	} else {
		r = newRecord(api.InventoryItem{Certificate: d.Certificate, Evidence: *d.Evidence})
		r.deletion = &deletionOutcome{Deletion: *d, err: err}
	}
	q.deletion.forbidden = d != nil && errors.Is(err, api.ErrForbidden) &&
		!errors.Is(err, api.ErrUsageUnknown) && !errors.Is(err, api.ErrUnexpectedResponse)
	progress.note(r.outcome())
	return r
}

// outcome returns a line with the state of a certificate and the reason for it.
func (r *record) outcome() string {
	text := inWords(r.state()) + ": " + r.nameAndID()
	if reason := r.reason(); reason != "" {
		text += ": " + reason
	}
	return printable(text)
}

// callDelete calls DeleteUnused, and calls it again after a rate limit.
func (q *query) callDelete(ctx context.Context, client *api.Client, ref api.CertificateRef, progress progress) (*api.Deletion, error) {
	opts := []api.DeleteOption{api.WithEvidenceContext(ctx)}
	if q.noZones {
		opts = append(opts, api.WithDeleteNoZones())
	}
	for calls := 1; ; calls++ {
		d, err := client.DeleteUnused(context.WithoutCancel(ctx), ref, opts...)
		failed, ok := errors.AsType[*api.Error](err)
		if !ok || !failed.Is(api.ErrRateLimited) || failed.Is(api.ErrOutcomeUnknown) || calls == maxDeleteCalls {
			return d, err
		}
		wait := failed.RetryAfter
		if wait <= 0 {
			wait = rateLimitWindow
		}
		if wait > maxDeleteWait {
			return d, err
		}
		progress.note("waiting " + formatDuration(wait) + " for the rate limit before " + printable(ref.ID))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return d, endCause(ctx, err)
		}
	}
}

// state returns the outcome, or "" if the command does not delete.
func (r *record) state() string {
	if r.deletion == nil {
		return ""
	}
	return string(r.deletion.State)
}

// reason explains why a certificate is kept, not found or already gone, or why its
// outcome is unknown. It returns "" if there is nothing to explain.
func (r *record) reason() string {
	switch {
	case r.deletion == nil:
		return ""
	case r.deletion.err == nil && r.deletion.AlreadyGone:
		return "already gone: another request has deleted it"
	case r.deletion.err == nil:
		return ""
	}
	failed, ok := errors.AsType[*api.Error](r.deletion.err)
	switch err := r.deletion.err; {
	case r.deletion.State == deletionNotFound:
		return "the API does not have it: it was deleted before, or the id or the account is wrong"
	case ok && (failed.StatusCode > 0 || failed.Attempts > 0): // the API has refused it, or did not respond
		return explain(err)
	case errors.Is(err, api.ErrManaged) && r.Certificate.Type == "":
		return "the API does not report its type"
	case errors.Is(err, api.ErrManaged):
		return "managed by the vendor: " + r.Certificate.Type
	case errors.Is(err, api.ErrInUse):
		return "in use: " + r.usedBy()
	case errors.Is(err, api.ErrUsageUnknown) && r.usage != api.Unused:
		return "usage unknown: " + r.shortUsedBy()
	case r.usage == api.Unused: // it was looked up, and then kept, for example over --max
		return strings.TrimPrefix(explain(err), "not looked up: ")
	default:
		return explain(err)
	}
}
