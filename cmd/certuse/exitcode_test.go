package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestExitCodeSaysHowTheAnswersEnded(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{
		"used": inUse, "free": unused, "secret": refused,
		"part":  apitest.PartialAssociations(2000, api.Association{Service: "gateway", Status: "active"}),
		"none":  apitest.PartialAssociations(2000),
		"empty": apitest.NoResult(),
		"old":   unused.WithHeader("Age", "60"),
	})
	tests := map[string]struct {
		args string
		code int
		says string
	}{
		"in use":                             {"list used", exitOK, "1 certificate: 1 in use, 0 unused, 0 unknown"},
		"unused":                             {"list free", exitOK, "0 in use, 1 unused, 0 unknown"},
		"in use and truncated":               {"list part", exitOK, "1 answer truncated"},
		"truncated with nothing delivered":   {"list none", exitUnknown, "Unknown is not unused: 1 truncated"},
		"an old answer":                      {"list old", exitUnknown, "1 stale"},
		"required and an old answer":         {"audit --require-unused old", exitUnknown, "old responses"},
		"no result":                          {"list empty", exitUnknown, "1 no_result"},
		"refused":                            {"list used secret", exitUnknown, "check the account id"},
		"unknown to the service":             {"list nowhere", exitUnknown, "1 not_found"},
		"audit in use":                       {"audit used free", exitOK, "2 certificates: 1 in use, 1 unused, 0 unknown"},
		"audit unknown":                      {"audit secret", exitUnknown, "1 forbidden"},
		"required and all unused":            {"audit --require-unused free", exitOK, "1 unused"},
		"required and in use":                {"audit --require-unused free used", exitInUse, "not unused: 1 certificate in use"},
		"required and unknown":               {"audit --require-unused free secret", exitUnknown, "1 forbidden"},
		"required, in use and unknown":       {"audit --require-unused secret used", exitInUse, "not unused"},
		"required and truncated to nothing":  {"audit --require-unused none", exitUnknown, "1 truncated"},
		"the same certificate named twice":   {"list used " + testAccount + "/used", exitOK, "1 repeated id left out"},
		"account in the argument":            {"list --account other " + testAccount + "/used", exitOK, "1 in use"},
		"account of the flag comes first":    {"list --account other used", exitUnknown, "1 not_found"},
		"quiet about answers":                {"audit -q secret", exitUnknown, ""},
		"quiet, but not about what is wrong": {"audit -q --require-unused used", exitInUse, "not unused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := execute(t, command(t, against(server), strings.Fields(test.args)...))
			got.expect(t, test.code, test.says)
			if strings.Contains(test.args, " -q ") && strings.Contains(got.stderr, " unused, ") {
				t.Errorf("not quiet:\n%s", got.stderr)
			}
		})
	}
}

