package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/internal/published"
	"github.com/certuse/cloudflare-mtls/internal/update"
)

// exitCodes are the codes of the classes of an update.
var exitCodes = map[compare.Class]int{
	compare.None:          exitOK,
	compare.Documentation: exitOK,
	compare.Compatible:    exitCompatible,
	compare.Breaking:      exitBreaking,
	compare.Refused:       exitRefused,
}

// updateFlags are the flags of update and diff.
type updateFlags struct {
	asJSON, partial       bool
	date, license, source string
	file                  string
}

func parseUpdate(command string, args []string, stderr io.Writer) (updateFlags, error) {
	var f updateFlags
	set := flag.NewFlagSet("specgen "+command, flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {
		fmt.Fprintf(stderr, "usage: specgen %s [flags] FILE\n", command)
		set.PrintDefaults()
	}
	set.BoolVar(&f.asJSON, "json", false, "print the report as JSON")
	set.BoolVar(&f.partial, "partial", false, "the document holds a part of the operations: those that it lacks are not withdrawn")
	set.StringVar(&f.date, "date", time.Now().UTC().Format(time.DateOnly), "`day` on which the document was retrieved, for the provenance")
	set.StringVar(&f.license, "license", "", "SPDX `id` of the document's licence, if it does not say so itself")
	set.StringVar(&f.source, "source", "", "`text` that names the source in the provenance (default: the file's name and the document's title)")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	fail := func(format string, values ...any) error {
		err := fmt.Errorf(format, values...)
		fmt.Fprintln(stderr, "specgen:", err)
		set.Usage()
		return err
	}
	if set.NArg() != 1 || set.Arg(0) == "" {
		return f, fail("%s takes one FILE", command)
	}
	f.file = set.Arg(0)
	if _, err := time.Parse(time.DateOnly, f.date); err != nil {
		return f, fail("-date %q: want YYYY-MM-DD", f.date)
	}
	if f.license != "" && !published.ValidLicense(f.license) {
		return f, fail("-license %q: want an SPDX id", f.license)
	}
	return f, nil
}

// runUpdate runs update, or diff, which is the same without writing.
func runUpdate(ctx context.Context, root, command string, args []string, stdout, stderr io.Writer) int {
	flags, err := parseUpdate(command, args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage
	}
	class, err := takeRevision(ctx, root, command == "update", flags, stdout)
	refused, isRefused := errors.AsType[*update.RefusedError](err)
	switch {
	case err == nil:
		return exitCodes[class]
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "specgen: interrupted: no file was changed")
		return exitFailed
	case !isRefused:
		fmt.Fprintln(stderr, "specgen:", oneLine(err))
		return exitFailed
	}
	fmt.Fprintln(stderr, "specgen:", refused)
	if report := refusal(refused); flags.asJSON || refused.Report != nil {
		err = write(stdout, report, flags.asJSON)
		if err != nil {
			fmt.Fprintln(stderr, "specgen:", oneLine(err))
			return exitFailed
		}
	}
	return exitRefused
}

// takeRevision prints the report of a revision, and then takes it if change is
// set: a report that cannot be printed changes nothing.
func takeRevision(ctx context.Context, root string, change bool, flags updateFlags, stdout io.Writer) (_ compare.Class, err error) {
	if change {
		release, err := update.Lock(root)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, release()) }()
	}
	data, err := published.ReadFile(flags.file)
	if err != nil {
		return 0, err
	}
	plan, err := update.Prepare(ctx, update.Request{
		Root: root, Name: filepath.Base(flags.file), Data: data, Partial: flags.partial,
		Retrieved: flags.date, License: flags.license, Source: flags.source,
	})
	if err != nil {
		return 0, err
	}
	if err := write(stdout, plan.Report, flags.asJSON); err != nil {
		return 0, err
	}
	if change {
		err = plan.Apply(ctx)
	}
	return plan.Report.Class, err
}

// refusal is the report of a document that was refused.
func refusal(refused *update.RefusedError) compare.Report {
	if refused.Report != nil {
		return *refused.Report
	}
	return compare.Report{
		Class: compare.Refused, Refusal: refused.Reason,
		Warnings: []string{}, Operations: []compare.Operation{}, Files: []string{},
	}
}

// write prints a report.
func write(w io.Writer, r compare.Report, asJSON bool) error {
	if !asJSON {
		return r.WriteText(w)
	}
	if err := json.MarshalWrite(w, r, jsontext.WithIndent("  "), json.Deterministic(true)); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
