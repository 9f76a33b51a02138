package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/certuse/cloudflare-mtls/tests/peers/internal/report"
)

type builder struct {
	dir, seed string // seed is a build cache with the standard library
	edits     int
}

func newBuilder(ctx context.Context, dir string) (*builder, error) {
	b := &builder{dir: dir, seed: filepath.Join(dir, "seed")}
	_, err := b.run(ctx, b.seed, "build", "std")
	return b, err
}

// usage is the resource use of a command and its child processes.
type usage struct {
	wall, cpu time.Duration
	peakRSS   int64 // of the largest process
}

func (b *builder) run(ctx context.Context, cache string, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "GOCACHE="+cache)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return usage{}, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out.Bytes())
	}
	rusage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return usage{}, errors.New("this system does not report the resource use of a process")
	}
	return usage{
		wall:    wall,
		cpu:     cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		peakRSS: int64(rusage.Maxrss) << 10, //nolint:unconvert // int32 on some systems
	}, nil
}

// cache returns the build cache of a client; it stays until the client is measured
// again.
func (b *builder) cache(peer string) string { return filepath.Join(b.dir, "cache-"+peer) }

func (b *builder) measure(ctx context.Context, peer string, results *report.Report) error {
	cache, out := b.cache(peer), filepath.Join(b.dir, peer)
	if err := os.RemoveAll(cache); err != nil {
		return err
	}
	if err := linkTree(b.seed, cache); err != nil {
		return err
	}
	program := "./programs/" + peer
	before, err := treeSize(cache)
	if err != nil {
		return err
	}
	cold, err := b.run(ctx, cache, "build", "-o", out, program)
	if err != nil {
		return err
	}
	after, err := treeSize(cache)
	if err != nil {
		return err
	}
	results.Add(buildTime, peer, cold.wall.Seconds())
	results.Add(buildCPU, peer, cold.cpu.Seconds())
	results.Add(buildRSS, peer, float64(cold.peakRSS))
	results.Add(buildCache, peer, float64(after-before))
	if err := addSize(results, binary, peer, out); err != nil {
		return err
	}

	if _, err := b.run(ctx, cache, "build", "-ldflags=-s -w", "-o", out, program); err != nil {
		return err
	}
	if err := addSize(results, stripped, peer, out); err != nil {
		return err
	}
	return addCode(ctx, results, peer)
}

// rebuild builds the program after an edit, with the build cache that measure left.
func (b *builder) rebuild(ctx context.Context, peer string, results *report.Report) error {
	overlay, err := b.edit(peer)
	if err != nil {
		return err
	}
	used, err := b.run(ctx, b.cache(peer), "build", "-overlay", overlay, "-o", filepath.Join(b.dir, peer), "./programs/"+peer)
	if err != nil {
		return err
	}
	results.Add(rebuildTime, peer, used.wall.Seconds())
	return nil
}

// edit returns an overlay for the go command. With it, the program differs from all
// versions that were built before.
func (b *builder) edit(peer string) (overlay string, err error) {
	source, err := filepath.Abs(filepath.Join("programs", peer, "main.go"))
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	b.edits++
	text = fmt.Appendf(text, "\nfunc init() { println(%d) }\n", b.edits)
	edited := filepath.Join(b.dir, "edited.go")
	if err := os.WriteFile(edited, text, 0o600); err != nil {
		return "", err
	}
	encoded, err := json.Marshal(map[string]any{"Replace": map[string]string{source: edited}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(b.dir, "overlay.json")
	return overlay, os.WriteFile(overlay, encoded, 0o600)
}

func addSize(results *report.Report, line report.Line, peer, file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	results.Add(line, peer, float64(info.Size()))
	return nil
}

// addCode counts the packages and lines of a client and its dependencies, without the
// standard library and package face.
func addCode(ctx context.Context, results *report.Report, peer string) error {
	const list = `{{if not .Standard}}{{$dir := .Dir}}{{.ImportPath}}{{range .GoFiles}} {{$dir}}/{{.}}{{end}}{{end}}`
	out, err := exec.CommandContext(ctx, "go", "list", "-deps", "-f", list, "./clients/"+peer).Output()
	if err != nil {
		return err
	}
	var count, lines int
	for pkg := range strings.Lines(string(out)) {
		fields := strings.Fields(pkg)
		if len(fields) == 0 || strings.HasSuffix(fields[0], "/tests/peers/face") {
			continue
		}
		count++
		for _, file := range fields[1:] {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			lines += bytes.Count(text, []byte("\n"))
		}
	}
	results.Add(packages, peer, float64(count))
	results.Add(codeLines, peer, float64(lines))
	return nil
}

// linkTree makes a copy of a build cache with hard links to its files. The go command adds
// files to its cache and never changes them.
func linkTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		return os.Link(path, target)
	})
}

func treeSize(root string) (int64, error) {
	var size int64
	err := filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
