package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/api"
)

const (
	// maxLineBytes is far above an id with its account and leaves room for a comment.
	maxLineBytes = 4096
	// maxBadLines limits the messages about a file of another kind.
	maxBadLines = 10
)

// input has the certificates to look up, each once, in the order given. It is complete
// and checked before anything is sent.
type input struct {
	certificates []api.CertificateRef
	duplicates   int // duplicates that were left out
	seen         map[api.CertificateRef]bool
	account      string
}

// newInput creates an empty input. Its ids belong to account unless they name
// another.
func newInput(account string) *input {
	return &input{seen: map[api.CertificateRef]bool{}, account: account}
}

// add adds one certificate, written as ID or ACCOUNT/ID.
func (in *input) add(text string) error {
	if account, id, found := strings.Cut(text, "/"); found {
		return in.addRef(account, id)
	}
	return in.addRef(in.account, text)
}

func (in *input) addRef(account, id string) error {
	ref := api.CertificateRef{AccountID: account, ID: id}
	if account == "" && in.account == "" { // no account, or several, are given
		return errors.New("the certificate has no account: give one --account (or, without --profile, CLOUDFLARE_ACCOUNT_ID), or write ACCOUNT/ID")
	}
	if err := checkRef(ref); err != nil {
		return err
	}
	key := keyOf(ref)
	if in.seen[key] {
		in.duplicates++
		return nil
	}
	in.seen[key] = true
	in.certificates = append(in.certificates, ref)
	return nil
}

// addArguments adds certificates from the command line.
func (in *input) addArguments(args []string) error {
	for i, arg := range args {
		if err := in.add(arg); err != nil {
			return errorAt(err, fmt.Sprintf("argument %d", i+1))
		}
	}
	return nil
}

// readFrom reads a file, or standard input when the name is "-". Ctrl-C and --timeout
// end it even when a read blocks, as on a terminal or a pipe. The parameter what names
// the content in messages, such as "the private key".
func (q *query) readFrom(ctx context.Context, what, name string, read func(r io.Reader, name string) error) error {
	if name == "-" && isTerminal(q.sys.stdin) && !q.quiet {
		fmt.Fprintf(q.sys.stderr, "certuse: reading %s from the terminal; Ctrl-D ends it\n", what)
	}
	done := make(chan error, 1)
	go func() {
		if name == "-" {
			done <- read(q.sys.stdin, "standard input")
			return
		}
		shown := fileName(name)
		file, err := os.Open(name)
		if err != nil {
			done <- usagef("cannot read %s: %s", what, strings.ReplaceAll(err.Error(), name, shown))
			return
		}
		defer file.Close() //nolint:errcheck // only read
		if info, err := file.Stat(); err == nil && info.IsDir() {
			done <- usagef("cannot read %s: %s is a directory", what, shown)
			return
		}
		done <- read(file, shown)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return &exitError{exitUnknown, fmt.Errorf("%s while %s was read: nothing was sent", strings.TrimPrefix(endCause(ctx, nil).Error(), "not looked up: "), what)}
	}
}

// read adds certificates from a list, or from what this command printed as JSON, JSON
// Lines or CSV with a header. The first line decides the format.
func (in *input) read(r io.Reader, name string) error {
	lines := bufio.NewReaderSize(r, maxLineBytes)
	first, err := lines.ReadSlice('\n')
	text := bytes.TrimPrefix(bytes.Clone(first), []byte("\uFEFF"))
	var all io.Reader = bytes.NewReader(text)
	switch {
	case err == nil, errors.Is(err, bufio.ErrBufferFull):
		all = io.MultiReader(all, lines)
	case !errors.Is(err, io.EOF): // after EOF, lines is not read: a terminal would ask for more
		return failuref("cannot read %s: %w", name, err)
	}
	add := in.addLines
	if header, err := csv.NewReader(bytes.NewReader(text)).Read(); err == nil && slices.Contains(header, "certificate_id") {
		add = in.addCSV
	} else if bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("[")) {
		add = in.addJSON
	}
	if err := add(all, name); err != nil {
		return err
	}
	if len(in.certificates) == 0 {
		return usagef("%s names no certificate: nothing was sent", name)
	}
	return nil
}