func TestWrongUsageExitsWith2AndSendsNothing(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	list := filepath.Join(t.TempDir(), "ids.txt")
	if err := os.WriteFile(list, []byte("used\n\n# comment\nno good\nnor this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := against(server)
	without := func(names ...string) []string {
		var kept []string
		for _, pair := range env {
			name, _, _ := strings.Cut(pair, "=")
			if !strings.Contains(strings.Join(names, " "), name) {
				kept = append(kept, pair)
			}
		}
		return kept
	}
	const token, account = "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID"
	tests := map[string]struct {
		env  []string
		args string
		says []string
	}{
		"no command":               {env, "", []string{"a command is missing", "certuse help"}},
		"unknown command":          {env, "lst used", []string{`unknown command "lst"`, "--help"}},
		"unknown flag":             {env, "list --frobnicate used", []string{"unknown flag", "certuse list --help"}},
		"a token as a flag":        {env, "list --token abc used", []string{"unknown flag: --token"}},
		"a token as another flag":  {env, "list --api-token abc used", []string{"unknown flag: --api-token"}},
		"unknown format":           {env, "list -o xml used", []string{`"xml"`, "table, json, jsonl, csv"}},
		"nothing to list":          {env, "list", []string{"no certificate is named", "--demo"}},
		"nothing to audit":         {env, "audit", []string{"no certificate is named", "--from"}},
		"named twice":              {env, "audit --from " + list + " used", []string{"--from, not both"}},
		"two lists":                {env, "audit --from " + list + " --from " + list + " --require-unused", []string{"--from is given 2 times"}},
		"demo of one's own":        {env, "list --demo used", []string{"--demo brings its own"}},
		"demo of one's own list":   {env, "audit --demo --from " + list, []string{"--demo brings its own"}},
		"no credentials":           {without(token), "list used", []string{token, "CLOUDFLARE_EMAIL", "CLOUDFLARE_API_KEY", "--demo"}},
		"empty credentials":        {append(without(token), token+"="), "list used", []string{token}},
		"half a pair":              {append(without(token), "CLOUDFLARE_EMAIL=a@example.com"), "list used", []string{"CLOUDFLARE_API_KEY"}},
		"no account":               {without(account), "list used", []string{"argument 1", "--account", account}},
		"bad id":                   {env, "list used ../../user", []string{"argument 2"}},
		"bad account":              {env, "list --account a.b used", []string{"argument 1: the account id has"}},
		"empty account":            {env, "list --account= used", []string{"certuse: --account is empty\n"}},
		"empty account of a demo":  {env, "audit --demo --account=", []string{"certuse: --account is empty\n"}},
		"empty account, needless":  {env, "list --account= " + testAccount + "/used", []string{"certuse: --account is empty\n"}},
		"empty format":             {env, "list --output= used", []string{`"" is not an output format`}},
		"empty name of a list":     {env, "audit --from=", []string{"certuse: --from is empty: "}},
		"bad line":                 {env, "audit --from " + list, []string{"certuse: " + list + ": line 4: ", "certuse: " + list + ": line 5: ", "certuse: nothing was sent"}},
		"no such file":             {env, "audit --from " + list + ".txt", []string{"cannot read the list", "no such file"}},
		"empty list":               {env, "audit --require-unused --from " + os.DevNull, []string{"names no certificate"}},
		"base URL in clear":        {append(env, "CLOUDFLARE_BASE_URL=http://example.com"), "list used", []string{"certuse: CLOUDFLARE_BASE_URL: "}},
		"base URL that is not one": {append(env, "CLOUDFLARE_BASE_URL=:"), "list used", []string{"certuse: CLOUDFLARE_BASE_URL: "}},
		"negative rate limit":      {env, "list --rate-limit=-1 used", []string{"certuse: --rate-limit: "}},
		"rate limit of letters":    {env, "list --rate-limit x used", []string{`certuse: --rate-limit: "x" is not a number` + "\n", "certuse list --help"}},
		"fractional rate limit":    {env, "audit --rate-limit 1.5 used", []string{`certuse: --rate-limit: "1.5" is not a whole number` + "\n"}},
		"immense rate limit":       {env, "list --rate-limit 99999999999999999999 used", []string{`certuse: --rate-limit: "99999999999999999999" is out of range` + "\n"}},
		"a switch with a value":    {env, "list -q=maybe used", []string{`certuse: --quiet: "maybe" is not true or false` + "\n"}},
		"negative limit of a demo": {env, "list --demo --rate-limit=-1", []string{"--rate-limit: "}},
		"unknown help topic":       {env, "help frobnication", []string{`"frobnication"`}},
		"unknown shell":            {env, "completion tcsh", []string{"name a shell", "powershell"}},
		"no shell":                 {env, "completion", []string{"name a shell"}},
		"argument to version":      {env, "version 2", []string{`"2"`}},
		"argument to a topic":      {env, "exit-codes extra", []string{`unknown command "extra" for "certuse exit-codes"`, "certuse exit-codes --help"}},
		"arguments to a topic":     {env, "formats -- x y", []string{`"x"`}},
		"flag of a topic":          {env, "environment --frobnicate x", []string{"unknown flag: --frobnicate"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := execute(t, command(t, test.env, strings.Fields(test.args)...))
			got.expect(t, exitUsage, test.says...)
			if got.stdout != "" {
				t.Errorf("standard output is not empty: %q", got.stdout)
			}
			if !strings.HasPrefix(got.stderr, "certuse: ") {
				t.Errorf("the message does not name the program: %q", got.stderr)
			}
			if strings.Contains(got.stderr, "strconv") {
				t.Errorf("the message shows the inside of the program: %q", got.stderr)
			}
		})
	}
	t.Cleanup(func() {
		if asked := server.Requests(); len(asked) > 0 {
			t.Errorf("%d requests were sent", len(asked))
		}
	})
}

func TestRateLimitAboveTheVendorsQuotaIsWarnedOf(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	for args, warns := range map[string]bool{
		"list used":                       false,
		"list --rate-limit 1200 used":     false,
		"list --rate-limit 1201 used":     true,
		"audit -q --rate-limit 0 used":    true,
		"list --demo --rate-limit 100000": false,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			got := execute(t, command(t, against(server), strings.Fields(args)...))
			got.expect(t, exitOK)
			if strings.Contains(got.stderr, "certuse: warning: --rate-limit ") != warns || strings.Contains(got.stderr, "1,200 requests in five minutes for all tools together") != warns {
				t.Errorf("want a warning: %t; standard error:\n%s", warns, got.stderr)
			}
		})
	}
}

