package update

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pipelineInputs are the parts of the module that generation needs.
var pipelineInputs = []string{"go.mod", "go.sum", "openapi", "overlays", "generated", "internal/codegen"}

// copyModule copies parts of the module to a folder of its own.
func copyModule(t testing.TB, parts ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, part := range parts {
		err := filepath.WalkDir(filepath.Join(moduleRoot, part), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name, err := filepath.Rel(moduleRoot, path)
			if err != nil {
				return err
			}
			if d.IsDir() {
				if slices.Contains([]string{".git", ".cache", "bin", filepath.Join("tests", "peers")}, name) {
					return fs.SkipDir
				}
				return os.MkdirAll(filepath.Join(root, name), 0o755)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(root, name), data, 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// snapshot returns the contents of all files below root.
func snapshot(t testing.TB, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, root)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
