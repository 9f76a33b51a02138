// Package testtree gives tests a copy of the module to change.
package testtree

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/certuse/cloudflare-mtls/internal/canon"
	"github.com/certuse/cloudflare-mtls/internal/generate"
	"github.com/certuse/cloudflare-mtls/internal/goview"
	"github.com/certuse/cloudflare-mtls/internal/importer"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/pipeline"
	"github.com/certuse/cloudflare-mtls/internal/provenance"
	"github.com/certuse/cloudflare-mtls/internal/tree"
)

// PipelineInputs are the parts of the module that generation reads and writes.
var PipelineInputs = []string{"go.mod", "go.sum", "openapi", "overlays", "generated", "internal/generate"}

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

// Seed makes document the published document of the copy in root, and generates
// from it, so that a test does not depend on what openapi/ holds today.
func Seed(ctx context.Context, root, document string) error {
	data, err := importer.ReadFile(document)
	if err != nil {
		return err
	}
	taken, err := importer.Take(filepath.Base(document), data)
	if err != nil {
		return err
	}
	canonical, err := canon.Canonicalize(taken.Cut)
	if err != nil {
		return err
	}
	overlays, err := overlay.Load(os.DirFS(root), pipeline.OverlayDir)
	if err != nil {
		return err
	}
	_, outcomes, err := overlay.Survey(canonical, overlays)
	if err != nil {
		return err
	}
	const name = "mtls-certificate-associations.json"
	record := provenance.Record{
		Source: "seed", SourceSHA256: taken.SourceSHA256, Retrieved: "2020-01-01", License: taken.License,
		Document: name, SHA256: provenance.Sum(taken.Encoded), Added: []string{}, SatisfiedUpstream: []string{},
	}
	for _, o := range outcomes {
		if o.Effect == overlay.Satisfied {
			record.SatisfiedUpstream = append(record.SatisfiedUpstream, o.Action.ID)
		}
	}
	encoded, err := record.Encode()
	if err != nil {
		return err
	}
	files := map[string][]byte{pipeline.SourceDir + "/" + name: taken.Encoded, pipeline.ProvenanceFile: encoded}
	if err := tree.Write(ctx, root, files); err != nil {
		return err
	}
	contract, err := pipeline.Normalize(os.DirFS(root))
	if err != nil {
		return err
	}
	generated, err := codegen.Generate(ctx, root, contract, goview.View(contract))
	if err != nil {
		return err
	}
	maps.Copy(files, generated)
	return tree.Write(ctx, root, files)
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
