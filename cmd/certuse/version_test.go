package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

func TestVersionDescribesTheBuild(t *testing.T) {
	t.Parallel()
	const commit = "6ecc5f13a2fd2b3d9a1f1d5a0c9c4f8f0f1d2e3a"
	module := debug.Module{Path: "github.com/certuse/cloudflare-mtls", Version: "v0.3.1"}
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	for name, test := range map[string]struct {
		info debug.BuildInfo
		want string
	}{
		"a release": {
			debug.BuildInfo{GoVersion: "go1.26.8", Main: module, Settings: []debug.BuildSetting{
				setting("CGO_ENABLED", "0"), setting("vcs.revision", commit), setting("vcs.time", "2026-11-25T22:01:02Z"), setting("vcs.modified", "false"),
			}},
			"v0.3.1 commit " + commit + " of 2026-11-25T22:01:02Z go1.26.8",
		},
		"a modified checkout": {
			debug.BuildInfo{GoVersion: "go1.26.8", Main: module, Settings: []debug.BuildSetting{
				setting("vcs.revision", commit), setting("vcs.time", "2026-11-25T22:01:02Z"), setting("vcs.modified", "true"),
			}},
			"v0.3.1 commit " + commit + " of 2026-11-25T22:01:02Z (modified) go1.26.8",
		},
		"a module from a proxy": {debug.BuildInfo{GoVersion: "go1.26.8", Main: module}, "v0.3.1 (commit not recorded) go1.26.8"},
		"no information":        {debug.BuildInfo{}, "(unknown version) (commit not recorded)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := describe(&test.info); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestVersionNamesTheSourcesOfTheContract(t *testing.T) {
	t.Parallel()
	lines := strings.Split(version(), "\n")[1:]
	if len(lines) == 0 {
		t.Fatal("no source is named")
	}
	for _, line := range lines {
		if !regexp.MustCompile(`^contract: .+, retrieved \d{4}-\d{2}-\d{2}$`).MatchString(line) {
			t.Error(line)
		}
	}
}

// BenchmarkVersion compares certuse --version with a program that links the same
// packages and does nothing: "times-empty" is the ratio of their processor times.
func BenchmarkVersion(b *testing.B) {
	folder := b.TempDir()
	imports, err := exec.CommandContext(b.Context(), "go", "list", "-f", `{{range .Imports}}{{printf "import _ %q\n" .}}{{end}}`, ".").Output()
	if err != nil {
		b.Fatal(err)
	}
	// The folder testdata/empty exists only in the overlay of this build.
	files := map[string]string{
		"empty.go":     "package main\n\n" + string(imports) + "\nfunc main() {}\n",
		"overlay.json": fmt.Sprintf(`{"Replace": {"testdata/empty/main.go": %q}}`, filepath.Join(folder, "empty.go")),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	for program, source := range map[string]string{"certuse": ".", "empty": "./testdata/empty"} {
		out, err := exec.CommandContext(b.Context(), "go", "build", "-overlay", filepath.Join(folder, "overlay.json"), "-o", filepath.Join(folder, program), source).CombinedOutput()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	used := func(program string) time.Duration {
		cmd := exec.CommandContext(b.Context(), filepath.Join(folder, program), "--version")
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	var version, empty time.Duration
	for b.Loop() {
		version += used("certuse")
		empty += used("empty")
	}
	b.ReportMetric(float64(version)/float64(empty), "times-empty")
}
