package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestExitCodeStatesTheResult(t *testing.T) {
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
		"in use":                             {"usage used", exitOK, "1 certificate: 1 in use, 0 unused, 0 unknown"},
		"unused":                             {"usage free", exitOK, "Unused according to associations, hostnames"},
		"in use and truncated":               {"usage part", exitOK, "1 in use"},
		"truncated with nothing delivered":   {"usage none", exitUnknown, "usage of 1 certificate is unknown: associations: "},
		"an old response":                    {"usage old", exitUnknown, "1 unknown"},
		"required and an old response":       {"audit --require-unused old", exitUnknown, "1 unknown"},
		"no result":                          {"usage empty", exitUnknown, "no result"},
		"refused":                            {"usage used secret", exitUnknown, `1 unknown for missing permissions: "Account: SSL and Certificates Read"`},
		"unknown to the service":             {"usage nowhere", exitUnknown, "no source could be read: get mTLS certificate: HTTP 404"},
		"unknown to the service, not unused": {"usage nowhere", exitUnknown, "which does not mean unused"},
		"audit in use":                       {"audit used free", exitOK, "2 certificates: 1 in use, 1 unused, 0 unknown"},
		"audit unknown":                      {"audit secret", exitUnknown, "Unknown is not unused"},
		"the whole account":                  {"audit", exitUnknown, "7 certificates: 2 in use, 1 unused, 4 unknown"},
		"required and all unused":            {"audit --require-unused free", exitOK, "1 unused"},
		"required and in use":                {"audit --require-unused free used", exitInUse, "not unused: 1 certificate in use"},
		"required and unknown":               {"audit --require-unused free secret", exitUnknown, "missing permissions"},
		"required, in use and unknown":       {"audit --require-unused secret used", exitInUse, "not unused"},
		"required, and nothing delivered":    {"audit --require-unused none", exitUnknown, "1 unknown"},
		"required of no certificate":         {"audit --require-unused --type mtsl", exitUnknown, "no certificate was looked up"},
		"required, and the filter drops it":  {"audit --require-unused --ca free", exitUnknown, "no certificate was looked up"},
		"required and not printed":           {"audit --require-unused --usage unused used free", exitInUse, "not unused"},
		"unknown and not printed":            {"audit --usage unused secret free", exitUnknown, "1 unused, 1 unknown"},
		"without the refused source":         {"audit --sources workers secret", exitOK, "as far as they apply; left out: associations,\n  hostnames"},
		"expiring":                           {"audit --expires-within 53w free", exitExpiring, "Only those that have expired, expire within 53w, or have an unknown expiry.\n"},
		"not expiring yet":                   {"audit --expires-within 30d free", exitOK, "0 certificates"},
		"expiring and unknown":               {"audit --expires-within 9000h secret", exitUnknown, "1 unknown"},
		"list":                               {"list", exitOK, "7 certificates\n"},
		"list what expires":                  {"list --expires-within 400d", exitExpiring, "7 certificates\nOnly those that have expired, expire within 400d, "},
		"list nothing that expires":          {"list --expires-within 2w", exitOK, "0 certificates"},
		"list of a mistyped type":            {"list --type custm", exitOK, `certuse: warning: --type: "custm" is none of the known types custom, gateway_managed and access_managed (did you mean custom?)` + "\n"},
		"list of an unknown account":         {"list --account other", exitFailure, "account other: list mTLS certificates: HTTP 404"},
		"audit of an unknown account":        {"audit --account other", exitUnknown, "No list of certificates was read.\n"},
		"audit of two accounts, one unknown": {"audit --account other --account " + testAccount + " --sources workers", exitUnknown, "7 certificates"},
		"the same certificate named twice":   {"usage used " + testAccount + "/used", exitOK, "1 repeated id left out"},
		"account in the argument":            {"usage --account other " + testAccount + "/used", exitOK, "1 in use"},
		"account of the flag comes first":    {"usage --account other used", exitUnknown, "HTTP 404"},
		"time is over":                       {"audit --timeout 1ns free", exitUnknown, "the --timeout of 1ns is over"},
		"time of a list is over":             {"list --timeout 1ns", exitUnknown, "No list of certificates was read.\n"},
		"quiet, but the time is over":        {"audit --timeout 1ns -q free", exitUnknown, "certuse: the --timeout is over: the results are incomplete\n"},
		"quiet, but a permission is missing": {"audit -q secret", exitUnknown, "missing permissions"},
		"quiet, but not unused":              {"audit -q --require-unused used", exitInUse, "not unused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := execute(t, command(t, environment(server), strings.Fields(test.args)...))
			got.expect(t, test.code, test.says)
			if strings.Contains(test.args, " -q ") && strings.Contains(got.stderr, " unused, ") {
				t.Errorf("not quiet:\n%s", got.stderr)
			}
		})
	}
}

