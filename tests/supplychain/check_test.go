package supplychain

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// make check draws the same random values each time, so that it does not fail by chance.
// make fuzz draws new ones.
func TestCheckIsDeterministic(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skipf("make is missing: %v", err)
	}
	for target, random := range map[string]bool{"check": false, "fuzz": true} {
		command := exec.CommandContext(t.Context(), "make", "--dry-run", "--directory", "../..", target)
		command.Env = append(os.Environ(), "MAKEFLAGS=")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := strings.Contains(string(out), "fuzz") || strings.Contains(string(out), "TEST_SEED=random"); got != random {
			t.Errorf("make %s runs random tests: %t, want %t\n%s", target, got, random, out)
		}
	}
}

// FUZZ is a regular expression, so it may have characters that a shell interprets.
func TestFuzzSelectsTargetsByAPattern(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skipf("make is missing: %v", err)
	}
	if err := exec.CommandContext(t.Context(), "git", "-C", "../..", "rev-parse").Run(); err != nil {
		t.Skipf("not a checkout of the repository: %v", err)
	}
	// The go command is replaced by one that does nothing.
	command := exec.CommandContext(t.Context(), "make", "--directory", "../..", "fuzz", "GO=true", "FUZZ=^Fuzz(Response|IDs)$$")
	command.Env = append(os.Environ(), "MAKEFLAGS=")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for target, selected := range map[string]bool{"FuzzResponse": true, "FuzzIDs": true, "FuzzErrorNeverShowsTheCredentials": false} {
		if got := strings.Contains(string(out), "== "+target+" "); got != selected {
			t.Errorf("%s runs: %t, want %t\n%s", target, got, selected, out)
		}
	}
}

// Tests that did not run must not look like tests that passed.
func TestSecondToolchainReportsItsResult(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skipf("bash is missing: %v", err)
	}
	const (
		unreachable = `[ "$1" != version ] || { echo "go: download go1.99.1: no such host" >&2; exit 1; }`
		version     = `[ "$1" != version ] || { echo "go version $GOTOOLCHAIN"; exit; }`
	)
	for name, test := range map[string]struct {
		tool, env string
		code      int
		says      string
	}{
		"passed":                      {tool: version, says: "go1.99.1: the tests pass"},
		"failed":                      {tool: version + "\nexit 1", code: 1, says: "go1.99.1: the tests fail"},
		"every package":               {tool: version + `; case "$*" in ("test -shuffle=on "*" ./...") ;; (*) exit 1 ;; esac`, says: "pass"},
		"not fetched":                 {tool: unreachable, says: "go1.99.1: NOT TESTED"},
		"not fetched, in a hosted CI": {tool: unreachable, env: "GITHUB_ACTIONS=true", says: "::warning::"},
		"not fetched, but required":   {tool: unreachable, env: "REQUIRE_GO_NEXT=1", code: 1, says: "NOT TESTED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := script(t, ".ci/test-next", test.tool, "GO_NEXT=go1.99.1", test.env)
			if code != test.code || !strings.Contains(out, test.says) {
				t.Errorf("exit code %d, want %d and %q; got:\n%s", code, test.code, test.says, out)
			}
			if strings.Contains(out, "NOT TESTED") && strings.Contains(out, "pass") {
				t.Errorf("claims more than was done: %s", out)
			}
		})
	}
}