// withoutAnswers are the command lines that print something else: the library
// for command lines writes most of it.
var withoutAnswers = []string{
	"version", "--version", "--help", "help", "list --help", "help formats", "exit-codes",
	"completion bash", "completion zsh", "completion fish", "completion powershell",
}

// fullDevice is a file to which every write fails.
func fullDevice(t *testing.T) *os.File {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no device that is always full: %v", err)
	}
	t.Cleanup(func() { _ = full.Close() })
	return full
}

func TestStandardOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	for _, args := range append([]string{
		"list used", "list -o json used", "audit -o jsonl used", "audit -o csv used", "audit used",
	}, withoutAnswers...) {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, against(server), strings.Fields(args)...)
			cmd.Stdout = fullDevice(t)
			got := execute(t, cmd)
			got.expect(t, exitFailure, "cannot write to standard output", "no space left")
			if n := strings.Count(got.stderr, "\n"); n != 1 {
				t.Errorf("%d lines about one failure:\n%s", n, got.stderr)
			}
		})
	}
}

func TestClosedStandardOutputIsAFailure(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skipf("no shell to close standard output: %v", err)
	}
	redirected := func(t *testing.T, to string, args ...string) outcome {
		cmd := command(t, against(server), args...)
		cmd.Path, cmd.Args = shell, append([]string{"sh", "-c", `exec "$0" "$@" ` + to}, cmd.Args...)
		return execute(t, cmd)
	}
	for _, args := range append([]string{"list used", "audit -q -o csv used", "audit --require-unused used"}, withoutAnswers...) {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			redirected(t, ">&-", strings.Fields(args)...).expect(t, exitFailure, "certuse: standard output is closed")
		})
	}
	t.Cleanup(func() {
		if asked := server.Requests(); len(asked) > 0 {
			t.Errorf("%d requests were sent", len(asked))
		}
	})
	t.Run("discarded", func(t *testing.T) {
		t.Parallel()
		redirected(t, ">/dev/null", "version").expect(t, exitOK)
	})
}

func TestStandardErrorThatCannotBeWrittenIsNoSuccess(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	for args, code := range map[string]int{
		"list used":                   exitFailure,
		"list -q used":                exitOK, // prints nothing there
		"audit --require-unused used": exitInUse,
		"list --no-such-flag":         exitUsage,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, against(server), strings.Fields(args)...)
			cmd.Stderr = fullDevice(t)
			execute(t, cmd).expect(t, code)
		})
	}
}

func TestWrongUsageIsToldWithoutEscapeSequences(t *testing.T) {
	t.Parallel()
	const takeover = "\x1b]0;owned\x07\x1b[2J"
	for _, args := range [][]string{
		{takeover}, {"list", "--" + takeover}, {"list", "-o", takeover, "x"}, {"help", takeover},
		{"audit", "--from", takeover}, {"list", takeover},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			env := []string{"CLOUDFLARE_API_TOKEN=" + testToken, "CLOUDFLARE_ACCOUNT_ID=" + testAccount}
			got := execute(t, command(t, env, args...))
			got.expect(t, exitUsage)
			for line := range strings.SplitSeq(strings.TrimSuffix(got.stderr, "\n"), "\n") {
				if !isPrintable(line) {
					t.Errorf("not printable: %q", line)
				}
			}
		})
	}
}
