package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// completionTime bounds the completion of ids: a shell waits for it.
const completionTime = time.Second

// completeCertificates completes ids with the names of the certificates, as far as
// the API answers in time. Without credentials it completes nothing.
func (q *query) completeCertificates(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), completionTime)
	defer cancel()
	service, err := q.connect(q.sys)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer service.close()
	var ids []cobra.Completion
	for _, account := range service.accounts {
		for cert, err := range service.client.Certificates(ctx, account) {
			if err != nil {
				break
			}
			ids = append(ids, cobra.CompletionWithDesc(cert.Ref.ID, printable(cert.Name)))
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// complete offers the values of a flag.
func complete(cmd *cobra.Command, flag string, values []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
