package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// output is the destination and format of a report.
type output struct {
	format    string
	columns   []string
	noHeaders bool
	file      string
}

func (o *output) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&o.format, "output", "o", "table", "`FORMAT`: "+strings.Join(formatNames(), ", "))
	flags.StringVar(&o.file, "output-file", "", "write to `FILE` instead of standard output: whole, or not at all; jsonl: as results arrive")
	flags.StringSliceVar(&o.columns, "columns", nil, "`COLUMNS` of table, wide and csv; see 'certuse help formats'")
	flags.BoolVar(&o.noHeaders, "no-headers", false, "leave out the first line of table, wide and csv")
	complete(cmd, "output", formatNames)
	complete(cmd, "columns", knownColumns)
	completeFiles(cmd, "output-file")
}

// check refuses formats and columns that do not exist, columns that are given twice,
// and --columns for a format that has none. It lower-cases o.columns.
func (o *output) check() error {
	for i, given := range o.columns {
		if key := strings.ToLower(strings.TrimSpace(given)); slices.Contains(knownColumns(), key) {
			if slices.Contains(o.columns[:i], key) {
				return usagef("--columns: %s is given twice", key)
			}
			o.columns[i] = key
		}
	}
	err := errors.Join(oneOf("output", []string{o.format}, formatNames()), oneOf("columns", o.columns, knownColumns()))
	if withColumns := []string{"table", "wide", "csv"}; err == nil && len(o.columns) > 0 && !slices.Contains(withColumns, o.format) {
		return usagef("--columns is for %s, not for %s", joined(withColumns), o.format)
	}
	return err
}

// newReport returns an empty report about targets.
func (q *query) newReport(out *destination, targets []target) *report {
	keys := q.columns
	if len(keys) == 0 {
		keys = columnKeys(q.kind, q.format, len(targets) > 1)
	}
	r := &report{out: out, kind: q.kind, columns: columnsOf(keys), headers: !q.noHeaders, now: time.Now()}
	r.summary = newSummary(q.kind, commonSources(targets))
	r.summary.accounts = texts(targets, func(t target) string { return t.account })
	if out.path == "" {
		r.colors = newPalette(q.sys, q.sys.stdout)
		r.width = tableWidth(q.sys, q.demo)
	}
	return r
}

func (o *output) write(r *report) error {
	return formats[slices.Index(formatNames(), o.format)].write(r)
}

// demoWidth is the width of tables of the demo without a terminal.
const demoWidth = 80

// tableWidth returns the width of the terminal, else the value of COLUMNS, else
// demoWidth in the demo, else 0.
func tableWidth(sys system, demo bool) int {
	if f, ok := fileOf(sys.stdout); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	if width, err := strconv.Atoi(sys.getenv("COLUMNS")); err == nil && width > 0 {
		return width
	}
	if demo {
		return demoWidth
	}
	return 0
}

// destination is standard output, or a file. A file is written under another name, and
// renamed at the end. If it is appended to, as unsorted JSON Lines are, it is renamed
// after the first write. On Unix, locks keep other certuse processes from writing the
// file before this one ends.
type destination struct {
	io.Writer
	path      string
	name      string      // path in messages
	replaced  os.FileInfo // nil if there was no file
	temp      *os.File    // nil once it is renamed
	keepsTemp bool        // because it has results
	appending bool
	file      *os.File       // appended to
	locks     []func() error // release the locks of temp and of the file that it replaces
}

// open prepares the destination before anything is sent.
func (o *output) open(sys system, appending bool) (*destination, error) {
	if o.file == "" {
		return &destination{Writer: sys.stdout}, nil
	}
	path, info, err := o.target()
	var temp *os.File
	if err == nil {
		if temp, err = createTemp(filepath.Dir(path), info); err != nil {
			err = fmt.Errorf("cannot create a file in its directory: %w", cause(err))
		}
	}
	if err != nil {
		return nil, usagef("--output-file: %s: %w", fileName(o.file), cause(err))
	}
	d := &destination{Writer: temp, path: path, name: fileName(o.file), replaced: info, temp: temp, appending: appending}
	if err := errors.Join(d.lock(temp.Name()), d.lock(path)); err != nil {
		d.discard()
		return nil, usagef("--output-file: %s: %w", fileName(o.file), err)
	}
	return d, nil
}

// cause removes the path from the error of a file. The path may be a part of a private
// key given by mistake, and such a part is not recognized as a key.
func cause(err error) error {
	if failed, ok := err.(*fs.PathError); ok { //nolint:errorlint // wrapped ones have another text
		return failed.Err
	}
	return err
}

// target returns the path that --output-file leads to, and the file there, or nil if
// there is none. It refuses a path that cannot be written.
func (o *output) target() (string, os.FileInfo, error) {
	if o.file == "-" {
		return "", nil, errors.New("leave out --output-file to write to standard output, or write ./- for a file of this name")
	}
	path, err := filepath.EvalSymlinks(o.file)
	if err != nil { // there is no file, or it is a link to a missing one
		dir, base := filepath.Split(o.file)
		if dir, err = filepath.EvalSymlinks(cmp.Or(dir, ".")); err != nil {
			return "", nil, fmt.Errorf("its directory: %w", cause(err))
		}
		path = filepath.Join(dir, base)
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, nil, nil
	case err != nil:
		return "", nil, err
	case !info.Mode().IsRegular():
		return "", nil, errors.New("not a regular file")
	case isOpenForOutput(info):
		return "", nil, errors.New("it is already open, as standard output or by a redirection: leave out --output-file to write to standard output")
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		err = file.Close()
	}
	return path, info, err
}

