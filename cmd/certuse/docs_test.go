package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra/doc"
)

// TestReferenceIsFresh compares docs with the commands; -update rewrites docs.
func TestReferenceIsFresh(t *testing.T) {
	t.Parallel()
	fresh := t.TempDir()
	for _, dir := range []string{"markdown", "man"} {
		requireNoError(t, os.Mkdir(filepath.Join(fresh, dir), 0o755))
	}
	root := newRootCommand(system{getenv: func(string) string { return "" }}, io.Discard)
	root.DisableAutoGenTag = true
	requireNoError(t, doc.GenMarkdownTree(root, filepath.Join(fresh, "markdown")))
	date := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	header := &doc.GenManHeader{Section: "1", Date: &date, Source: "cloudflare-mtls", Manual: "certuse"}
	requireNoError(t, doc.GenManTree(root, header, filepath.Join(fresh, "man")))
	if *update {
		requireNoError(t, os.RemoveAll("docs"))
		requireNoError(t, os.CopyFS("docs", os.DirFS(fresh)))
	}
	want, got := pages(t, fresh), pages(t, "docs")
	if len(want) < 16 {
		t.Errorf("only %d pages", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs is stale; go test ./cmd/certuse -run Reference -update writes it (-fresh +committed)\n%s", diff)
	}
}

func pages(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, dir := range []string{"markdown", "man"} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			text, err := os.ReadFile(filepath.Join(root, dir, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			out[dir+"/"+entry.Name()] = string(text)
		}
	}
	return out
}
