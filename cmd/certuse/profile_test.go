package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/generated"
)

const (
	secondAccount = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	thirdAccount  = "cccccccccccccccccccccccccccccccc"
	secondToken   = "canary-token-of-another-user"
)

// users is a service with two users. The token of the first sees testAccount, which has
// the certificate "used". The token of the second sees secondAccount and thirdAccount,
// which each have a certificate "free". env has both tokens and the folder of
// config.yaml.
type users struct {
	first, second *apitest.Server
	env           []string
}

func newUsers(t *testing.T, config string) users {
	t.Helper()
	u := users{first: newFake(t, map[string]apitest.Response{"used": inUse})}
	var err error
	if u.second, err = apitest.NewServer(apitest.WithAPIToken(secondToken)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.second.Close)
	for _, account := range []string{secondAccount, thirdAccount} {
		cert := api.CertificateRef{AccountID: account, ID: "free"}
		requireNoError(t, u.second.AddAccount(account), u.second.AddCertificate(cert, apitest.Certificate{}))
	}
	proxies := map[string]*httputil.ReverseProxy{}
	path := ""
	for token, server := range map[string]*apitest.Server{testToken: u.first, secondToken: u.second} {
		target, err := url.Parse(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		path = target.Path
		proxies["Bearer "+token] = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: target.Scheme, Host: target.Host}) }}
	}
	router := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if proxy := proxies[r.Header.Get("Authorization")]; proxy != nil {
			proxy.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(router.Close)
	home := t.TempDir()
	if config != "" {
		requireNoError(t, os.Mkdir(filepath.Join(home, "certuse"), 0o700))
		requireNoError(t, os.WriteFile(filepath.Join(home, "certuse", "config.yaml"), []byte(config), 0o600))
	}
	u.env = []string{
		"XDG_CONFIG_HOME=" + home, "HOME=" + home, "AppData=" + home, "CLOUDFLARE_BASE_URL=" + router.URL + path,
		"FIRST_TOKEN=" + testToken, "SECOND_TOKEN=" + secondToken, "QUOTED='" + testToken + "'", "EMAIL=a@example.com",
	}
	return u
}

const twoProfiles = `
profiles:
  first:
    accounts: [` + testAccount + `]
    api_token_env: FIRST_TOKEN
  second:
    accounts: [` + secondAccount + `, ` + thirdAccount + `]
    sources: [associations, pages]
    api_token_env: SECOND_TOKEN
`

func (u users) run(t *testing.T, args string) outcome {
	t.Helper()
	got := execute(t, command(t, u.env, strings.Fields(args)...))
	if strings.Contains(got.stdout+got.stderr, secondToken) {
		t.Errorf("a token is shown:\n%s\n%s", got.stdout, got.stderr)
	}
	return got
}

func TestOneReportCoversAllProfiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args   string
		code   int
		says   string
		stdout string // sorted
	}{
		"both":               {"audit -o id --profile first,second", exitOK, "3 certificates: 1 in use, 2 unused, 0 unknown", testAccount + "/used " + secondAccount + "/free " + thirdAccount + "/free"},
		"exit code for all":  {"audit -o id --profile second --profile first --require-unused", exitInUse, "1 certificate in use", testAccount + "/used " + secondAccount + "/free " + thirdAccount + "/free"},
		"one":                {"audit -o id --profile first", exitOK, "1 certificate: 1 in use", "used"},
		"twice the same":     {"list -o id --profile first --profile first", exitOK, "1 certificate", "used"},
		"an account":         {"list -o id --profile first,second --account " + thirdAccount, exitOK, "1 certificate", "free"},
		"named certificates": {"usage -o id --profile first,second " + testAccount + "/used " + thirdAccount + "/free", exitOK, "1 in use, 1 unused", testAccount + "/used " + thirdAccount + "/free"},
		"id without account": {"usage -o id --profile first used", exitOK, "1 in use", "used"},
		"sources of all":     {"audit -o id --profile first,second", exitOK, "Unused according to associations and pages, as far as they apply; left out:\n  hostnames, workers,", testAccount + "/used " + secondAccount + "/free " + thirdAccount + "/free"},
		"sources by a flag":  {"audit -o id --profile second --sources workers", exitOK, "Unused according to workers, as far as they apply;", secondAccount + "/free " + thirdAccount + "/free"},
		"two sources":        {"audit -o id --profile second --sources workers,pages", exitOK, "Unused according to workers and pages, as far as they apply;", secondAccount + "/free " + thirdAccount + "/free"},
		"a deletion":         {"delete -o id --profile second --unused", exitOK, "2 would be deleted", secondAccount + "/free " + thirdAccount + "/free"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUsers(t, twoProfiles)
			got := u.run(t, test.args)
			got.expect(t, test.code, test.says)
			ids := strings.Fields(got.stdout)
			slices.Sort(ids)
			if strings.Join(ids, " ") != test.stdout {
				t.Errorf("%v, want %s", ids, test.stdout)
			}
			read := slices.ContainsFunc(u.second.Requests(), func(r apitest.Request) bool { return r.Operation == generated.ListWorkersOperation.ID })
			if narrowed := !strings.Contains(test.args, "workers") && !strings.Contains(test.args, "delete"); read == narrowed {
				t.Errorf("Workers of the second profile were read: %t", read)
			}
		})
	}
}

