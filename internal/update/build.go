package update

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// vet compiles and vets all packages of the module at root, and their tests. The keys
// of files are paths from the root. Their contents replace those on disk, through an
// overlay of the go command. vet returns the first fault with its place in the code, or
// "". The place of a missing module is its import. Failures without a place, such as a
// full disk, are errors.
func vet(ctx context.Context, root string, files map[string][]byte) (fault string, err error) {
	if root, err = filepath.Abs(root); err != nil {
		return "", err
	}
	staging, err := os.MkdirTemp("", "update-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	replace, staged := map[string]string{}, map[string][]byte{}
	for name, content := range files {
		staged[name] = content
		name = filepath.FromSlash(name)
		replace[filepath.Join(root, name)] = filepath.Join(staging, name)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	const overlayFile = "overlay.json"
	staged[overlayFile] = overlay
	if err := Write(ctx, staging, staged); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "vet", "-overlay", filepath.Join(staging, overlayFile), "./...")
	cmd.Dir = root
	// Interrupted, the go command removes its temporary files; killed, it cannot.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	output, err := cmd.CombinedOutput()
	if err == nil {
		return "", nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if _, ran := errors.AsType[*exec.ExitError](err); !ran {
		return "", err
	}
	line, inCode := firstFault(string(output), root, staging)
	if !inCode {
		return "", fmt.Errorf("go vet: %w: %s", err, line)
	}
	return line, nil
}

var (
	located = regexp.MustCompile(`(?m)^[^\s:]+\.go:\d+:(\d+:)? .*$`) // a line with a place in the code
	message = regexp.MustCompile(`(?m)^[^#\s].*$`)
)

// firstFault returns the first fault in the go command's output, and whether it names a
// place in the code. The order of the output and the paths in it vary, so the result is
// the alphabetically first line, with a path relative to the root. A fault in generated
// code comes before its consequences elsewhere.
func firstFault(output, root, staging string) (line string, inCode bool) {
	folders := regexp.MustCompile(`(?m)^(vet: )?(\./|[^:\t\n]*` + regexp.QuoteMeta(filepath.Base(staging)) + `/|` + regexp.QuoteMeta(root) + `/)?`)
	output = folders.ReplaceAllString(filepath.ToSlash(output), "")
	faults := located.FindAllString(output, -1)
	if len(faults) == 0 {
		return cmp.Or(message.FindString(output), "no reason was given"), false
	}
	order := func(line string) string { return fmt.Sprint(!strings.HasPrefix(line, "generated/"), line) }
	return slices.MinFunc(faults, func(a, b string) int { return cmp.Compare(order(a), order(b)) }), true
}

// tokens returns the tokens of a Go file, which do not depend on comments, blank lines
// and spaces.
func tokens(source []byte) []string {
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", -1, len(source)), source, nil, 0)
	var out []string
	for {
		_, kind, text := s.Scan()
		if kind == token.EOF {
			return out
		}
		out = append(out, kind.String()+" "+text)
	}
}
