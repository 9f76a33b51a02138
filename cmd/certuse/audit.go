package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newAuditCommand(sys system) *cobra.Command {
	q := &query{sys: sys}
	var from []string
	cmd := &cobra.Command{
		Use:   "audit [--account ACCOUNT] [--require-unused] {CERT… | --from FILE}",
		Short: "Ask about many certificates and count which are in use",
		Long:  auditHelp,
		Example: `  certuse audit --demo
  certuse audit --account 023e105f4ecef8ad9ca31a8372d0c353 --from ids.txt -o csv > audit.csv
  certuse audit --from - --require-unused < ids.txt && echo "none of them is in use"`,
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(from) > 1:
				return usagef("--from is given %d times, and only one list would be asked about: join them, as in cat A B | certuse audit --from -", len(from))
			case len(from) == 1 && from[0] == "":
				return usagef("--from is empty: name a file, or - for standard input")
			case len(from) == 1 && len(args) > 0:
				return usagef("certificates are named twice: give CERT or --from, not both")
			case len(from) == 0 && len(args) == 0 && !q.demo:
				return usagef("no certificate is named: give CERT, --from FILE, or --from - for standard input, or try 'certuse audit --demo'")
			}
			return q.run(cmd, len(from)+len(args) > 0, func(ctx context.Context, account string) (*input, error) {
				if len(from) == 0 {
					return readArguments(account, args)
				}
				return readFile(ctx, sys, account, from[0])
			})
		},
	}
	q.addFlags(cmd)
	cmd.Flags().StringArrayVar(&from, "from", nil, "read ids from `FILE`, one a line; - is standard input")
	cmd.Flags().BoolVar(&q.requireUnused, "require-unused", false, "exit with 4 when a certificate is in use, so that 0 means: all are unused")
	return cmd
}
