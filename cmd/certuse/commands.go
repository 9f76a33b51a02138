package main

import (
	"github.com/spf13/cobra"

	"github.com/certuse/cloudflare-mtls/api"
)

func newListCommand(sys system) *cobra.Command {
	q := &query{sys: sys, kind: reportList}
	return q.withReadFlags(&cobra.Command{
		Use:   "list [--account ACCOUNT]… [--expires-within DURATION]",
		Short: "List the certificates of accounts, with their expiry",
		Long:  listHelp,
		Example: `  certuse list --demo
  certuse list --expires-within 30d
  certuse list --ca -o id | certuse usage --from -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("list takes no certificates: 'certuse usage CERT' says what uses one")
			}
			return q.run(cmd, nil)
		},
	})
}

func newUsageCommand(sys system) *cobra.Command {
	q := &query{sys: sys, kind: reportUsage, allUses: true}
	return q.withReadFlags(&cobra.Command{
		Use:   "usage [--account ACCOUNT] {CERT… | --from FILE}",
		Short: "List everything that uses certificates",
		Long:  usageHelp,
		Example: `  certuse usage --demo
  certuse usage --account 023e105f4ecef8ad9ca31a8372d0c353 2458ce5a-0c35-4c7f-82c7-8e9487d3ff60
  certuse usage -o json 023e105f4ecef8ad9ca31a8372d0c353/2458ce5a-0c35-4c7f-82c7-8e9487d3ff60`,
		Args: q.checkNamed("try 'certuse usage --demo'; 'certuse audit' looks up all"),
		RunE: q.run,
	})
}

func newAuditCommand(sys system) *cobra.Command {
	q := &query{sys: sys, kind: reportAudit}
	cmd := q.withReadFlags(&cobra.Command{
		Use:   "audit [--account ACCOUNT]… [--require-unused] [CERT… | --from FILE]",
		Short: "Find out which certificates are used, by what, and when they expire",
		Long:  auditHelp,
		Example: `  certuse audit --demo
  certuse audit --account 023e105f4ecef8ad9ca31a8372d0c353 -o csv > audit.csv
  certuse audit --usage unused -o id
  certuse audit -o jsonl --output-file audit.jsonl --resume
  certuse audit --from - --require-unused < ids.txt && echo "none of them is in use"`,
		Args: q.checkFrom,
		RunE: q.run,
	})
	cmd.Flags().BoolVar(&q.allUses, "all-uses", false, "look up every CA in every zone, also when another use is known")
	q.addResumeFlags(cmd)
	cmd.Flags().BoolVar(&q.requireUnused, "require-unused", false, "exit with 4 when a certificate is in use, and with 0 only when all are unused")
	return cmd
}

// withReadFlags adds the flags of list, usage and audit; list has none about usage.
func (q *query) withReadFlags(cmd *cobra.Command) *cobra.Command {
	q.withCommonFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&q.sortBy, "sort", "action", "`ORDER`: action, expiry, name or usage; see 'certuse help formats'")
	flags.Var(&q.filter.expiresWithin, "expires-within", "only certificates that expire within this `DURATION` (30d, 2w, 720h), have expired, or have an unknown expiry; exit with 5 if there are any")
	flags.StringSliceVar(&q.filter.types, "type", nil, "only certificates of this `TYPE`, such as custom")
	flags.BoolVar(&q.filter.ca, "ca", false, "only CA certificates")
	flags.BoolVar(&q.filter.leaf, "leaf", false, "only leaf certificates")
	cmd.MarkFlagsMutuallyExclusive("ca", "leaf")
	completeWith(cmd, "sort", sortOrders...)
	completeWith(cmd, "type", knownTypes...)
	if q.kind == reportList {
		return cmd
	}
	q.addNamingFlags(cmd)
	flags.StringSliceVar(&q.sources, "sources", nil, "read only these `SOURCES`: "+joined(api.AllSources()))
	flags.StringSliceVar(&q.filter.usages, "usage", nil, "print only certificates with this `USAGE`: in_use, unused or unknown; others still count")
	completeWith(cmd, "usage", usages...)
	complete(cmd, "sources", allSourceNames)
	return cmd
}

// withCommonFlags adds the flags shared by all commands about certificates.
func (q *query) withCommonFlags(cmd *cobra.Command) *cobra.Command {
	cmd.DisableFlagsInUseLine = true
	q.connection.addFlags(cmd)
	q.output.addFlags(cmd)
	cmd.Flags().Var(&q.timeout, "timeout", "end after this `DURATION` and print what is known")
	return cmd
}

// addNamingFlags adds the flags shared by the commands that take certificates.
func (q *query) addNamingFlags(cmd *cobra.Command) {
	cmd.ValidArgsFunction = q.completeCertificates
	cmd.Flags().StringArrayVar(&q.from, "from", nil, "read certificates from `FILE`: ids, one a line, or what certuse printed as json, jsonl or csv; - is standard input")
	completeFiles(cmd, "from")
	cmd.Flags().BoolVar(&q.noZones, "no-zones", false, "accept an empty list of zones; without it, CA certificates are then unknown")
}

// checkNamed returns a check that refuses a command line that names certificates twice
// or, without --demo, names none.
func (q *query) checkNamed(advice string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := q.checkFrom(cmd, args); err != nil || len(args)+len(q.from) > 0 || q.demo {
			return err
		}
		return usagef("no certificate is named: give CERT or --from FILE, or %s", advice)
	}
}

func (q *query) checkFrom(_ *cobra.Command, args []string) error {
	switch {
	case len(q.from) > 1:
		return usagef("--from is given %d times, but reads one list: join them, as in cat A B | certuse audit --from -", len(q.from))
	case len(q.from) == 1 && q.from[0] == "":
		return usagef("--from is empty: name a file, or - for standard input")
	case len(q.from) == 1 && len(args) > 0:
		return usagef("certificates are named twice: give CERT or --from, not both")
	default:
		return nil
	}
}