func TestSummarySays0CertificatesOnlyIfAListWasRead(t *testing.T) {
	t.Parallel()
	const none, part = "No list of certificates was read.\n", "Not all certificates were read.\n"
	hang := apitest.Hang().Always()
	page := apitest.JSON(200, `{"success":true,"errors":[],"messages":[],"result":[{"id":"x","type":"custom","ca":false}],
		"result_info":{"page":1,"per_page":1,"count":1,"total_count":2,"total_pages":2}}`)
	for args, lists := range map[string][]apitest.Response{
		"list": {hang}, "audit --require-unused": {hang}, "delete --unused": {hang}, "delete --unused --yes --max 1": {hang}, "list --type other": {page, hang},
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, nil)
			script(t, server, listCertificates, lists...)
			got := execute(t, command(t, environment(server), strings.Fields(args+" --timeout 3s")...))
			got.expect(t, exitUnknown)
			if wantsPart := len(lists) > 1; strings.Contains(got.stderr, "0 certificates") != wantsPart || strings.Contains(got.stderr, part) != wantsPart || strings.Contains(got.stderr, none) == wantsPart {
				t.Errorf("%s", got.stderr)
			}
			if len(lists) == 1 && (got.stdout != "" || strings.Contains(got.stderr, "deletes") || strings.HasPrefix(args, "delete") != strings.HasSuffix(got.stderr, "\nNothing was deleted.\n")) {
				t.Errorf("%q, and %s", got.stdout, got.stderr)
			}
		})
	}
}

