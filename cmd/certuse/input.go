package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/certuse/cloudflare-mtls/api"
)

const (
	// maxLineBytes is far above an id with its account; it leaves room for a comment.
	maxLineBytes = 4096
	// maxBadLines keeps a file of another kind from giving a million messages.
	maxBadLines = 10
)

// input is the certificates to look up: complete and checked before anything
// is sent, each certificate once, in the order given.
type input struct {
	refs       []api.CertificateRef
	duplicates int // repeated mentions that were left out
	seen       map[api.CertificateRef]bool
	account    string
}

// newInput starts an empty input whose ids belong to account unless they name
// another.
func newInput(account string) *input {
	return &input{seen: map[api.CertificateRef]bool{}, account: account}
}

// add takes one certificate, written as ID or ACCOUNT/ID.
func (in *input) add(text string) error {
	ref, err := parseRef(text, in.account)
	switch {
	case err != nil:
		return err
	case in.seen[ref]:
		in.duplicates++
	default:
		in.seen[ref] = true
		in.refs = append(in.refs, ref)
	}
	return nil
}

// readArguments takes certificates from the command line.
func readArguments(account string, args []string) (*input, error) {
	in := newInput(account)
	for i, arg := range args {
		if err := in.add(arg); err != nil {
			return nil, located(err, fmt.Sprintf("argument %d", i+1))
		}
	}
	return in, nil
}

// readFile takes certificates from a file, or from standard input when the name
// is "-".
func readFile(ctx context.Context, sys system, account, name string) (*input, error) {
	in := newInput(account)
	return in, readFrom(ctx, sys, "the list of certificates", name, in.addLines)
}

// readFrom opens a file, or takes standard input when the name is "-", and reads it.
// Reading may block, as it does on a terminal or a pipe; that does not hold up
// Ctrl-C. what is in the file is named in messages.
func readFrom(ctx context.Context, sys system, what, name string, read func(r io.Reader, name string) error) error {
	if name == "-" && isTerminal(sys.stdin) {
		fmt.Fprintf(sys.stderr, "certuse: reading %s from the terminal; Ctrl-D ends it\n", what)
	}
	done := make(chan error, 1)
	go func() {
		if name == "-" {
			done <- read(sys.stdin, "standard input")
			return
		}
		file, err := os.Open(name)
		if err != nil {
			done <- usagef("cannot read %s: %w", what, err)
			return
		}
		defer file.Close() //nolint:errcheck // only read
		if info, err := file.Stat(); err == nil && info.IsDir() {
			done <- usagef("cannot read %s: %s is a directory", what, name)
			return
		}
		done <- read(file, name)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return &exitError{exitUnknown, fmt.Errorf("interrupted while %s was read: nothing was sent", what)}
	}
}

// addLines takes certificates from a file, one a line. Blank lines and comments
// that start with '#' are skipped. Lines end with LF or CRLF; what other programs
// take for the end of a line is refused, so that no id can hide in a comment.
// Every bad line is named, up to a limit.
func (in *input) addLines(r io.Reader, name string) error {
	var bad []error
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxLineBytes), maxLineBytes)
	lines.Split(splitLines)
	number := 0
	for lines.Scan() {
		number++
		text := lines.Text()
		if number == 1 {
			text = strings.TrimPrefix(text, "\uFEFF")
		}
		if err := in.addLine(text); err != nil {
			err = located(err, fmt.Sprintf("%s: line %d", name, number))
			if bad = append(bad, err); len(bad) == maxBadLines {
				bad = append(bad, usagef("%s: stopped reading after %d bad lines", name, maxBadLines))
				break
			}
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		bad = append(bad, usagef("%s: line %d is longer than %d bytes: is this a list of certificate ids?", name, number+1, maxLineBytes))
	} else if err != nil {
		return failuref("cannot read %s: %w", name, err)
	}
	if len(bad) > 0 {
		return &exitError{exitUsage, errors.Join(append(bad, errors.New("nothing was sent: correct the list and try again"))...)}
	}
	if len(in.refs) == 0 {
		return usagef("%s names no certificate: nothing was sent", name)
	}
	return nil
}

// addLine takes the certificate of one line, which may have none.
func (in *input) addLine(line string) error {
	if text, terminated := strings.CutSuffix(line, "\n"); terminated {
		line = strings.TrimSuffix(text, "\r")
	}
	if i := strings.IndexAny(line, otherLineEnds); i >= 0 {
		r, _ := utf8.DecodeRuneInString(line[i:])
		return usagef("%U ends a line for some programs, but not here: end each line with LF or CRLF", r)
	}
	line, _, _ = strings.Cut(line, "#")
	if line = strings.TrimSpace(line); line == "" {
		return nil
	}
	return in.add(line)
}

// otherLineEnds are the characters besides LF that Unicode or a common reader of
// text, such as Python's splitlines, takes for the end of a line.
const otherLineEnds = "\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029"

// splitLines is bufio.ScanLines, except that it keeps the end of the line.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// located puts the place of a mistake before its description.
func located(err error, place string) error {
	return &exitError{exitUsage, fmt.Errorf("%s: %w", place, err)}
}

// parseRef reads ID or ACCOUNT/ID.
func parseRef(text, account string) (api.CertificateRef, error) {
	ref := api.CertificateRef{AccountID: account, ID: text}
	if before, after, found := strings.Cut(text, "/"); found {
		ref = api.CertificateRef{AccountID: before, ID: after}
	} else if account == "" {
		return ref, errors.New("the certificate has no account: give --account, set CLOUDFLARE_ACCOUNT_ID, or write ACCOUNT/ID")
	}
	if err := ref.Validate(); err != nil {
		return ref, errors.New(plainly(err))
	}
	return ref, nil
}
