package supplychain

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A check that draws new values each time fails by chance, also for a change that
// has nothing to do with the failure. make fuzz draws them.
func TestCheckIsTheSameEachTime(t *testing.T) {
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