func TestWrongUsageExitsWith2AndSendsNothing(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	list := fileWith(t, "used\n\n# comment\nno good\nnor this\n")
	env := environment(server)
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
		"no command":                 {env, "", []string{"a command is missing", "certuse help"}},
		"unknown command":            {env, "lst used", []string{`unknown command "lst"`, "did you mean list?", "--help"}},
		"unknown command and flag":   {env, "lst --demo", []string{`unknown command "lst"`, "did you mean list?", "--help"}},
		"flag before its command":    {env, "--demo audit", []string{"--demo belongs after the command: certuse audit --demo"}},
		"flag without a command":     {env, "--demo", []string{"--demo belongs after the command: certuse audit --demo"}},
		"flag of another command":    {env, "--max 3", []string{"--max belongs after the command: certuse delete --max"}},
		"short flag, no command":     {env, "-o json", []string{"-o belongs after the command: certuse audit -o"}},
		"unknown flag, no command":   {env, "--frobnicate", []string{"unknown flag: --frobnicate"}},
		"unknown flag":               {env, "usage --frobnicate used", []string{"unknown flag", "certuse usage --help"}},
		"a token as a flag":          {env, "usage --token abc used", []string{"unknown flag: --token"}},
		"a token as another flag":    {env, "usage --api-token abc used", []string{"unknown flag: --api-token"}},
		"unknown format":             {env, "usage -o xml used", []string{`"xml"`, "table, wide, json, jsonl, csv, id, prometheus"}},
		"no certificate is named":    {env, "usage", []string{"no certificate is named", "--demo", "certuse audit"}},
		"certificates to list":       {env, "list used", []string{"list takes no certificates", "certuse usage CERT"}},
		"no account at all":          {without(account), "audit", []string{"no account", "--account", account}},
		"an id with two accounts":    {env, "usage --account a --account b used", []string{"argument 1", "ACCOUNT/ID"}},
		"mistyped flag":              {env, "audit --require-unusd used", []string{"did you mean --require-unused?"}},
		"mistyped topic":             {env, "help exitcodes", []string{"did you mean exit-codes?"}},
		"mistyped column":            {env, "audit --columns nme used", []string{`--columns: "nme" is none of `, "(did you mean name?)\n"}},
		"columns with -o id":         {env, "audit -o id --columns name used", []string{"--columns is for table, wide and csv, not for id"}},
		"columns with -o prometheus": {env, "list --columns name -o prometheus", []string{"--columns is for table, wide and csv, not for prometheus"}},
		"columns with -o json":       {env, "delete -o json --columns name used", []string{"--columns is for table, wide and csv, not for json"}},
		"columns with -o jsonl":      {env, "usage -o jsonl --columns name used", []string{"--columns is for table, wide and csv, not for jsonl"}},
		"column given twice":         {env, "audit --columns issuer,name,Issuer used", []string{"--columns: issuer is given twice"}},
		"mistyped source":            {env, "audit --sources worker used", []string{"--sources", "did you mean workers?"}},
		"mistyped usage":             {env, "audit --usage unsued used", []string{"--usage", "did you mean unused?"}},
		"quiet and debug":            {env, "list -q --debug", []string{"certuse: --quiet and --debug exclude each other\n"}},
		"opposite of a usage":        {env, "audit --usage used used", []string{`"used" is none of in_use, unused, unknown` + "\n"}},
		"mistyped order":             {env, "list --sort nam", []string{"--sort", "did you mean name?"}},
		"no similar column":          {env, "audit --columns id used", []string{"gathered_at, sources\n"}},
		"two columns, one nearer":    {env, "audit --columns nam used", []string{`--columns: "nam" is none of `, "(did you mean name?)\n"}},
		"mistyped format":            {env, "list -o tabel", []string{"did you mean table?"}},
		"duration without a unit":    {env, "list --expires-within 30", []string{`--expires-within: "30" is not a duration`}},
		"duration below zero":        {env, "list --expires-within=-3d", []string{`--expires-within: "-3d" is not above zero` + "\n"}},
		"duration out of range":      {env, "list --expires-within 200000d", []string{`--expires-within: "200000d" is out of range: at most 106751d` + "\n"}},
		"hours out of range":         {env, "wait --timeout 9999999h used", []string{`--timeout: "9999999h" is out of range: at most 106751d` + "\n"}},
		"infinite duration":          {env, "audit --resume --max-age 1e999w", []string{`--max-age: "1e999w" is out of range`}},
		"duration without a number":  {env, "list --timeout nand", []string{`--timeout: "nand" is not a duration`}},
		"timeout of zero":            {env, "list --timeout 0s", []string{`--timeout: "0s" is not above zero` + "\n"}},
		"CA and leaf":                {env, "list --ca --leaf", []string{"certuse: --ca and --leaf exclude each other\n"}},
		"empty list of sources":      {env, "audit --sources=", []string{"--sources is empty"}},
		"empty --output-file":        {env, "audit --output-file=", []string{"--output-file is empty"}},
		"output to -":                {env, "list --output-file -", []string{"certuse: --output-file: -: leave out --output-file to write to standard output"}},
		"output to a directory":      {env, "list --output-file " + filepath.Dir(list), []string{"not a regular file"}},
		"output to nowhere":          {env, "list --output-file " + list + "/x", []string{": its directory: not a directory\n"}},
		"list that is a directory":   {env, "audit --from " + filepath.Dir(list), []string{"is a directory"}},
		"quoted token":               {append(without(token), token+`="`+testToken+`"`), "audit", []string{token + " has quotation marks around"}},
		"padded token":               {append(without(token), token+"="+testToken+"\n"), "audit", []string{token + " has white space around"}},
		"token with its scheme":      {append(without(token), token+"=Bearer "+testToken), "audit", []string{token + ` begins with "Bearer"`}},
		"token with a blank":         {append(without(token), token+"=a b"), "audit", []string{token + " has white space"}},
		"quoted account":             {append(without(account), account+"='"+testAccount+"'"), "audit --from " + list, []string{account + " has quotation marks around"}},
		"padded account":             {append(without(account), account+"="+testAccount+" "), "usage used", []string{account + " has white space around"}},
		"bad account in a variable":  {append(without(account), account+"=a.b"), "usage used", []string{account + ": the account id has"}},
		"named twice":                {env, "audit --from " + list + " used", []string{"--from, not both"}},
		"two lists":                  {env, "audit --from " + list + " --from " + list + " --require-unused", []string{"--from is given 2 times"}},
		"demo with an id":            {env, "usage --demo used", []string{"--demo brings its own", "'certuse usage --demo' shows all"}},
		"demo with a list":           {env, "audit --demo --from " + list, []string{"--demo brings its own"}},
		"no credentials":             {without(token), "usage used", []string{token, "CLOUDFLARE_EMAIL", "CLOUDFLARE_API_KEY", "--demo"}},
		"empty credentials":          {append(without(token), token+"="), "usage used", []string{token}},
		"email without a key":        {append(without(token), "CLOUDFLARE_EMAIL=a@example.com"), "usage used", []string{"CLOUDFLARE_API_KEY"}},
		"no account":                 {without(account), "usage used", []string{"argument 1", "--account", account}},
		"bad id":                     {env, "usage used ../../user", []string{"argument 2"}},
		"bad account":                {env, "usage --account a.b used", []string{"--account: the account id has"}},
		"empty account":              {env, "usage --account= used", []string{"certuse: --account is empty\n"}},
		"empty account, --demo":      {env, "audit --demo --account=", []string{"certuse: --account is empty\n"}},
		"empty, unneeded account":    {env, "usage --account= " + testAccount + "/used", []string{"certuse: --account is empty\n"}},
		"empty format":               {env, "usage --output= used", []string{`--output: "" is none of table, `}},
		"empty --from":               {env, "audit --from=", []string{"certuse: --from is empty: "}},
		"bad line":                   {env, "audit --from " + list, []string{"certuse: " + list + ": line 4: ", "certuse: " + list + ": line 5: ", "certuse: nothing was sent"}},
		"no such file":               {env, "audit --from " + list + ".txt", []string{"cannot read the list", "no such file"}},
		"empty list":                 {env, "audit --require-unused --from " + os.DevNull, []string{"names no certificate"}},
		"unencrypted base URL":       {append(env, "CLOUDFLARE_BASE_URL=http://example.com"), "usage used", []string{"certuse: CLOUDFLARE_BASE_URL: "}},
		"base URL that is not one":   {append(env, "CLOUDFLARE_BASE_URL=:"), "usage used", []string{"certuse: CLOUDFLARE_BASE_URL: "}},
		"negative rate limit":        {env, "usage --rate-limit=-1 used", []string{"certuse: --rate-limit: "}},
		"rate limit of letters":      {env, "usage --rate-limit x used", []string{`certuse: --rate-limit: "x" is not a number` + "\n", "certuse usage --help"}},
		"fractional rate limit":      {env, "audit --rate-limit 1.5 used", []string{`certuse: --rate-limit: "1.5" is not a whole number` + "\n"}},
		"immense rate limit":         {env, "usage --rate-limit 99999999999999999999 used", []string{`certuse: --rate-limit: "99999999999999999999" is out of range` + "\n"}},
		"a switch with a value":      {env, "usage -q=maybe used", []string{`certuse: --quiet: "maybe" is not true or false` + "\n"}},
		"negative limit, --demo":     {env, "list --demo --rate-limit=-1", []string{"--rate-limit: "}},
		"unknown help topic":         {env, "help frobnication", []string{`"frobnication"`}},
		"unknown shell":              {env, "completion tcsh", []string{"name a shell", "powershell"}},
		"no shell":                   {env, "completion", []string{"name a shell"}},
		"argument to version":        {env, "version 2", []string{`"2"`}},
		"argument to a topic":        {env, "exit-codes extra", []string{`unknown command "extra" for "certuse exit-codes"`, "certuse exit-codes --help"}},
		"arguments to a topic":       {env, "formats -- x y", []string{`"x"`}},
		"flag of a topic":            {env, "environment --frobnicate x", []string{"unknown flag: --frobnicate"}},
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
	t.Cleanup(func() { expectNoRequests(t, server) })
}

