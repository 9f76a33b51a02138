package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/certuse/cloudflare-mtls/api"
)

// query is what the commands about certificates have in common: the API,
// the certificates, and the output.
type query struct {
	sys  system
	kind kindOfReport

	connection
	output
	filter  filter
	sortBy  string
	sorted  bool // --sort was given
	timeout durationFlag

	sources       []string
	allUses       bool
	noZones       bool
	requireUnused bool
	wait          bool // until the certificates are unused
	deletion      deletion
	from          []string
}

// target is an account with the certificates to report; none means all.
type target struct {
	account string
	certs   []api.CertificateRef
}

// addFlags adds the flags of all commands about certificates.
func (q *query) addFlags(cmd *cobra.Command) {
	q.connection.addFlags(cmd)
	q.output.addFlags(cmd)
	cmd.Flags().Var(&q.timeout, "timeout", "end after this `DURATION` and print what is known")
}

// addSelectionFlags adds the flags that order certificates and select some.
func (q *query) addSelectionFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&q.sortBy, "sort", "action", "`ORDER`: action, expiry, name or usage; see 'certuse help formats'")
	flags.Var(&q.filter.expiresWithin, "expires-within", "only certificates that expire within this `DURATION` (30d, 2w, 720h) or have expired; exit with 5 if there are any")
	flags.StringSliceVar(&q.filter.types, "type", nil, "only certificates of this `TYPE`, such as custom")
	flags.BoolVar(&q.filter.ca, "ca", false, "only CA certificates")
	flags.BoolVar(&q.filter.leaf, "leaf", false, "only leaf certificates")
	cmd.MarkFlagsMutuallyExclusive("ca", "leaf")
	complete(cmd, "sort", sortOrders)
	complete(cmd, "type", []string{"custom", "gateway_managed", "access_managed"})
}

// addEvidenceFlags adds the flags about usage.
func (q *query) addEvidenceFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&q.sources, "sources", nil, "read only these `SOURCES`: "+joined(api.AllSources()))
	flags.StringSliceVar(&q.filter.usages, "usage", nil, "print only certificates with this `USAGE`: in_use, unused or unknown; others still count")
	complete(cmd, "usage", usages)
	complete(cmd, "sources", sourceNames())
}

var usages = []string{api.InUse.String(), api.Unused.String(), api.UsageUnknown.String()}

func sourceNames() (names []string) {
	for _, s := range api.AllSources() {
		names = append(names, string(s))
	}
	return names
}

// check refuses what is wrong with the flags.
func (q *query) check(cmd *cobra.Command) error {
	for flag, list := range map[string][]string{"usage": q.filter.usages, "sources": q.sources, "type": q.filter.types, "columns": q.columns} {
		if cmd.Flags().Changed(flag) && (len(list) == 0 || slices.Contains(list, "")) {
			return usagef("--%s is empty", flag)
		}
	}
	if cmd.Flags().Changed("output-file") && q.file == "" {
		return usagef("--output-file is empty")
	}
	q.sorted = cmd.Flags().Changed("sort")
	err := errors.Join(
		q.output.check(),
		oneOf("sort", []string{q.sortBy}, sortOrders),
		oneOf("usage", q.filter.usages, usages),
		oneOf("sources", q.sources, sourceNames()),
		q.connection.check(cmd),
	)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

// run gathers the answers, prints them, and gives the exit code as an error. The
// certificates to report are args or the lines of --from; without both, all of
// the accounts.
func (q *query) run(cmd *cobra.Command, args []string) error {
	if err := q.check(cmd); err != nil {
		return err
	}
	if q.demo && (len(args) > 0 || len(q.from) > 0) {
		return usagef("--demo brings its own account and certificates: leave yours out; 'certuse usage --demo' shows all of them")
	}
	ctx, cancel := q.bounded(cmd.Context())
	defer cancel()
	service, err := q.connect(q.sys)
	if err != nil {
		return err
	}
	defer service.close()
	in, err := q.input(ctx, service, args)
	if err != nil {
		return err
	}
	if q.wait && len(in.refs) > maxWaits {
		return usagef("wait takes at most %d certificates, not %d", maxWaits, len(in.refs))
	}
	targets := targetsOf(in.refs, service.accounts)
	if len(targets) == 0 {
		return usagef("no account: give --account or set CLOUDFLARE_ACCOUNT_ID, or try --demo")
	}
	if q.deletion.unused && q.deletion.yes && len(targets) > 1 {
		return usagef("--unused --yes is for one account, not %d: --max counts its certificates", len(targets))
	}
	q.warnOfQuota()
	out, err := q.open(q.sys)
	if err != nil {
		return err
	}
	return q.ask(ctx, service, targets, in.duplicates, out)
}

// bounded ends a context when --timeout is over.
func (q *query) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if !q.timeout.set {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, q.timeout.Duration, errTimeout)
}

