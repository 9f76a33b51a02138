package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/certuse/cloudflare-mtls/api"
)

// query has the fields that the commands about certificates share: the API, the
// certificates, and the output.
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
	resume        bool
	maxAge        durationFlag // of kept results
	wait          bool         // until the certificates are unused
	deletion      deletion
	from          []string
}

// target is an account with the certificates to look up. Without certs, all are looked
// up, unless kept has results or there is an err.
type target struct {
	account string
	access
	certs []api.CertificateRef
	kept  []record // results of an earlier run
	err   error    // of the list that --resume compares with kept
}

var (
	allUsages = []api.Usage{api.InUse, api.Unused, api.UsageUnknown}
	usages    = texts(allUsages, api.Usage.String)
)

func allSourceNames() []string {
	return texts(api.AllSources(), func(s api.Source) string { return string(s) })
}

func (q *query) check(cmd *cobra.Command) error {
	// An empty value usually means an unset shell variable. Without --account, the
	// command would use CLOUDFLARE_ACCOUNT_ID, which may be another account.
	for flag, list := range map[string][]string{
		"account": q.accounts, "profile": q.profiles, "usage": q.filter.usages, "sources": q.sources, "type": q.filter.types, "columns": q.columns,
	} {
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
		oneOf("sources", q.sources, allSourceNames()),
		q.connection.check(),
		q.checkResume(),
	)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

// run looks up the certificates, prints the results, and returns the exit code as an
// error. The certificates are args or those of --from; without both, all certificates
// of the accounts.
func (q *query) run(cmd *cobra.Command, args []string) error {
	if err := q.check(cmd); err != nil {
		return err
	}
	if q.demo && (len(args) > 0 || len(q.from) > 0) {
		return usagef("--demo brings its own account and certificates: leave yours out; 'certuse usage --demo' shows all of them")
	}
	ctx, cancel := q.withTimeout(cmd.Context())
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
	if q.wait && len(in.certificates) > maxWaits {
		return usagef("wait takes at most %d certificates, not %d", maxWaits, len(in.certificates))
	}
	targets, err := q.targets(in.certificates, service)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return usagef("no account: give --account or --profile, set CLOUDFLARE_ACCOUNT_ID, or try --demo")
	}
	if q.deletion.unused && q.deletion.yes && len(targets) > 1 {
		return usagef("--unused --yes is for one account, not %d: --max counts its certificates", len(targets))
	}
	out, err := q.open(q.sys, q.streaming())
	if err != nil {
		return err
	}
	defer out.discard()
	if err := q.checkNoRecord(out); err != nil {
		return err
	}
	kept, err := q.readKept(targets) // open has checked that the file is a regular one
	if err != nil {
		return err
	}
	q.warnOfQuota()
	q.warnOfTypes()
	if q.resume {
		q.assignKept(ctx, targets, kept)
	}
	return q.lookUp(ctx, targets, in.duplicates, out)
}

// streaming reports whether results are written as they arrive.
func (q *query) streaming() bool { return q.format == jsonLines && !q.sorted }

// withTimeout ends a context when --timeout is over.
func (q *query) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if !q.timeout.set {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, q.timeout.Duration, errTimeout)
}

func (q *query) input(ctx context.Context, service *service, args []string) (*input, error) {
	account := ""
	if len(service.accounts) == 1 {
		account = service.accounts[0]
	}
	in := newInput(account)
	if len(q.from) == 0 {
		return in, in.addArguments(args)
	}
	return in, q.readFrom(ctx, "the list of certificates", q.from[0], in.read)
}

// targets groups certificates by account, in their order. The sources of a profile
// apply to the commands that have --sources, and only without that flag.
func (q *query) targets(refs []api.CertificateRef, service *service) (targets []target, err error) {
	if len(refs) == 0 {
		for _, account := range service.accounts {
			targets = append(targets, target{account: account})
		}
	}
	for _, ref := range refs {
		i := slices.IndexFunc(targets, func(t target) bool { return t.account == ref.AccountID })
		if i < 0 {
			i = len(targets)
			targets = append(targets, target{account: ref.AccountID})
		}
		targets[i].certs = append(targets[i].certs, ref)
	}
	for i := range targets {
		t := &targets[i]
		if t.access, err = service.access(t.account); err != nil {
			return nil, err
		}
		if len(q.sources) > 0 || q.wait || q.kind == reportDelete {
			t.sources = sourcesOf(q.sources)
		}
	}
	return targets, nil
}

// commonSources returns the sources that all targets are read from.
func commonSources(targets []target) []api.Source {
	return slices.DeleteFunc(api.AllSources(), func(source api.Source) bool {
		return slices.ContainsFunc(targets, func(t target) bool { return len(t.sources) > 0 && !slices.Contains(t.sources, source) })
	})
}

// lookUp looks up the targets and prints the results.
func (q *query) lookUp(ctx context.Context, targets []target, duplicates int, out *destination) error {
	rep := q.newReport(out, targets)
	total := rep.summary
	total.Duplicates = duplicates
	progress := q.newProgress(targets)
	defer progress.stop()
	noted := make(chan struct{})
	stopNotice := context.AfterFunc(ctx, func() {
		defer close(noted)
		progress.stop() // otherwise a line of progress could follow the note
		if context.Cause(ctx) == errTimeout {
			progress.note("the --timeout of " + q.timeout.text + " is over: printing what is known")
		} else if q.deletion.yes {
			text := "interrupted: stopping after this certificate"
			if id := q.deletion.current.Load(); id != nil {
				text += ", " + printable(*id)
			}
			progress.note(text + "; after half a second, another Ctrl-C kills")
		} else {
			progress.note("interrupted: printing what is known; after half a second, another Ctrl-C kills")
		}
	})
	defer stopNotice() // before the caller cancels the context

	failures, writeErr := q.collect(ctx, targets, rep, progress)
	progress.stop()
	if !q.streaming() {
		sortRecords(rep.records, q.sortBy, rep.now)
		writeErr = q.write(rep)
	}
	if writeErr != nil {
		q.writeFailed(rep)
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
	if q.quiet && total.Interrupted {
		fmt.Fprintf(q.sys.stderr, "certuse: %s: the results are incomplete\n", strings.TrimPrefix(context.Cause(ctx).Error(), "not looked up: "))
	}
	if !q.quiet {
		total.write(q.sys.stderr, newPalette(q.sys, q.sys.stderr), q)
	}
	switch {
	case writeErr != nil:
		return out.failure(writeErr)
	case len(total.failed) == 0 || out.renamed():
		if err := out.commit(); err != nil {
			q.writeFailed(rep)
			return err
		}
		if len(total.failed) > 0 {
			advice := ""
			if q.kind == reportAudit && !q.wait && q.streaming() {
				advice = ": run the command again with --resume"
			}
			fmt.Fprintf(q.sys.stderr, "certuse: %s has what is known; the results are incomplete%s\n", out.name, advice)
		}
	case out.path != "":
		fmt.Fprintf(q.sys.stderr, "certuse: %s: %s, because the results are incomplete\n", out.name, out.untouched())
	}
	return total.result(q)
}

func sourcesOf(names []string) (out []api.Source) {
	for _, name := range names {
		if source := api.Source(name); !slices.Contains(out, source) {
			out = append(out, source)
		}
	}
	return out
}

// oneOf refuses unknown values of a flag.
func oneOf(flag string, values, known []string) error {
	for _, value := range values {
		if !slices.Contains(known, value) {
			return usagef("--%s: %q is none of %s%s", flag, withoutCredential(value), strings.Join(known, ", "), didYouMean(value, known))
		}
	}
	return nil
}
