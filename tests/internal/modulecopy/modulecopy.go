// Package modulecopy copies the module for tests.
package modulecopy

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/certuse/cloudflare-mtls/internal/generate"
	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/published"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// PipelineInputs are the parts of the module that generation reads and writes,
// and what the generated code imports.
var PipelineInputs = []string{
	"go.mod", "go.sum", "openapi", "overlays", "generated", "internal/generate/config.yaml", "internal/generate/templates",
	"internal/strictjson/decoder.go", "internal/strictjson/number.go", "internal/strictjson/values.go",
}

// skipped are the parts that no build reads.
var skipped = []string{".git", ".cache", "bin", "tests/peers"}

// Copy copies parts of the module in moduleRoot to the folder at root.
func Copy(moduleRoot, root string, parts ...string) (err error) {
	target, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	source := os.DirFS(moduleRoot)
	for _, part := range parts {
		err := fs.WalkDir(source, part, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				if slices.Contains(skipped, name) {
					return fs.SkipDir
				}
				return target.MkdirAll(name, 0o750)
			}
			data, err := fs.ReadFile(source, name)
			if err != nil {
				return err
			}
			if err := target.MkdirAll(path.Dir(name), 0o750); err != nil {
				return err
			}
			return target.WriteFile(name, data, 0o644)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Seed replaces the published texts in the copy at root by those of a document, for the
// operations that the document has, and generates the code again. A test of these
// operations then does not depend on the current content of openapi/.
func Seed(ctx context.Context, root, document string) error {
	source, err := published.ReadSource(os.DirFS(root))
	if err != nil {
		return err
	}
	overlays, err := normalize.ReadOverlays(os.DirFS(root))
	if err != nil {
		return err
	}
	data, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	taken, err := published.Take(filepath.Base(document), data, source.Operations)
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	for _, op := range source.Operations {
		if text, ok := taken.Texts[op.Name]; ok {
			source.Documents[op.Name] = text.Document
			files[path.Join(published.Dir, op.Document)] = text.Encoded
			source.Provenance.Documents[op.Document] = published.Record{
				SHA256: published.Sum(text.Encoded), Source: "seed", SourceSHA256: taken.SourceSHA256,
				Retrieved: "2020-01-01", License: taken.License, LeftOut: text.LeftOut,
			}
		}
	}
	source.Provenance.SatisfiedUpstream = []string{}
	result, err := normalize.Run(source.Documents, source.Operations, overlays)
	if err != nil {
		return err
	}
	for _, o := range result.Outcomes {
		if o.Effect == overlay.Satisfied {
			source.Provenance.SatisfiedUpstream = append(source.Provenance.SatisfiedUpstream, o.Action.ID)
		}
	}
	generated, err := generate.Generate(root, result.Contract, source.Operations)
	if err != nil {
		return err
	}
	maps.Copy(files, generated)
	if files[published.ProvenanceFile], err = spec.Encode(source.Provenance); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Snapshot returns the contents of all files below root by their paths from it.
func Snapshot(root string) (map[string]string, error) {
	out := map[string]string{}
	fsys := os.DirFS(root)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		out[name] = string(data)
		return err
	})
	return out, err
}
