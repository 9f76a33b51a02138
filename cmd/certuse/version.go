package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/certuse/cloudflare-mtls/openapi"
)

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of certuse",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "certuse %s\n", version()) // which remembers a failure
		},
	}
}

// userAgent names this program and its version to the service.
func userAgent() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "certuse"
	}
	return "certuse/" + strings.Trim(info.Main.Version, "()") // "(devel)" has what a product may not have
}

// version is the module version and the commit that the Go tool recorded in the
// binary, the Go version, and where the contract came from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown: built without module information)" + contract()
	}
	text := info.Main.Version
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			text += " commit " + setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			text += " (modified)"
		}
	}
	return text + " " + info.GoVersion + contract()
}

// contract names the documents from which the contract was made, one on a line.
func contract() string {
	sources, err := openapi.Sources()
	if err != nil {
		return "\ncontract: " + err.Error()
	}
	var b strings.Builder
	for _, each := range sources {
		b.WriteString("\ncontract: " + each.Source + ", retrieved " + each.Retrieved)
	}
	return b.String()
}
