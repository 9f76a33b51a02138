package main

import (
	"cmp"
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
			fmt.Fprintf(cmd.OutOrStdout(), "certuse %s\n", version()) // the errWriter of runCommand keeps the error
		},
	}
}

// userAgent names this program and its version to the service.
func userAgent() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "certuse"
	}
	return "certuse/" + strings.Trim(info.Main.Version, "()") // "(devel)" is no valid product token
}

// version describes the build, as far as the go command recorded it, and the sources of
// the contract.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return describe(info) + contract()
}

// describe returns the module version, the commit with its date, and the Go version.
func describe(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	text := cmp.Or(info.Main.Version, "(unknown version)")
	if commit := settings["vcs.revision"]; commit != "" {
		text += " commit " + commit
	} else {
		text += " (commit not recorded)"
	}
	if date := settings["vcs.time"]; date != "" {
		text += " of " + date
	}
	if settings["vcs.modified"] == "true" {
		text += " (modified)"
	}
	return strings.TrimSpace(text + " " + info.GoVersion)
}

// contract names the source documents of the contract, one per line.
func contract() string {
	sources, err := openapi.Sources()
	if err != nil {
		return "\ncontract: " + err.Error()
	}
	var b strings.Builder
	for _, source := range sources {
		b.WriteString("\ncontract: " + source.Source + ", retrieved " + source.Retrieved)
	}
	return b.String()
}
