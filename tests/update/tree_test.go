package update

import (
	"testing"

	"github.com/certuse/cloudflare-mtls/tests/internal/testtree"
)

// seedShape is the document that the copies of the module start from.
const seedShape = "testdata/shapes/09-root-security.yaml"

// copyModule copies parts of the module to a folder of its own, with seedShape
// in place of the document of today.
func copyModule(t testing.TB, parts ...string) string {
	t.Helper()
	root := t.TempDir()
	if err := testtree.Copy(moduleRoot, root, parts...); err != nil {
		t.Fatal(err)
	}
	if err := testtree.Seed(t.Context(), root, seedShape); err != nil {
		t.Fatal(err)
	}
	return root
}

// snapshot returns the contents of all files below root.
func snapshot(t testing.TB, root string) map[string]string {
	t.Helper()
	out, err := testtree.Snapshot(root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
