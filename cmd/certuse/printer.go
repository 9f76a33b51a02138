package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// printer writes answers to standard output in one format.
type printer interface {
	print(answer) error
	// finish is called once, after the last answer.
	finish(summary) error
}

var formats = []string{"table", "json", "jsonl", "csv"}

// newPrinter gives the printer for a format. perAssociation is about tables:
// one row for each association, as list prints, instead of one for each
// certificate, as audit does.
func newPrinter(format string, stdout io.Writer, colors palette, perAssociation bool) (printer, error) {
	switch format {
	case "table":
		return &tablePrinter{out: stdout, colors: colors, perAssociation: perAssociation}, nil
	case "json":
		return &jsonPrinter{out: stdout}, nil
	case "jsonl":
		return &jsonLinesPrinter{out: stdout}, nil
	case "csv":
		return &csvPrinter{out: csv.NewWriter(stdout)}, nil
	default:
		return nil, usagef("%q is not an output format: use one of %s", format, strings.Join(formats, ", "))
	}
}

// streams reports whether a format writes each answer as it comes.
func streams(format string) bool {
	return slices.Contains(formats, format) && format != "table"
}

// writeFailure says what a failed write to standard output means.
func writeFailure(err error) *exitError {
	if errors.Is(err, syscall.EPIPE) {
		return &exitError{code: exitPipe} // the reader has had enough, as head does: no news to anybody
	}
	return &exitError{exitFailure, fmt.Errorf("cannot write to standard output: %w: what was printed is incomplete", err)}
}

// remembering keeps the first error of a writer and discards everything after it.
// The callers of standard error check none of its writes, and cobra drops some
// errors, prints some, and takes others for wrong usage.
type remembering struct {
	out io.Writer

	mu  sync.Mutex
	err error
}

func (r *remembering) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

func (r *remembering) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		_, r.err = r.out.Write(p)
	}
	return len(p), nil
}
