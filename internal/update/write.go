package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/certuse/cloudflare-mtls/internal/generate"
	"github.com/certuse/cloudflare-mtls/internal/published"
)

// change is a file that gets a new content.
type change struct {
	name, path   string // slash-separated from the root of the module, and in the file system
	staged       string // where the new content stands until all are written
	old, content []byte // old is nil if the file is not there
}

// changed returns those of files, by their slash-separated paths below root, that
// do not have their content already, ordered by name.
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

// Write puts files, by their slash-separated paths below root, in place. All
// contents are on disk before the first file changes; files that have their
// content already are not touched. An error, and the end of ctx until the last
// file is in place, put back what was there.
func Write(ctx context.Context, root string, files map[string][]byte) error {
	changes, err := changed(root, files)
	if err != nil {
		return err
	}
	return write(ctx, changes)
}

func write(ctx context.Context, changes []change) (err error) {
	defer func() {
		for _, c := range changes {
			err = errors.Join(err, removeIfThere(c.staged))
		}
	}()
	for i := range changes {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("nothing was changed: %w", err)
		}
		if changes[i].staged, err = stage(changes[i].path, changes[i].content); err != nil {
			return err
		}
	}
	return swap(ctx, changes, os.Rename)
}

// swap renames the staged files to their places, all of them or none.
func swap(ctx context.Context, changes []change, rename func(from, to string) error) error {
	for i, c := range changes {
		err := ctx.Err()
		if err == nil {
			err = rename(c.staged, c.path)
		}
		if err == nil {
			continue
		}
		for _, done := range changes[:i] {
			if done.old != nil {
				err = errors.Join(err, os.WriteFile(done.path, done.old, 0o644))
			} else {
				err = errors.Join(err, os.Remove(done.path))
			}
		}
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return nil
}

// stagedNames are the names of files that are not in place yet.
const stagedNames = "_staged-*.tmp"

// Lock keeps other runs from changing the module at root until it is released, or
// the process ends. Files that a killed run left staged are removed. It fails at
// once if another run holds the lock.
func Lock(root string) (release func() error, err error) {
	if release, err = lock(root); err != nil {
		return nil, err
	}
	for _, dir := range []string{published.Dir, generate.Dir} {
		left, err := filepath.Glob(filepath.Join(root, dir, stagedNames))
		for _, name := range left {
			err = errors.Join(err, removeIfThere(name))
		}
		if err != nil {
			return nil, errors.Join(err, release())
		}
	}
	return release, nil
}

// errLocked is the error of [Lock] while another run holds the lock.
var errLocked = errors.New("another run is changing this tree: nothing was changed")

// stage writes content beside path, on the same file system, under a name that
// Go and git ignore.
func stage(path string, content []byte) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), stagedNames)
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