func TestRateLimitAboveTheVendorsQuotaPrintsAWarning(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	for args, warns := range map[string]bool{
		"usage used":                      false,
		"usage --rate-limit 1200 used":    false,
		"usage --rate-limit 1201 used":    true,
		"audit --rate-limit 0 used":       true,
		"audit -q --rate-limit 0 used":    false,
		"list --demo --rate-limit 100000": false,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			got := execute(t, command(t, environment(server), strings.Fields(args)...))
			got.expect(t, exitOK)
			if strings.Contains(got.stderr, "certuse: warning: --rate-limit ") != warns || strings.Contains(got.stderr, "1,200 requests in five minutes for all tools together") != warns {
				t.Errorf("want a warning: %t; standard error:\n%s", warns, got.stderr)
			}
		})
	}
}

// commandsWithoutRequests are command lines that send no request. Cobra writes most of
// their output.
var commandsWithoutRequests = []string{
	"version", "--version", "--help", "help", "list --help", "help formats", "exit-codes",
	"completion bash", "completion zsh", "completion fish", "completion powershell",
}

// fullDevice opens a file to which every write fails.
func fullDevice(t *testing.T) *os.File {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no device that is always full: %v", err)
	}
	t.Cleanup(func() { _ = full.Close() })
	return full
}

