package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newListCommand(sys system) *cobra.Command {
	q := &query{sys: sys, detailed: true}
	cmd := &cobra.Command{
		Use:   "list [--account ACCOUNT] CERT…",
		Short: "List what uses each certificate",
		Long:  listHelp,
		Example: `  certuse list --demo
  certuse list --account 023e105f4ecef8ad9ca31a8372d0c353 2458ce5a-0c35-4c7f-82c7-8e9487d3ff60
  certuse list -o json 023e105f4ecef8ad9ca31a8372d0c353/2458ce5a-0c35-4c7f-82c7-8e9487d3ff60`,
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !q.demo {
				return usagef("no certificate is named: give one or more CERT, or try 'certuse list --demo'")
			}
			return q.run(cmd, len(args) > 0, func(_ context.Context, account string) (*input, error) {
				return readArguments(account, args)
			})
		},
	}
	q.addFlags(cmd)
	return cmd
}
