package main

import (
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
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