func TestProfilesWithTheSameTokenShareALimit(t *testing.T) {
	t.Parallel()
	const config = `
profiles:
  a: {accounts: [` + secondAccount + `], api_token_env: SECOND_TOKEN, sources: [pages]}
  b: {accounts: [` + thirdAccount + `], api_token_env: ALIAS, sources: [pages]}
  c: {accounts: [` + testAccount + `], api_token_env: FIRST_TOKEN, sources: [pages]}
`
	u := newUsers(t, config)
	u.env = append(u.env, "ALIAS="+secondToken)
	u.run(t, "audit --profile a,c --rate-limit 2 --timeout 20s").expect(t, exitOK)
	u.run(t, "audit --profile a,b --rate-limit 2 --timeout 2s").expect(t, exitUnknown, "the --timeout of 2s is over")
}

func TestWrongProfilesAreRefusedWithoutTheirValues(t *testing.T) {
	t.Parallel()
	one := func(lines string) string { return "profiles:\n  x:\n    accounts: [" + testAccount + "]\n" + lines }
	tests := map[string]struct{ config, args, says string }{
		"no file":                    {"", "list --profile first", "there are no profiles: "},
		"no such profile":            {twoProfiles, "list --profile frist", `there is no profile "frist" in `},
		"mistyped":                   {twoProfiles, "list --profile frist", "did you mean first?"},
		"empty name":                 {twoProfiles, "list --profile=", "--profile is empty"},
		"one of two names empty":     {twoProfiles, "list --profile first,", "--profile is empty"},
		"with the demo":              {twoProfiles, "list --profile first --demo", "--demo brings its own"},
		"account of no profile":      {twoProfiles, "list --profile first --account " + thirdAccount, "is in no profile"},
		"certificate of no profile":  {twoProfiles, "usage --profile first " + thirdAccount + "/free", "is in no profile"},
		"several accounts":           {twoProfiles, "upload --profile second --cert x", "upload needs one account, not 2: give one --account (or, without --profile, CLOUDFLARE_ACCOUNT_ID), or try --demo\n"},
		"an account in two profiles": {twoProfiles + "  third: {accounts: [" + testAccount + "], api_token_env: FIRST_TOKEN}", "list --profile first,third", "is in first and in third"},
		"empty file":                 {"# nothing", "list --profile x", "there are no profiles in "},
		"not YAML":                   {"profiles: [" + testToken, "list --profile x", "is not valid YAML"},
		"two documents":              {twoProfiles + "---\nprofiles: {}\n", "list --profile first", "more than one YAML document"},
		"unknown key":                {one("    api_token: " + testToken + "\n"), "list --profile x", "line 4 has an unknown key: see 'certuse help environment'"},
		"secret as a key":            {one("    " + testToken + ": x\n"), "list --profile x", "line 4 has an unknown key"},
		"unknown section":            {"profile: {}\n", "list --profile x", "line 1 has an unknown key"},
		"key given twice":            {one("    accounts: []\n"), "list --profile x", "line 4 has a key a second time"},
		"value of another kind":      {"profiles: " + testToken, "list --profile x", "line 1 has a value of another kind"},
		"token as a variable name":   {one("    api_token_env: " + testToken + "\n"), "list --profile x", "profile x: api_token_env is the name of an environment variable"},
		"key as a variable name":     {one("    email_env: EMAIL\n    api_key_env: c2547eb745079dac9320b638f5e225cf483cc5cfdda41\n"), "list --profile x", "profile x: api_key_env is the name of"},
		"email as a variable name":   {one("    email_env: a@example.com\n    api_key_env: KEY\n"), "list --profile x", "profile x: email_env is the name of"},
		"token in another profile":   {twoProfiles + "  third: {accounts: [a], api_token_env: " + testToken + "}", "list --profile first", "profile third: api_token_env is the name of"},
		"no credentials":             {one(""), "list --profile x", "profile x: give api_token_env, or email_env and api_key_env"},
		"token and pair":             {one("    api_token_env: A\n    email_env: B\n    api_key_env: C\n"), "list --profile x", "profile x: give api_token_env, or"},
		"token and an email":         {one("    api_token_env: A\n    email_env: B\n"), "list --profile x", "profile x: give api_token_env, or"},
		"key without an email":       {one("    api_key_env: C\n"), "list --profile x", "profile x: give api_token_env, or"},
		"profile without a name":     {`profiles: {"": {api_token_env: FIRST_TOKEN, accounts: [a]}}`, "list --profile x", "config.yaml: a profile has an empty name"},
		"no accounts":                {"profiles: {x: {api_token_env: FIRST_TOKEN}}", "list --profile x", "profile x: accounts has no account id"},
		"bad account":                {"profiles: {x: {api_token_env: FIRST_TOKEN, accounts: [a/b]}}", "list --profile x", "profile x: account 1: "},
		"unknown source":             {one("    api_token_env: FIRST_TOKEN\n    sources: [pages, " + testToken + "]\n"), "list --profile x", "profile x: source 2 is none of "},
		"variable not set":           {one("    api_token_env: MISSING\n"), "list --profile x", "profile x: no credentials: set MISSING"},
		"pair not set":               {one("    email_env: NO_EMAIL\n    api_key_env: NO_KEY\n"), "list --profile x", "profile x: no credentials: set NO_EMAIL and NO_KEY"},
		"key of a pair not set":      {one("    email_env: EMAIL\n    api_key_env: NO_KEY\n"), "list --profile x", "profile x: no credentials: EMAIL is set but NO_KEY is not"},
		"quoted token":               {one("    api_token_env: QUOTED\n"), "list --profile x", "profile x: QUOTED has quotation marks around its value"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUsers(t, test.config)
			got := u.run(t, test.args) // run fails if the output has a token
			got.expect(t, exitUsage, "certuse: ", test.says)
			for _, secret := range []string{"c2547eb", testToken[:8], "a@example"} {
				if strings.Contains(got.stdout+got.stderr, secret) {
					t.Errorf("a value is shown:\n%s", got.stderr)
				}
			}
			if n := len(u.first.Requests()) + len(u.second.Requests()); n > 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func TestNumericAccountIDIsText(t *testing.T) {
	t.Parallel()
	for _, account := range []string{"00112233445566778899001122334455", "0x112233", "12345678e90123456789012345678901", "1_000"} {
		file := fileWith(t, "profiles: {x: {accounts: ["+account+"], api_token_env: T}}")
		profiles, err := readProfiles(file)
		if err != nil || len(profiles["x"].Accounts) != 1 || profiles["x"].Accounts[0] != account {
			t.Errorf("%s: %+v, %v", account, profiles, err)
		}
	}
}

func TestProfilesAreReadFromARegularFileOnly(t *testing.T) {
	t.Parallel()
	for _, path := range []string{t.TempDir(), os.DevNull} {
		if _, err := readProfiles(path); err == nil || err.Error() != path+" is not a regular file" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestCompletionOffersValuesOfFlagsAndCertificatesOfProfiles(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"audit --profile ":                   "first second",
		"list --profile first,":              "first,first first,second",
		"usage --profile second ":            secondAccount + "/free " + thirdAccount + "/free",
		"usage --profile first ":             "used\tname of used",
		"usage --profile none ":              "",
		"audit --columns name,":              "name," + strings.Join(knownColumns(), " name,"),
		"audit --sources=":                   strings.Join(allSourceNames(), " "),
		"audit --usage in_use,":              "in_use,in_use in_use,unused in_use,unknown",
		"usage --profile first,second --ca ": testAccount + "/used\tname of used " + secondAccount + "/free " + thirdAccount + "/free",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			u := newUsers(t, twoProfiles)
			got := execute(t, command(t, u.env, append([]string{"__complete"}, strings.Split(args, " ")...)...))
			lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
			if offered := strings.Join(lines[:len(lines)-1], " "); offered != want || got.code != exitOK {
				t.Errorf("%q, want %q", offered, want)
			}
		})
	}
}

func TestCompletionOffersNothingWhenAnAccountCannotBeRead(t *testing.T) {
	t.Parallel()
	u := newUsers(t, twoProfiles)
	script(t, u.second, listCertificates, apitest.Forbidden().Always())
	got := execute(t, command(t, u.env, "__complete", "usage", "--profile", "first,second", ""))
	if got.stdout != ":4\n" || got.code != exitOK {
		t.Errorf("%q", got.stdout)
	}
}

func TestAuditOverProfilesIsResumed(t *testing.T) {
	t.Parallel()
	u := newUsers(t, twoProfiles)
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	audit := "audit -o jsonl --output-file " + file + " --resume --profile "
	u.run(t, audit+"second").expect(t, exitOK)
	u.run(t, audit+"first,second").expect(t, exitOK, "3 certificates: 1 in use, 2 unused", "2 results kept from an earlier run")
	u.run(t, audit+"first,second --sources pages").expect(t, exitUsage, "is from other --sources")
	u.run(t, audit+"second").expect(t, exitUsage, "is about "+testAccount+"/used, which this command does not look up")
}
