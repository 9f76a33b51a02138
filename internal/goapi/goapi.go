// Package goapi tells what new generated files do to the Go code of the module:
// whether everything still compiles, tests included, and what changes in the
// exported API. The files need not be in the tree: the go command reads them
// through an overlay.
package goapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

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

// BuildError says that the module does not compile with the new files.
type BuildError struct{ Line string }

func (e *BuildError) Error() string {
	return "the module does not compile against the new contract: " + e.Line
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

// vet compiles all packages and their tests with files in place.
func vet(ctx context.Context, root string, files map[string][]byte) (err error) {
	staging, err := os.MkdirTemp("", "goapi-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	replace := map[string]string{}
	for name, content := range files {
		staged := filepath.Join(staging, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(staged, content, 0o600); err != nil {
			return err
		}
		replace[filepath.Join(root, filepath.FromSlash(name))] = staged
	}
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	overlay := filepath.Join(staging, "overlay.json")
	if err := os.WriteFile(overlay, encoded, 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "vet", "-overlay", overlay, "./...")
	cmd.Dir = root
	// Interrupted, the go command removes what it has begun; killed, it cannot.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	output, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ran := errors.AsType[*exec.ExitError](err); !ran {
		return err
	}
	return &BuildError{Line: firstFault(string(output))}
}

// firstFault returns the first line of the go command's output that is not a
// heading, without folders of this machine.
func firstFault(output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimPrefix(line, "vet: ")
		if file, rest, ok := strings.Cut(line, ":"); ok && filepath.IsAbs(file) {
			line = filepath.Base(file) + ":" + rest
		}
		return line
	}
	return "no reason was given"
}
