// Command specgen runs the pipeline from the published document to generated/.
//
//	specgen generate              rebuild generated/ from openapi/ and overlays/
//	specgen check                 compare generated/ with what generate would write
//	specgen update [flags] FILE   take a new revision: openapi/, generated/ and a report
//	specgen diff [flags] FILE     print the report of update, and change nothing
//
// FILE is an OpenAPI document of the vendor: whole or in part, JSON or YAML, plain or
// gzip. specgen works on the module in the current directory.
//
// Exit codes:
//
//	0  done; of an update: at most documentation changes for users
//	1  failed or interrupted; no file was changed
//	2  wrong usage
//	3  the update is compatible
//	4  the update is breaking
//	5  the document is refused; no file was changed
//
// With 3 and 4, update has written the files; the code is its class. An unusable
// input gives one line on stderr. Faults of the machine, such as a full disk or a
// missing module, give 1, never 5. The second of two concurrent runs that would
// change the tree gives 1.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/certuse/cloudflare-mtls/internal/generate"
	"github.com/certuse/cloudflare-mtls/internal/update"
)

// Exit codes of runs that do not end with the class of an update.
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

var errStale = errors.New("generated/ is stale: run 'make generate' and commit the result")

func run(ctx context.Context, root string, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && (args[0] == "update" || args[0] == "diff") {
		return runUpdate(ctx, root, args[0], args[1:], stdout, stderr)
	}
	command := ""
	if len(args) == 1 {
		command = args[0]
	}
	var err error
	switch command {
	case "generate":
		err = runGenerate(ctx, root)
	case "check":
		err = runCheck(ctx, root, stdout)
	default:
		fmt.Fprintln(stderr, "usage: specgen generate|check|update FILE|diff FILE")
		return exitUsage
	}
	if err != nil {
		fmt.Fprintln(stderr, "specgen:", oneLine(err))
		return exitFailed
	}
	return exitOK
}

// oneLine returns the text of an error in one line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

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
	diff, err := generate.Diff(os.DirFS(root), files)
	if err != nil {
		return err
	}
	if diff != "" {
		_, err := fmt.Fprint(stdout, diff)
		return errors.Join(errStale, err)
	}
	return nil
}
