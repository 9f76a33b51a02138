package supplychain

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The vulnerability check reports its result: an unreachable database must not look
// like a clean result.
func TestVulnerabilityCheckReportsItsResult(t *testing.T) {
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
		"no database, but it is required":   {tool: unreachable, env: "REQUIRE_VULNDB=1", code: 1, says: "NOT CHECKED"},
		"no database, in a hosted CI":       {tool: unreachable, env: "GITHUB_ACTIONS=true", says: "::warning::"},
		"the code does not compile":         {tool: `echo 'govulncheck: loading packages:' >&2; exit 1`, code: 1, says: "the check failed"},
		"another database is passed on":     {tool: `[ "$*" = "-db file:///db ./..." ]`, env: "VULNDB=file:///db", says: "none known"},
		"the tool is missing":               {tool: "", code: 1, says: "the check failed"},
		"found, with a text about fetching": {tool: `echo 'govulncheck: fetching vulnerabilities: x'; exit 3`, code: 1, says: "vulnerabilities: found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := script(t, ".ci/vulncheck", test.tool, test.env)
			if code != test.code || !strings.Contains(out, test.says) {
				t.Errorf("exit code %d, want %d and %q; got:\n%s", code, test.code, test.says, out)
			}
			if test.says == "NOT CHECKED" && strings.Contains(out, "none known") {
				t.Errorf("claims more than was done: %s", out)
			}
		})
	}
}

// script runs the script at path. Its first argument is a tool with the text of
// program. If program is empty, the tool is missing.
func script(t *testing.T, path, program string, env ...string) (code int, output string) {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "tool")
	if program != "" {
		if err := os.WriteFile(tool, []byte("#!/usr/bin/env bash\n"+program+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "bash", "../../"+path, tool)
	command.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	out, err := command.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(out)
}