// input reads the certificates to report.
func (q *query) input(ctx context.Context, service *service, args []string) (*input, error) {
	account := ""
	if len(service.accounts) == 1 {
		account = service.accounts[0]
	}
	if len(q.from) == 1 {
		return readFile(ctx, q.sys, account, q.from[0])
	}
	return readArguments(account, args)
}

// targetsOf groups certificates by account, in their order.
func targetsOf(refs []api.CertificateRef, accounts []string) (targets []target) {
	if len(refs) == 0 {
		for _, account := range accounts {
			targets = append(targets, target{account: account})
		}
		return targets
	}
	for _, ref := range refs {
		i := slices.IndexFunc(targets, func(t target) bool { return t.account == ref.AccountID })
		if i < 0 {
			i = len(targets)
			targets = append(targets, target{account: ref.AccountID})
		}
		targets[i].certs = append(targets[i].certs, ref)
	}
	return targets
}

// ask gathers the answers and prints them.
func (q *query) ask(ctx context.Context, service *service, targets []target, duplicates int, out *destination) error {
	defer out.discard()
	rep, err := q.newReport(q.sys, q.kind, out, len(targets), q.demo)
	if err != nil {
		return err
	}
	total := newSummary(q.kind, sourcesOf(q.sources))
	total.Duplicates = duplicates
	rep.summary = total
	progress := q.newProgress(targets)
	defer progress.stop()
	noted := make(chan struct{})
	stopNotice := context.AfterFunc(ctx, func() {
		defer close(noted)
		if context.Cause(ctx) == errTimeout {
			progress.note("the --timeout of " + q.timeout.text + " is over: printing what is known")
		} else if q.deletion.yes {
			progress.note("interrupted: stopping after this certificate; from half a second on, another Ctrl-C kills")
		} else {
			progress.note("interrupted: printing what is known; from half a second on, another Ctrl-C kills")
		}
	})
	defer stopNotice() // before the context is cancelled

	streaming := q.format == jsonLines && !q.sorted
	failures, writeErr := q.collect(ctx, service.client, targets, rep, streaming, progress)
	progress.stop()
	if !streaming {
		sortRecords(rep.records, q.sortBy, rep.now)
		writeErr = q.write(rep)
	}
	if writeErr != nil && !interruptedWith(ctx) {
		return out.failure(writeErr)
	}
	if !stopNotice() {
		<-noted
	}
	for _, failure := range failures {
		fmt.Fprintf(q.sys.stderr, "certuse: %s\n", printable(failure))
	}
	total.writeProblems(q.sys.stderr)
	if !q.quiet {
		total.write(q.sys.stderr, newPalette(q.sys, q.sys.stderr), q)
	}
	switch {
	case writeErr != nil:
		return out.failure(writeErr)
	case len(total.failed) == 0:
		if err := out.commit(); err != nil {
			return err
		}
	case out.path != "":
		fmt.Fprintf(q.sys.stderr, "certuse: %s is left as it was, because the answers are incomplete\n", out.path)
	}
	return total.result(q)
}

