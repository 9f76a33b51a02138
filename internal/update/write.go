package update

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/diff"

	"github.com/certuse/cloudflare-mtls/internal/generate"
)

// stagedPattern matches the folders of staged files. Go and git ignore them.
const stagedPattern = "_staged-*.tmp"

// change is a file with its old and new content.
type change struct {
	name, path   string // slash-separated from the root of the module, and in the file system
	staged       string // staged file with the new content
	old, content []byte // old is nil if the file does not exist
}

// changed returns the files whose content on disk differs, ordered by name. The keys of
// files are slash-separated paths below root.
func changed(root string, files map[string][]byte) ([]change, error) {
	var changes []change
	for _, name := range slices.Sorted(maps.Keys(files)) {
		c := change{name: name, path: filepath.Join(root, filepath.FromSlash(name)), content: files[name]}
		var err error
		if c.old, err = os.ReadFile(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil || !bytes.Equal(c.old, c.content) {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// Stale returns a unified diff from the files below root to files, the result of
// [Regenerate]. It is empty if generated/ is fresh. It also lists each
// generated/*.gen.go that is not in files.
func Stale(root string, files map[string][]byte) (string, error) {
	changes, err := changed(root, files)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, c := range changes {
		out.Write(diff.Diff("committed/"+c.name, c.old, "regenerated/"+c.name, c.content))
	}
	present, err := fs.Glob(os.DirFS(root), generate.Dir+"/*.gen.go")
	for _, name := range present {
		if _, ok := files[name]; !ok {
			fmt.Fprintf(&out, "no longer generated: %s\n", name)
		}
	}
	return out.String(), err
}

// Write writes files, whose keys are slash-separated paths below root. All contents are
// on disk before the first file changes; files with equal content are not touched. If a
// file cannot be put in place, or ctx ends first, the old files are restored.
func Write(ctx context.Context, root string, files map[string][]byte) (err error) {
	changes, err := changed(root, files)
	if err != nil {
		return err
	}
	staging, err := os.MkdirTemp(root, stagedPattern) // on the same file system
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	for i := range changes {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("nothing was changed: %w", err)
		}
		c := &changes[i]
		c.staged = filepath.Join(staging, strconv.Itoa(i))
		f, err := os.Create(c.staged)
		if err != nil {
			return err
		}
		_, err = f.Write(c.content)
		if err = errors.Join(err, f.Sync(), f.Close(), os.MkdirAll(filepath.Dir(c.path), 0o755)); err != nil {
			return err
		}
	}
	return swap(ctx, changes, os.Rename)
}

// swap renames the staged files to their places. After an error, it restores the old
// files.
func swap(ctx context.Context, changes []change, rename func(from, to string) error) error {
	for i, c := range changes {
		err := ctx.Err()
		if err == nil {
			err = rename(c.staged, c.path)
		}
		if err == nil {
			continue
		}
		var restoreErr error
		for _, done := range changes[:i] {
			if done.old != nil {
				restoreErr = errors.Join(restoreErr, os.WriteFile(done.path, done.old, 0o644))
			} else {
				restoreErr = errors.Join(restoreErr, os.Remove(done.path))
			}
		}
		if restoreErr != nil {
			return fmt.Errorf("some files are changed, restore them with git: %w", errors.Join(err, restoreErr))
		}
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return nil
}

// Lock locks the module at root until release is called or the process ends, and removes
// staged files of a killed run. It fails at once if another run holds the lock. On
// Windows, it only removes the files.
func Lock(root string) (release func() error, err error) {
	lock := flock.New(root, flock.SetFlag(os.O_RDONLY))
	if runtime.GOOS != "windows" { // on Windows, a folder cannot be locked
		if locked, err := lock.TryLock(); err != nil || !locked {
			return nil, cmp.Or(err, errors.New("another run is changing this tree: nothing was changed"))
		}
	}
	leftovers, err := fs.Glob(os.DirFS(root), stagedPattern)
	for _, name := range leftovers {
		err = errors.Join(err, os.RemoveAll(filepath.Join(root, name)))
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock.Close, nil
}
