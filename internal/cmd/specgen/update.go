package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/internal/published"
	"github.com/certuse/cloudflare-mtls/internal/spec"
	"github.com/certuse/cloudflare-mtls/internal/update"
)

// exitCodes are the exit codes of the classes of an update.
var exitCodes = map[compare.Class]int{compare.Compatible: 3, compare.Breaking: 4, compare.Refused: 5}

// runUpdate runs update, or diff, which writes no files.
func runUpdate(ctx context.Context, root, command string, args []string, stdout, stderr io.Writer) int {
	req := update.Request{Root: root, Retrieved: time.Now().UTC().Format(time.DateOnly)}
	flags := flag.NewFlagSet("specgen "+command, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: specgen %s [flags] FILE\n", command)
		flags.PrintDefaults()
	}
	asJSON := flags.Bool("json", false, "print the report as JSON")
	flags.BoolVar(&req.Partial, "partial", false, "the document holds some of the operations: the others are not withdrawn")
	flags.StringVar(&req.Source, "source", "", "`text` that names the source in the provenance (default: the file's name and the document's title)")
	flags.Func("date", "`day` on which the document was retrieved, as YYYY-MM-DD, for the provenance (default: today)", func(day string) error {
		_, err := time.Parse(time.DateOnly, day)
		req.Retrieved = day
		return err
	})
	flags.Func("license", "SPDX `id` of the document's licence, if it does not say so itself", func(id string) error {
		if req.License = id; !published.ValidLicense(id) {
			return errors.New("not an SPDX id")
		}
		return nil
	})
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() != 1 || flags.Arg(0) == "":
		fmt.Fprintf(stderr, "specgen: %s takes one FILE\n", command)
		flags.Usage()
		return exitUsage
	}
	report, err := takeRevision(ctx, req, flags.Arg(0), command == "update", *asJSON, stdout)
	switch {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintln(stderr, "specgen: interrupted: no file was changed")
		return exitFailed
	case err != nil:
		fmt.Fprintln(stderr, "specgen:", oneLine(err))
		return exitFailed
	case report.Class == compare.Refused:
		fmt.Fprintln(stderr, "specgen: refused:", report.Refusal)
	}
	return exitCodes[report.Class]
}

// takeRevision prints the report of the revision in a file, and then applies it if
// change is set. If the report cannot be printed, nothing changes.
func takeRevision(ctx context.Context, req update.Request, file string, change, asJSON bool, stdout io.Writer) (report compare.Report, err error) {
	if change {
		var release func() error
		if release, err = update.Lock(req.Root); err != nil {
			return report, err
		}
		defer func() { err = errors.Join(err, release()) }()
	}
	req.Name = filepath.Base(file)
	if req.Data, err = published.ReadFile(file); err != nil {
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