// createTemp creates a file with the permissions of the file that it will replace, or,
// if that is nil, with those of a new file.
func createTemp(dir string, replaced os.FileInfo) (*os.File, error) {
	mode := os.FileMode(0o666) // the umask applies
	if replaced != nil {
		mode = replaced.Mode().Perm()
	}
	file, err := os.OpenFile(filepath.Join(dir, ".certuse-"+rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err == nil && replaced != nil {
		if err = file.Chmod(mode); err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}
	return file, err
}

// isOpenForOutput reports whether a file is standard output, standard error or another
// open file, except standard input. /dev/stdout leads to such a file.
func isOpenForOutput(info os.FileInfo) bool {
	open, _ := os.ReadDir("/dev/fd") // does not exist on Windows
	return slices.ContainsFunc(open, func(entry os.DirEntry) bool {
		other, err := os.Stat("/dev/fd/" + entry.Name())
		return err == nil && entry.Name() != "0" && os.SameFile(info, other)
	})
}

// lock locks a file, if it exists and its file system supports locks. It does nothing
// on Windows, where a lock would keep this process from writing through another handle.
func (d *destination) lock(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	switch locked, err := lock.TryLock(); {
	case locked:
		d.locks = append(d.locks, lock.Close)
	case err == nil:
		return errors.New("another process is writing it")
	}
	return nil
}

// Write writes p. An appended file gets its name after the first write.
func (d *destination) Write(p []byte) (int, error) {
	n, err := d.Writer.Write(p)
	if err == nil && d.appending && d.temp != nil {
		err = d.rename()
	}
	return n, err
}

// rename gives the file its name, unless another process has written a file there. If
// there was no file, it first tries a link, which, unlike a rename, never replaces one.
// The error of the link decides nothing: some file systems have no links, and NFS may
// report an error for a link that it has made.
func (d *destination) rename() error {
	written, err := d.temp.Stat()
	if err = errors.Join(err, d.temp.Sync(), d.temp.Close()); err != nil {
		return err
	}
	if d.replaced == nil {
		_ = os.Link(d.temp.Name(), d.path)
	}
	switch current, missing := os.Lstat(d.path); {
	case missing == nil && os.SameFile(written, current):
		_ = os.Remove(d.temp.Name()) // its other name
	case missing == nil && !os.SameFile(d.replaced, current):
		return errors.New("another process has written it")
	default:
		if err = os.Rename(d.temp.Name(), d.path); err != nil {
			return err
		}
	}
	d.temp = nil
	if d.appending {
		d.file, err = os.OpenFile(d.path, os.O_WRONLY|os.O_APPEND, 0)
		d.Writer = d.file
		if opened, _ := d.file.Stat(); (err == nil || errors.Is(err, fs.ErrNotExist)) && !os.SameFile(written, opened) {
			return errReplaced
		}
	}
	return err
}

// commit completes the file, and renames it if Write has not.
func (d *destination) commit() error {
	var err error
	if d.temp != nil {
		err = d.rename()
	}
	if d.file != nil {
		err = errors.Join(err, d.file.Sync(), d.checkNotReplaced(), d.file.Close())
		d.file = nil
	}
	if err != nil {
		return d.failure(err)
	}
	return nil
}

var errReplaced = errors.New("another process has replaced or removed it")

// checkNotReplaced fails if the file that was appended to is not the one at the path.
func (d *destination) checkNotReplaced() error {
	written, err := d.file.Stat()
	if err != nil {
		return err
	}
	if current, err := os.Stat(d.path); err != nil || !os.SameFile(written, current) {
		return errReplaced
	}
	return nil
}

// failure describes a failed write. It keeps a file that was not renamed, if the file
// has results.
func (d *destination) failure(err error) *exitError {
	if d.path == "" {
		return writeFailure(err)
	}
	state := "it is incomplete"
	if d.temp != nil {
		state = d.untouched()
		if written, err := os.Stat(d.temp.Name()); err == nil && written.Size() > 0 {
			d.keepsTemp = true
			state = "the results so far are in " + d.temp.Name()
		}
	}
	return &exitError{exitFailure, fmt.Errorf("cannot write %s: %s: %s", d.name, strings.ReplaceAll(err.Error(), d.path, d.name), state)}
}

// untouched describes the file at path if nothing has replaced it.
func (d *destination) untouched() string {
	if d.replaced == nil {
		return "it was not created"
	}
	return "it is unchanged"
}

func (d *destination) renamed() bool { return d.path != "" && d.temp == nil }

// discard removes a file that was not renamed, unless failure has kept it, and releases
// the locks.
func (d *destination) discard() {
	if d.temp != nil {
		_ = d.temp.Close()
		if !d.keepsTemp {
			_ = os.Remove(d.temp.Name())
		}
		d.temp = nil
	}
	if d.file != nil {
		_ = d.file.Close()
	}
	for _, release := range d.locks {
		_ = release()
	}
}

// writeFailure describes a failed write to standard output.
func writeFailure(err error) *exitError {
	if errors.Is(err, syscall.EPIPE) {
		return &exitError{code: exitPipe} // the reader has closed the pipe, as head does
	}
	return &exitError{exitFailure, fmt.Errorf("cannot write to standard output: %w: what was printed is incomplete", err)}
}

// errWriter keeps the first error of a writer and discards later writes. Callers do not
// check writes to standard error, and Cobra drops some errors, prints some, and treats
// others as wrong usage.
type errWriter struct {
	out io.Writer

	mu  sync.Mutex
	err error
}

func (w *errWriter) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *errWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		_, w.err = w.out.Write(p)
	}
	return len(p), nil
}
