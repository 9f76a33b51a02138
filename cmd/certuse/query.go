package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/certuse/cloudflare-mtls/api"
)

// query is what list and audit have in common: where to ask, what to ask, and
// how to print the answers.
type query struct {
	sys           system
	account       string
	format        string
	demo          bool
	quiet         bool
	rateLimit     int
	requireUnused bool
	// detailed prints one table row for each association, in the order of the input.
	detailed bool
}

// service is the API that is asked, real or fake.
type service struct {
	client  *api.Client
	account string
	certs   []string // only for the demo: what it asks about
	close   func()
}

func (q *query) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&q.account, "account", "", "account `ID` (default $CLOUDFLARE_ACCOUNT_ID)")
	flags.StringVarP(&q.format, "output", "o", "table", "`FORMAT` of standard output: table, json, jsonl or csv")
	flags.BoolVar(&q.demo, "demo", false, "ask a fake service inside this program: no account, no network")
	flags.BoolVarP(&q.quiet, "quiet", "q", false, "print no progress and no summary")
	flags.IntVar(&q.rateLimit, "rate-limit", defaultRateLimit, "at most this many `REQUESTS` in five minutes; 0: no limit")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("account", cobra.NoFileCompletions)
}

// run asks about what read gives, prints the answers, and gives the exit code as
// an error.
func (q *query) run(cmd *cobra.Command, named bool, read func(ctx context.Context, account string) (*input, error)) error {
	// It comes of a variable of a script that is not set. The account of the
	// environment may be another than the one that was meant.
	if q.account == "" && cmd.Flags().Changed("account") {
		return usagef("--account is empty")
	}
	out, err := newPrinter(q.format, q.sys.stdout, newPalette(q.sys, q.sys.stdout), q.detailed)
	if err != nil {
		return err
	}
	if q.demo && (named || q.account != "") {
		return usagef("--demo brings its own account and certificates: leave yours out")
	}
	target, err := q.connect() // the fake service lives until it is closed
	if err != nil {
		return err
	}
	defer target.close()

	var in *input
	if q.demo {
		in, err = readArguments(target.account, target.certs)
	} else {
		in, err = read(cmd.Context(), target.account)
	}
	if err != nil {
		return err
	}
	defer in.close()
	if warning := quotaWarning(q.rateLimit); warning != "" && !q.demo { // the fake service has no quota
		fmt.Fprintf(q.sys.stderr, "certuse: %s\n", warning)
	}
	if q.detailed {
		if out, err = newOrdered(out, in); err != nil {
			return readBackFailure(err)
		}
	}
	return q.ask(cmd.Context(), target.client, in, out)
}

// connect makes the client: from the environment, or for the fake service.
func (q *query) connect() (*service, error) {
	opts := []api.Option{
		api.WithUserAgent(userAgent()),
		api.WithRateLimit(q.rateLimit, rateLimitWindow),
	}
	if q.demo {
		return startDemo(q.sys, q.detailed, opts)
	}
	creds, err := q.sys.credentials()
	if err != nil {
		return nil, usagef("no credentials: %s; or try --demo", plainly(err))
	}
	if base := q.sys.getenv("CLOUDFLARE_BASE_URL"); base != "" {
		opts = append(opts, api.WithBaseURL(base))
	}
	client, err := api.New(creds, opts...)
	if err != nil {
		return nil, usagef("%s", plainly(err))
	}
	account := q.account
	if account == "" {
		account = q.sys.getenv("CLOUDFLARE_ACCOUNT_ID")
	}
	return &service{client: client, account: account, close: func() {}}, nil
}

// ask runs the audit and prints each answer.
func (q *query) ask(ctx context.Context, client *api.Client, in *input, out printer) error {
	total := newSummary(in.duplicates)
	progress := q.newProgress(in.total)
	defer progress.stop()
	noted := make(chan struct{})
	untold := context.AfterFunc(ctx, func() {
		defer close(noted)
		progress.note("interrupted: printing what is known; from half a second on, another Ctrl-C kills")
	})

	refs, readFailure := in.refs.all()
	for result := range client.Audit(ctx, refs, api.WithProgress(progress.update)) {
		a := newAnswer(result)
		total.add(a)
		if err := out.print(a); err != nil {
			return writeFailure(err)
		}
	}
	progress.stop()
	if err := readFailure(); err != nil {
		return readBackFailure(err)
	}
	total.Interrupted = ctx.Err() != nil
	if err := out.finish(total); err != nil {
		return writeFailure(err)
	}
	if !untold() {
		<-noted
	}
	if total.Total != in.total {
		return failuref("%s of %s answered: the output is incomplete", count(total.Total), plural(in.total, "certificate"))
	}
	if !q.quiet {
		total.write(q.sys.stderr, newPalette(q.sys, q.sys.stderr))
	}
	return total.result(q.requireUnused)
}

func readBackFailure(err error) error {
	return failuref("cannot read the list of certificates back from a temporary file: %w", err)
}