// addJSON adds the certificates of objects, of arrays of objects, and of the array
// "certificates" of a report.
func (in *input) addJSON(r io.Reader, name string) error {
	type object struct {
		AccountID     *string        `json:"account_id"`
		CertificateID string         `json:"certificate_id"`
		Certificates  jsontext.Value `json:"certificates"` // PEM in an object about a certificate
	}
	values := jsontext.NewDecoder(r)
	for count := 1; ; {
		value, err := values.ReadValue()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if broken, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			return usagef("%s is not JSON from byte %d on; nothing was sent", name, broken.ByteOffset+1)
		} else if err != nil {
			return failuref("cannot read %s: %w", name, err)
		}
		objects, list := make([]object, 1), value
		if value.Kind() != '[' {
			err = json.Unmarshal(value, &objects[0])
			list = objects[0].Certificates
		}
		if list.Kind() == '[' {
			err = json.Unmarshal(list, &objects)
		}
		if err != nil {
			return usagef("%s is not what certuse prints as JSON; nothing was sent", name)
		}
		for _, o := range objects {
			account := in.account
			if o.AccountID != nil {
				account = *o.AccountID
			}
			if err := in.addRef(account, o.CertificateID); err != nil {
				return errorAt(err, fmt.Sprintf("%s: certificate %d", name, count))
			}
			count++
		}
	}
}

// addCSV adds the certificates of rows, by the names of the columns.
func (in *input) addCSV(r io.Reader, name string) error {
	rows := csv.NewReader(r)
	header, err := rows.Read()
	account, id := slices.Index(header, "account_id"), slices.Index(header, "certificate_id")
	for err == nil {
		var row []string
		if row, err = rows.Read(); err != nil {
			break
		}
		owner := in.account
		if account >= 0 {
			owner = strings.TrimPrefix(row[account], "'") // the function cell adds the apostrophe
		}
		if err := in.addRef(owner, strings.TrimPrefix(row[id], "'")); err != nil {
			line, _ := rows.FieldPos(0)
			return errorAt(err, fmt.Sprintf("%s: line %d", name, line))
		}
	}
	if _, wrong := errors.AsType[*csv.ParseError](err); wrong {
		return usagef("%s is not what certuse prints as CSV: %w; nothing was sent", name, err)
	} else if !errors.Is(err, io.EOF) {
		return failuref("cannot read %s: %w", name, err)
	}
	return nil
}

// addLines adds certificates from a file, one a line. Blank lines and comments that
// start with '#' are skipped. Lines end with LF or CRLF. Other characters that programs
// take for the end of a line are refused, so that no id is hidden in a comment. Every
// bad line is reported, up to a limit; reading ends at a line that is too long.
func (in *input) addLines(r io.Reader, name string) error {
	var badLines []error
	lines := bufio.NewReaderSize(r, maxLineBytes)
	for number, end := 1, false; !end && len(badLines) < maxBadLines; number++ {
		line, err := lines.ReadSlice('\n')
		end = err != nil
		if errors.Is(err, bufio.ErrBufferFull) {
			err = usagef("%s: line %d is longer than %d bytes: is this a list of certificate ids?", name, number, maxLineBytes)
		} else if err != nil && !errors.Is(err, io.EOF) {
			return failuref("cannot read %s: %w", name, err)
		} else if err = in.addLine(string(line)); err != nil {
			err = errorAt(err, fmt.Sprintf("%s: line %d", name, number))
		}
		if err != nil {
			badLines = append(badLines, err)
		}
	}
	if len(badLines) == maxBadLines {
		badLines = append(badLines, usagef("%s: stopped reading after %d bad lines", name, maxBadLines))
	}
	if len(badLines) > 0 {
		return &exitError{exitUsage, errors.Join(append(badLines, errors.New("nothing was sent: correct the list and try again"))...)}
	}
	return nil
}

// addLine adds the certificate of one line, if the line has one.
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

// errorAt returns a usage error with the place of err before its text.
func errorAt(err error, place string) error {
	return &exitError{exitUsage, fmt.Errorf("%s: %w", place, err)}
}
