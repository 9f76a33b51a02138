// Command specgen runs the pipeline from the published document to generated/.
//
//	specgen generate   rebuild generated/ from openapi/ and overlays/
//	specgen check      compare generated/ with what generate would write
//
// It works on the module in the current directory. An input it cannot use gives
// one line on stderr and exit code 1, and leaves every file as it was.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/certuse/cloudflare-mtls/internal/codegen"
	"github.com/certuse/cloudflare-mtls/internal/goview"
	"github.com/certuse/cloudflare-mtls/internal/pipeline"
	"github.com/certuse/cloudflare-mtls/internal/tree"
)

// Exit codes.
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
	command := ""
	if len(args) == 1 {
		command = args[0]
	}
	var err error
	switch command {
	case "generate":
		err = generate(ctx, root)
	case "check":
		err = check(ctx, root, stdout)
	default:
		fmt.Fprintln(stderr, "usage: specgen generate|check")
		return exitUsage
	}
	if err != nil {
		fmt.Fprintln(stderr, "specgen:", err)
		return exitFailed
	}
	return exitOK
}

func generate(ctx context.Context, root string) error {
	files, err := build(ctx, root)
	if err != nil {
		return err
	}
	return tree.Write(ctx, root, files)
}

func check(ctx context.Context, root string, stdout io.Writer) error {
	files, err := build(ctx, root)
	if err != nil {
		return err
	}
	diff, err := codegen.Compare(os.DirFS(root), files)
	if err != nil {
		return err
	}
	if diff != "" {
		fmt.Fprint(stdout, diff)
		return errStale
	}
	return nil
}

func build(ctx context.Context, root string) (map[string][]byte, error) {
	contract, err := pipeline.Normalize(os.DirFS(root))
	if err != nil {
		return nil, err
	}
	return codegen.Generate(ctx, root, contract, goview.View(contract))
}