func TestFailedStandardOutputIsAFailure(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	for _, args := range append([]string{
		"usage used", "usage -o json used", "audit -o jsonl used", "audit -o csv used", "audit used",
	}, commandsWithoutRequests...) {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, environment(server), strings.Fields(args)...)
			cmd.Stdout = fullDevice(t)
			got := execute(t, cmd)
			got.expect(t, exitFailure, "cannot write to standard output", "no space left")
			if n := strings.Count(got.stderr, "\n"); n != 1 {
				t.Errorf("%d lines about one failure:\n%s", n, got.stderr)
			}
		})
	}
}

func TestDeletionIsReportedIfItsRecordCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"delete --yes -q", "delete --yes -q -o jsonl", "delete --yes", "delete --unused --max 3 --yes -q -o json"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(args, "--unused") {
				args += " free-1"
			}
			server := newDeletionServer(t)
			cmd := command(t, environment(server), strings.Fields(args)...)
			cmd.Stdout = fullDevice(t)
			got := execute(t, cmd)
			got.expect(t, exitFailure, "cannot write to standard output")
			if slices.Contains(storedIDs(t, server), "free-1") || strings.Count(got.stderr, "certuse: deleted: name of free-1 (free-1)\n") != 1 {
				t.Errorf("stored %v, printed:\n%s", storedIDs(t, server), got.stderr)
			}
		})
	}
}

func TestNothingIsDeletedAfterARecordCouldNotBeWritten(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"free-1": unused, "used": inUse.After(time.Second)})
	cmd := command(t, environment(server), "delete", "--unused", "--yes", "--max", "1", "-o", "jsonl")
	cmd.Stdout = fullDevice(t)
	execute(t, cmd).expect(t, exitFailure, "cannot write to standard output")
	if ids := storedIDs(t, server); !slices.Contains(ids, "free-1") {
		t.Errorf("stored: %v", ids)
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
		cmd := command(t, environment(server), args...)
		cmd.Path, cmd.Args = shell, append([]string{"sh", "-c", `exec "$0" "$@" ` + to}, cmd.Args...)
		return execute(t, cmd)
	}
	for _, args := range append([]string{"usage used", "audit -q -o csv used", "audit --require-unused used"}, commandsWithoutRequests...) {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			redirected(t, ">&-", strings.Fields(args)...).expect(t, exitFailure, "certuse: standard output is closed")
		})
	}
	t.Cleanup(func() { expectNoRequests(t, server) })
	t.Run("discarded", func(t *testing.T) {
		t.Parallel()
		redirected(t, ">/dev/null", "version").expect(t, exitOK)
	})
}

func TestFailedStandardErrorReplacesOnlyExitCode0(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	for args, code := range map[string]int{
		"usage used":                  exitFailure,
		"usage -q used":               exitOK, // prints nothing to standard error
		"audit --require-unused used": exitInUse,
		"usage --no-such-flag":        exitUsage,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, environment(server), strings.Fields(args)...)
			cmd.Stderr = fullDevice(t)
			execute(t, cmd).expect(t, code)
		})
	}
}

func TestClosedPipeOfStandardErrorReplacesOnlyExitCode0(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	for args, code := range map[string]int{"usage used": exitPipe, "audit --require-unused used": exitInUse} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, environment(server), strings.Fields(args)...)
			cmd.Stderr = closedPipe(t)
			execute(t, cmd).expect(t, code)
		})
	}
}

func TestWrongUsageIsReportedWithoutEscapeSequences(t *testing.T) {
	t.Parallel()
	const takeover = "\x1b]0;owned\x07\x1b[2J"
	for _, args := range [][]string{
		{takeover}, {"list", "--" + takeover}, {"usage", "-o", takeover, "x"}, {"help", takeover},
		{"audit", "--from", takeover}, {"usage", takeover}, {"list", takeover},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			env := []string{"CLOUDFLARE_API_TOKEN=" + testToken, "CLOUDFLARE_ACCOUNT_ID=" + testAccount}
			got := execute(t, command(t, env, args...))
			got.expect(t, exitUsage)
			got.expectPrintable(t)
		})
	}
}
