// Package goapi tells what new generated files do to the Go code of the module:
// whether everything still compiles, tests included, and what changes in the
// exported API. The files need not be in the tree: the go command reads them
// through an overlay.
package goapi

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/exp/apidiff"
	"golang.org/x/tools/go/packages"
)

// The packages whose exported API is compared.
const (
	publicPath    = "./api"
	generatedPath = "./generated"
)

// Change is one change of an exported API.
type Change struct {
	Compatible bool   `json:"compatible"`
	Message    string `json:"message"`
}

// Changes are the changes of both APIs.
type Changes struct {
	Public    []Change `json:"public"`    // package api
	Generated []Change `json:"generated"` // package generated
}

// Compare returns what changes in the module at root when files, by their paths
// from the root, take the place of those in the tree. A module that does not
// compile with them is a *BuildError.
func Compare(ctx context.Context, root string, files map[string][]byte) (Changes, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return Changes{}, err
	}
	if err := vet(ctx, root, files); err != nil {
		return Changes{}, err
	}
	overlay := make(map[string][]byte, len(files))
	for name, content := range files {
		overlay[filepath.Join(root, filepath.FromSlash(name))] = content
	}
	before, err := load(ctx, root, nil)
	if err != nil {
		return Changes{}, err
	}
	after, err := load(ctx, root, overlay)
	if err != nil {
		return Changes{}, err
	}
	changes := func(path string) []Change {
		var out []Change
		for _, c := range apidiff.Changes(before[path].Types, after[path].Types).Changes {
			out = append(out, Change{Compatible: c.Compatible, Message: c.Message})
		}
		return out
	}
	return Changes{Public: changes(publicPath), Generated: changes(generatedPath)}, nil
}

// load returns the packages by the patterns that name them.
func load(ctx context.Context, root string, overlay map[string][]byte) (map[string]*packages.Package, error) {
	out := map[string]*packages.Package{}
	loaded, err := packages.Load(&packages.Config{
		Context: ctx, Dir: root, Overlay: overlay,
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports,
	}, publicPath, generatedPath)
	if err != nil {
		return nil, fmt.Errorf("loading the Go packages: %w", err)
	}
	for _, p := range loaded {
		for _, e := range p.Errors {
			return nil, fmt.Errorf("loading %s: %s", p.PkgPath, e.Msg)
		}
		out["./"+p.Name] = p
	}
	if out[publicPath] == nil || out[generatedPath] == nil {
		return nil, errors.New("the module in this folder has no packages api and generated")
	}
	return out, nil
}
