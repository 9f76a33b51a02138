package update

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// BuildError says that the module does not compile with the new files.
type BuildError struct {
	// Line is the first fault, with its place from the root of the module.
	Line string
	// Collisions report which members of the contract would share a Go name.
	Collisions []string
}

func (e *BuildError) Error() string {
	reasons := append(slices.Clone(e.Collisions), e.Line)
	return "the module does not compile against the new contract: " + strings.Join(reasons, "; ")
}

// vet compiles and vets all packages of the module at root and their tests as if
// files, by their paths from the root, stood in the tree: the go command reads them
// through an overlay. A fault of the code, which has a place in it, is a
// [BuildError]; other errors, such as a full disk or a module that is not there,
// are not.
func vet(ctx context.Context, root string, files map[string][]byte) (err error) {
	if root, err = filepath.Abs(root); err != nil {
		return err
	}
	staging, err := os.MkdirTemp("", "update-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	overlay, err := stageOverlay(root, staging, files)
	if err != nil {
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
	line, located := firstFault(string(output), root, staging)
	if !located {
		return fmt.Errorf("go vet: %w: %s", err, line)
	}
	return &BuildError{Line: line, Collisions: collisions(files)}
}

// stageOverlay writes files below staging, by the same paths as in the module, and
// returns the file that puts them in place.
func stageOverlay(root, staging string, files map[string][]byte) (overlay string, err error) {
	replace := map[string]string{}
	for name, content := range files {
		name = filepath.FromSlash(name)
		staged := filepath.Join(staging, name)
		if err := os.MkdirAll(filepath.Dir(staged), 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(staged, content, 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, name)] = staged
	}
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(staging, "overlay.json")
	return overlay, os.WriteFile(overlay, encoded, 0o600)
}

// fault is a line of the go command's output that names a place.
var fault = regexp.MustCompile(`^([^\s:]+\.go):(\d+):(?:(\d+):)? `)

// firstFault returns one line of the go command's output, the same for the same
// fault, and whether it names a place in the code: packages are built at once and
// write as they come, and the go command names a file as it is reached from the
// folder it runs in, which is another for each run where the file is staged. So
// the faults get their paths from the root, and the first in the order of these is
// taken; one in generated code precedes its consequences.
func firstFault(output, root, staging string) (line string, located bool) {
	type place struct {
		file         string
		line, column int
		text         string
	}
	folders := regexp.MustCompile(`^(?:[^:]*/)?` + regexp.QuoteMeta(filepath.Base(staging)) + `/|^` + regexp.QuoteMeta(root) + `/`)
	var faults []place
	other := ""
	for line := range strings.Lines(output) {
		continued := strings.HasPrefix(line, "\t")
		line = strings.TrimSpace(line)
		if continued || line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimPrefix(strings.TrimPrefix(line, "vet: "), "./")
		line = folders.ReplaceAllString(filepath.ToSlash(line), "")
		at := fault.FindStringSubmatch(line)
		if at == nil {
			other = cmp.Or(other, line)
			continue
		}
		f := place{file: at[1], text: line}
		f.line, _ = strconv.Atoi(at[2])
		f.column, _ = strconv.Atoi(at[3])
		faults = append(faults, f)
	}
	if len(faults) == 0 {
		return cmp.Or(other, "no reason was given"), false
	}
	first := slices.MinFunc(faults, func(a, b place) int {
		generated := func(f place) int {
			if strings.HasPrefix(f.file, "generated/") {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(generated(a), generated(b)), cmp.Compare(a.file, b.file),
			cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(a.text, b.text))
	})
	return first.text, true
}
