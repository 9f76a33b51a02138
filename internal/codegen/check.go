package codegen

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Compare returns a unified diff from the files in fsys to want, the files that
// Generate returned; it is empty if generated/ is fresh. Files in generated/
// that look generated and are not in want count as stale.
func Compare(fsys fs.FS, want map[string][]byte) (string, error) {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(want)) {
		have, err := fs.ReadFile(fsys, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err != nil {
			fmt.Fprintf(&out, "missing: %s\n", name)
		}
		if !bytes.Equal(have, want[name]) {
			out.Write(diff.Diff("committed/"+name, have, "regenerated/"+name, want[name]))
		}
	}
	stray, err := fs.Glob(fsys, Dir+"/*.gen.go")
	if err != nil {
		return "", err
	}
	for _, name := range stray {
		if _, ok := want[name]; !ok {
			fmt.Fprintf(&out, "not generated any more: %s\n", name)
		}
	}
	return out.String(), nil
}
