package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/certuse/cloudflare-mtls/api"
)

// The exit codes are a contract with scripts; `certuse help exit-codes` states it.
const (
	exitOK       = 0
	exitFailure  = 1
	exitUsage    = 2
	exitUnknown  = 3
	exitInUse    = 4
	exitExpiring = 5
	exitPipe     = 141 // as a shell reports a command killed by SIGPIPE
)

// system is the environment of the process.
type system struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

// exitError ends the command with a code. If err is nil, no further message is printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func failuref(format string, args ...any) error {
	return &exitError{exitFailure, fmt.Errorf(format, args...)}
}

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// run executes one command line and returns the exit code. A success that could not
// be reported in full is a failure.
func run(ctx context.Context, args []string, sys system) int {
	stderr := &errWriter{out: sys.stderr}
	sys.stderr = stderr
	code := runCommand(ctx, args, sys)
	if failure := stderr.failure(); failure != nil && code == exitOK {
		code = writeFailure(failure).code
	}
	return code
}

func runCommand(ctx context.Context, args []string, sys system) int {
	if isClosed(sys.stdout) {
		fmt.Fprintf(sys.stderr, "certuse: standard output is closed, or is %[1]s opened for reading and writing, which looks the same: nothing was sent; to discard the output, open %[1]s for writing only\n", os.DevNull)
		return exitFailure
	}
	stdout := &errWriter{out: sys.stdout}
	root := newRootCommand(sys, stdout) // the commands get ctx from ExecuteContextC
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		args = texts(args, withoutCredential) // Cobra prints words that it cannot parse
	}
	root.SetArgs(args)
	cmd, err := checkTopic(root, args)
	if err == nil {
		cmd, err = root.ExecuteContextC(ctx)
	}
	if failure := stdout.failure(); failure != nil {
		err = writeFailure(failure)
	}
	if err == nil {
		return exitOK
	}
	exit, ok := errors.AsType[*exitError](err)
	if !ok {
		// Cobra's own errors are about the command line: an unknown flag or command.
		text := printable(err.Error())
		if _, group, ok := strings.Cut(text, "if any flags in the group ["); ok {
			flags, _, _ := strings.Cut(group, "]")
			text = "--" + strings.Join(strings.Fields(flags), " and --") + " exclude each other"
		}
		if cmd == root && len(cmd.Flags().Args()) > 0 && strings.HasPrefix(text, "unknown command") {
			text += didYouMean(cmd.Flags().Arg(0), commandNames(root))
		}
		fmt.Fprintf(sys.stderr, "certuse: %s\nRun '%s --help' for how to use it.\n", withoutCredential(text), cmd.CommandPath())
		return exitUsage
	}
	if exit.err != nil {
		for line := range strings.SplitSeq(exit.err.Error(), "\n") {
			fmt.Fprintf(sys.stderr, "certuse: %s\n", printable(line))
		}
	}
	return exit.code
}

// newRootCommand creates the command line. Cobra prints help, version and completion to
// stdout. Results go to sys.stdout itself, because writes to stdout report no errors.
func newRootCommand(sys system, stdout io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "certuse",
		Short:         "Find out which mTLS certificates of Cloudflare accounts are used, by what, and when they expire",
		Long:          rootHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs, // the default adds suggestions of its own on further lines
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("a command is missing: run 'certuse audit', 'certuse list', or 'certuse help'")
		},
	}
	root.SetIn(sys.stdin)
	root.SetOut(stdout)
	root.SetErr(sys.stderr)
	// certuse and "certuse completion" are runnable only to report a missing
	// subcommand, so they have no usage line of their own.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1))
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("certuse {{.Version}}\n")
	root.AddCommand(newListCommand(sys), newUsageCommand(sys), newAuditCommand(sys), newUploadCommand(sys), newWaitCommand(sys), newDeleteCommand(sys), newVersionCommand())
	root.AddCommand(helpTopics()...)
	root.SetHelpCommand(newHelpCommand())
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp) // see completeFiles
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Args = cobra.ArbitraryArgs // an unknown shell gets the message of RunE, too
		completion.RunE = func(*cobra.Command, []string) error {
			return usagef("name a shell: certuse completion bash, zsh, fish or powershell")
		}
	}
	setVersion(root, version())
	return root
}

// setVersion gives every command the flag --version.
func setVersion(cmd *cobra.Command, version string) {
	cmd.Version = version
	for _, sub := range cmd.Commands() {
		setVersion(sub, version)
	}
}

// commandNames returns the names of the commands and help topics.
func commandNames(root *cobra.Command) (names []string) {
	for _, sub := range root.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return names
}

// inCLITerms replaces names of the Go API in a message by terms of the command line.
func inCLITerms(err error) string {
	text := err.Error()
	if _, after, found := strings.Cut(text, api.ErrInvalidArgument.Error()+": "); found {
		text = after
	}
	return strings.NewReplacer(
		"WithBaseURL", "CLOUDFLARE_BASE_URL",
		"WithRateLimit", "--rate-limit",
		"if there is none, use WithNoZones", "if there is none, give --no-zones",
		"CertificateRef.AccountID", "the account id",
		"CertificateRef.ID", "the certificate id",
	).Replace(text)
}

// fileOf returns the file behind a stream of the process.
func fileOf(stream any) (*os.File, bool) {
	if r, ok := stream.(*errWriter); ok {
		stream = r.out
	}
	f, ok := stream.(*os.File)
	return f, ok
}

func isTerminal(stream any) bool {
	f, ok := fileOf(stream)
	return ok && term.IsTerminal(int(f.Fd()))
}

// isClosed reports whether an output was closed when the process started. Go's
// runtime then opens the null device for reading and writing: every write succeeds
// and is lost. A shell opens it for writing only.
func isClosed(stream any) bool {
	f, ok := fileOf(stream)
	if !ok || runtime.GOOS == "windows" { // where a write to a closed output fails
		return false
	}
	info, infoErr := f.Stat()
	null, nullErr := os.Stat(os.DevNull)
	if infoErr != nil || nullErr != nil || !os.SameFile(info, null) {
		return false
	}
	_, err := f.Read(make([]byte, 1)) // fails with EBADF if it is open for writing only
	return errors.Is(err, io.EOF)
}

func isRegularFile(stream any) bool {
	f, ok := fileOf(stream)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}
