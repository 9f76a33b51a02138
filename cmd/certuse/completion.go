package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// completionTime limits the completion of ids, because the shell waits for it.
const completionTime = time.Second

// completeCertificates offers ids, with the names of the certificates as descriptions.
// Without credentials, or if the API does not respond in time, it offers nothing.
func (q *query) completeCertificates(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	// Cobra parses the flags of a completion twice. check removes repeated accounts.
	if q.connection.check() != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	service, err := q.connect(q.sys)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer service.close()
	var ids []cobra.Completion
	for _, account := range service.accounts {
		prefix := ""
		if len(service.accounts) > 1 {
			prefix = account + "/"
		}
		access, err := service.access(account)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for cert, err := range access.client.Certificates(ctx, account) {
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			ids = append(ids, cobra.CompletionWithDesc(prefix+cert.Ref.ID, printable(cert.Name)))
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// complete offers the values of a flag. For a list it completes the part after the
// last comma.
func complete(cmd *cobra.Command, flag string, values func() []string) {
	isList := cmd.Flags().Lookup(flag).Value.Type() == "stringSlice"
	_ = cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, word string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
		before := ""
		if isList {
			before = word[:strings.LastIndexByte(word, ',')+1]
		}
		for _, value := range values() {
			found = append(found, before+value)
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	})
}

// completeWith offers fixed values of a flag.
func completeWith(cmd *cobra.Command, flag string, values ...string) {
	complete(cmd, flag, func() []string { return values })
}

// completeFiles offers file names for flags. Other flags and arguments offer none.
func completeFiles(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault))
	}
}
