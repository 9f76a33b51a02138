// Command specgen runs the pipeline from the published document to generated/.
//
//	specgen generate              rebuild generated/ from openapi/ and overlays/
//	specgen check                 fail if generated/ is not what generate would write
//	specgen update [flags] FILE   take a new revision: openapi/, generated/ and a report
//	specgen diff [flags] FILE     print the report of update, and change nothing
//
// FILE is an OpenAPI document of the vendor: whole or, with -partial, in part; JSON or
// YAML, plain or gzip. specgen works on the module in the current directory.
//
// Exit codes:
//
//	0  done; for update and diff: at most the documentation changes for users
//	1  failed or interrupted; no file was changed, unless the message says otherwise
//	2  wrong usage
//	3  the update is compatible
//	4  the update is breaking
//	5  the document is refused; no file was changed
//
// With 0, 3 and 4, update has written the files. Faults of the machine, such as a full
// disk, give 1, never 5; so does a second run at the same time, except on Windows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/internal/spec"
	"github.com/certuse/cloudflare-mtls/internal/update"
)

// Exit codes other than those of exitCodes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, ".", os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, root string, args []string, stdout, stderr io.Writer) int {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	code := exitOK
	var err error
	switch {
	case command == "update" || command == "diff":
		code, err = runUpdate(ctx, root, command, args[1:], stdout, stderr)
	case command == "generate" && len(args) == 1:
		err = runGenerate(ctx, root)
	case command == "check" && len(args) == 1:
		err = runCheck(ctx, root, stdout)
	default:
		fmt.Fprintln(stderr, "usage: specgen generate|check|update FILE|diff FILE")
		return exitUsage
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("interrupted: %w", err)
	}
	if err != nil {
		fmt.Fprintln(stderr, "specgen:", strings.Join(strings.Fields(err.Error()), " ")) // in one line
		return exitFailed
	}
	return code
}

func runGenerate(ctx context.Context, root string) (err error) {
	release, err := update.Lock(root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	files, err := update.Regenerate(ctx, root)
	if err != nil {
		return err
	}
	return update.Write(ctx, root, files)
}

func runCheck(ctx context.Context, root string, stdout io.Writer) error {
	files, err := update.Regenerate(ctx, root)
	if err != nil {
		return err
	}
	diff, err := update.Stale(root, files)
	if err == nil && diff != "" {
		_, err = fmt.Fprint(stdout, diff)
		err = errors.Join(errors.New("generated/ is stale: run 'make generate' and commit the result"), err)
	}
	return err
}

// exitCodes are the exit codes of updates by class. Any other class exits with exitOK.
var exitCodes = map[compare.Class]int{compare.Compatible: 3, compare.Breaking: 4, compare.Refused: 5}

// runUpdate runs the command update or diff. diff writes no files.
func runUpdate(ctx context.Context, root, command string, args []string, stdout, stderr io.Writer) (code int, err error) {
	req := update.Request{Root: root, Retrieved: time.Now().UTC().Format(time.DateOnly)}
	flags := flag.NewFlagSet("specgen "+command, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: specgen %s [flags] FILE\n", command)
		flags.PrintDefaults()
	}
	asJSON := flags.Bool("json", false, "print the report as JSON")
	flags.BoolVar(&req.Partial, "partial", false, "the document holds some of the operations: the others are not withdrawn")
	flags.StringVar(&req.Source, "source", "", "`text` that names the source in the provenance (default: the file's name, and the document's title and version)")
	flags.Func("date", "`day` on which the document was retrieved, as YYYY-MM-DD, for the provenance (default: today)", func(day string) error {
		_, err := time.Parse(time.DateOnly, day)
		req.Retrieved = day
		return err
	})
	flags.StringVar(&req.License, "license", "", "`name` of the document's licence (default: as the document says)")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK, nil
	case err != nil:
		return exitUsage, nil //nolint:nilerr // flags has printed it
	case flags.NArg() != 1 || flags.Arg(0) == "":
		fmt.Fprintf(stderr, "specgen: %s takes one FILE\n", command)
		flags.Usage()
		return exitUsage, nil
	}
	report, err := takeRevision(ctx, req, flags.Arg(0), command == "update", *asJSON, stdout)
	if err == nil && report.Class == compare.Refused {
		fmt.Fprintln(stderr, "specgen: the document is refused: the report on standard output has the reason; no file was changed")
	}
	return exitCodes[report.Class], err
}

// takeRevision prints the report of the revision in a file, and then, if change is set,
// applies the revision. If the report cannot be printed, nothing changes.
func takeRevision(ctx context.Context, req update.Request, file string, change, asJSON bool, stdout io.Writer) (report compare.Report, err error) {
	if change {
		var release func() error
		if release, err = update.Lock(req.Root); err != nil {
			return report, err
		}
		defer func() { err = errors.Join(err, release()) }()
	}
	req.Name = filepath.Base(file)
	if req.Data, err = os.ReadFile(file); err != nil { //nolint:gosec // the user names the file
		return report, err
	}
	plan, err := update.Prepare(ctx, req)
	if err != nil {
		return report, err
	}
	text := []byte(plan.Report.Text())
	if asJSON {
		if text, err = spec.Encode(plan.Report); err != nil {
			return report, err
		}
	}
	_, err = stdout.Write(text)
	if err == nil && change {
		err = plan.Apply(ctx)
	}
	return plan.Report, err
}
