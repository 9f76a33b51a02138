package supplychain

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The check for vulnerabilities says what it did: a database that cannot be
// reached must not read like a clean result.
func TestVulnerabilityCheckSaysWhatItDid(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skipf("bash is missing: %v", err)
	}
	const unreachable = `echo 'govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev": no such host' >&2; exit 1`
	for name, test := range map[string]struct {
		tool, env string
		code      int
		says      string
	}{
		"nothing found":                     {tool: `echo 'No vulnerabilities found.'`, says: "none known"},
		"found":                             {tool: `echo 'Vulnerability #1: GO-2026-0001'; exit 3`, code: 1, says: "vulnerabilities: found"},
		"no database":                       {tool: unreachable, says: "NOT CHECKED"},
		"no database, the check is a must":  {tool: unreachable, env: "REQUIRE_VULNDB=1", code: 1, says: "NOT CHECKED"},
		"no database, in a hosted CI":       {tool: unreachable, env: "GITHUB_ACTIONS=true", says: "::warning::"},
		"the code does not compile":         {tool: `echo 'govulncheck: loading packages:' >&2; exit 1`, code: 1, says: "the check failed"},
		"another database is passed on":     {tool: `[ "$*" = "-db file:///db ./..." ]`, env: "VULNDB=file:///db", says: "none known"},
		"the tool is missing":               {tool: "", code: 1, says: "the check failed"},
		"a finding about fetching is found": {tool: `echo 'govulncheck: fetching vulnerabilities: x'; exit 3`, code: 1, says: "vulnerabilities: found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tool := filepath.Join(t.TempDir(), "govulncheck")
			if test.tool != "" {
				if err := os.WriteFile(tool, []byte("#!/usr/bin/env bash\n"+test.tool+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			command := exec.CommandContext(t.Context(), "bash", "../../.ci/vulncheck", tool)
			command.Env = []string{"PATH=" + os.Getenv("PATH")}
			if test.env != "" {
				command.Env = append(command.Env, test.env)
			}
			out, err := command.CombinedOutput()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if code := command.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(out), test.says) {
				t.Errorf("exit code %d, want %d and %q; got:\n%s", code, test.code, test.says, out)
			}
			if test.says == "NOT CHECKED" && strings.Contains(string(out), "none known") {
				t.Errorf("claims more than was done: %s", out)
			}
		})
	}
}