// collect fills the report, or writes it record by record. It returns why the
// certificates of accounts could not be read, and the first error of writing.
func (q *query) collect(ctx context.Context, client *api.Client, targets []target, rep *report, streaming bool, progress progress) (failures []string, writeErr error) {
	total := rep.summary
	add := func(r record) bool {
		if !q.filter.inQuestion(&r, rep.now) {
			return true
		}
		total.add(&r, q.filter.expiresWithin.set, rep.now)
		if q.filter.shown(&r) {
			rep.records = append(rep.records, r)
		}
		if streaming {
			writeErr = writeJSONLines(rep)
			rep.records = nil
		}
		return writeErr == nil
	}
	for _, t := range targets {
		total.accounts = append(total.accounts, t.account)
		err := q.gather(ctx, client, t, progress, add)
		if writeErr != nil {
			break
		}
		if err == nil {
			continue
		}
		total.failed[t.account] = true
		total.Interrupted = ctx.Err() != nil
		if len(t.certs) > 0 {
			continue // each has a record that says why
		}
		total.Incomplete = true
		if ctx.Err() == nil {
			failures = append(failures, fmt.Sprintf("account %s: %s", t.account, explain(err)))
		}
	}
	return failures, writeErr
}

// interruptedWith reports whether Ctrl-C has ended the command, which may reach it
// a moment after the reader of its output.
func interruptedWith(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-time.After(100 * time.Millisecond):
		return false
	}
}

// gather calls each for every certificate of a target, until it returns false. Of
// named certificates each gets a record, also when the asking ended before. The
// error is why not all certificates were answered.
func (q *query) gather(ctx context.Context, client *api.Client, t target, progress progress, each func(record) bool) error {
	switch {
	case q.wait:
		return q.await(ctx, client, t, progress, each)
	case q.kind == reportDelete:
		return q.remove(ctx, client, t, progress, each)
	case q.kind == reportList:
		for cert, err := range client.Certificates(ctx, t.account) {
			if err != nil {
				return err
			}
			if !each(record{InventoryItem: api.InventoryItem{Certificate: cert}}) {
				return nil
			}
		}
		return nil
	}
	return q.inventory(ctx, client, t, progress, each)
}

// inventory gathers the usage of the certificates of a target.
func (q *query) inventory(ctx context.Context, client *api.Client, t target, progress progress, each func(record) bool) error {
	answered := map[string]bool{} // by id, of which the API may change the case
	var ended error
	for item, err := range client.Inventory(ctx, t.account, q.inventoryOptions(t, progress)...) {
		if err != nil {
			ended = err
			break
		}
		answered[strings.ToLower(item.Certificate.Ref.ID)] = true
		if !each(newRecord(item)) {
			return nil
		}
	}
	progress.next()
	if ended == nil {
		return nil
	}
	reason := endOf(ctx, ended)
	for _, ref := range t.certs {
		if !answered[strings.ToLower(ref.ID)] && !each(unanswered(ref, reason)) {
			break
		}
	}
	return ended
}

// endOf returns what has ended the command, or err if it goes on.
func endOf(ctx context.Context, err error) error {
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
	if len(q.sources) > 0 {
		opts = append(opts, api.WithSources(sourcesOf(q.sources)...))
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

func sourcesOf(names []string) (out []api.Source) {
	for _, name := range names {
		if source := api.Source(name); !slices.Contains(out, source) {
			out = append(out, source)
		}
	}
	return out
}

// oneOf refuses values of a flag that are not known.
func oneOf(flag string, values, known []string) error {
	for _, value := range values {
		if !slices.Contains(known, value) {
			return usagef("--%s: %q is none of %s%s", flag, value, strings.Join(known, ", "), didYouMean(value, known))
		}
	}
	return nil
}
