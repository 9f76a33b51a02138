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

func TestVersionNamesWhatWasBuilt(t *testing.T) {
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

// TestVersionStartsQuickly compares certuse --version with a program that links the
// same packages and does nothing. The minimum processor time of many runs has little
// noise; more runs follow only while it is over the limit.
func TestVersionStartsQuickly(t *testing.T) {
	t.Parallel()
	const limit, enough = 1.3, 300
	folder := t.TempDir()
	imports, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{range .Imports}}{{printf "import _ %q\n" .}}{{end}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	// The program's folder in the module exists for this build only.
	files := map[string]string{
		"empty.go":     "package main\n\n" + string(imports) + "\nfunc main() {}\n",
		"overlay.json": fmt.Sprintf(`{"Replace": {"testdata/empty/main.go": %q}}`, filepath.Join(folder, "empty.go")),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	least := map[string]time.Duration{}
	for program, source := range map[string]string{"certuse": ".", "empty": "./testdata/empty"} {
		out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", filepath.Join(folder, "overlay.json"), "-o", filepath.Join(folder, program), source).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		least[program] = time.Hour
	}
	ratio := func() float64 { return float64(least["certuse"]) / float64(least["empty"]) }
	for run := 0; run < 20 || run < enough && ratio() > limit; run++ {
		for program := range least {
			cmd := exec.CommandContext(t.Context(), filepath.Join(folder, program), "--version")
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			least[program] = min(least[program], cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		}
	}
	t.Logf("%v of processor time, %.2f times that of an empty program", least["certuse"], ratio())
	if ratio() > limit {
		t.Errorf("limit %.1f", limit)
	}
}
