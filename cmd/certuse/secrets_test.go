package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// echoUnsolicited responds to two requests, each on a connection of its own. After the
// first response it sends the credentials back. It accepts the second connection only
// when the client has closed the first, so that the command runs until then.
func echoUnsolicited(listener net.Listener) error {
	const body = `{"success":true,"errors":[],"messages":[],"result":[]}`
	response := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	for first := true; ; first = false {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			return err
		}
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return err
		}
		if !first {
			_, err = io.WriteString(conn, response)
			return err
		}
		if _, err := io.WriteString(conn, response+"Authorization: "+request.Header.Get("Authorization")+"\r\n"); err != nil {
			return err
		}
		// The client may reset the connection; only a timeout is a failure.
		_, err = conn.Read(make([]byte, 1))
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			return fmt.Errorf("the connection with more than a response stays open: %w", err)
		}
	}
}

func TestUnsolicitedEchoOfCredentialsIsNotShown(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- echoUnsolicited(listener) }()
	env := []string{
		"CLOUDFLARE_API_TOKEN=" + testToken, "CLOUDFLARE_ACCOUNT_ID=" + testAccount,
		"CLOUDFLARE_BASE_URL=http://" + listener.Addr().String(),
	}
	got := execute(t, command(t, env, "list", "--account", "one", "--account", "two")) // execute fails if the output has the token
	got.expect(t, exitOK, "0 certificates")
	if strings.Contains(got.stderr, "Unsolicited") {
		t.Errorf("net/http writes to standard error:\n%s", got.stderr)
	}
	listener.Close() // otherwise the server waits for requests that were not sent
	if err := <-served; err != nil {
		t.Error(err)
	}
}

const (
	secretToken = "Sn3SJdPYHW_ZDU-5nLwz9qUgL0Xrbkm6AtTcE8oV" // has the form of a token
	// A private key is base64 in lines; its last line may be short.
	firstKeyLine, lastKeyLine = "MIGHAgEAMBMGByqGSM49/gEGCCqGSM49AwEHBG0wawIBAQQg9k+DwFMl6Y7fLr0a", "Xw/Sn3S+JdPYHW/ZDU"
)

func showsSecret(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc([]string{secretToken, firstKeyLine[:20], lastKeyLine}, func(secret string) bool { return strings.Contains(text, strings.ToLower(secret)) })
}

// The account does not exist, so that messages about incomplete results are printed
// too.
func TestNoValueOfACommandLineIsShownIfItMayBeACredential(t *testing.T) {
	t.Parallel()
	variables := map[string]string{"CLOUDFLARE_API_TOKEN": testToken, "CLOUDFLARE_ACCOUNT_ID": "other", "CLOUDFLARE_BASE_URL": newFake(t, nil).URL()}
	for _, secret := range []string{secretToken, firstKeyLine, firstKeyLine + "\n" + lastKeyLine, pemBegin + "PRIVATE KEY-----\n" + lastKeyLine} {
		for _, cmd := range newRootCommand(system{}, io.Discard).Commands() {
			valid, dir := []string{cmd.Name()}, t.TempDir()
			lines := [][]string{{"--", secret}, {"--", "other/" + secret}, {"--", secret + "/id"}}
			if cmd.Flags().Lookup("timeout") != nil {
				valid = append(valid, "--timeout=1s")
			}
			if strings.Contains(cmd.Use, "CERT…") {
				valid = append(valid, "id")
			}
			cmd.Flags().VisitAll(func(f *pflag.Flag) { lines = append(lines, []string{"--" + f.Name + "=" + secret}) })
			if cmd.Flags().Lookup("output-file") != nil {
				lines = slices.DeleteFunc(lines, func(line []string) bool { return line[0] == "--output-file="+secretToken }) // would be created in the working directory
				for _, file := range []string{filepath.Join(dir, secret), filepath.Join(dir, secret, secret), dir + "/missing/" + secret} {
					lines = append(lines, []string{"--output-file=" + file}, []string{"--output-file=" + file, "--output=jsonl", "--resume"})
				}
			}
			for _, line := range lines {
				args := append(slices.Clone(valid), line...)
				var out bytes.Buffer
				run(t.Context(), args, system{strings.NewReader(""), &out, &out, func(name string) string { return variables[name] }})
				if showsSecret(out.String()) {
					t.Errorf("%q: the secret is shown:\n%s", args, &out)
				}
			}
		}
	}
}

// An earlier command with a credential as --output-file may have created such a file.
func TestNamesOfExistingFilesAreNotShownIfTheyMayBeACredential(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), secretToken)
	requireNoError(t, os.WriteFile(file, []byte("no id\n"), 0o600))
	env := environment(newFake(t, nil))
	for _, args := range [][]string{{"audit", "--from", file}, {"usage", "--from", file}, {"upload", "--cert", file}, {"delete", "--yes", "--output-file", file, "id"}} {
		got := execute(t, command(t, env, args...))
		if got.expect(t, exitUsage); showsSecret(got.stderr) {
			t.Errorf("%q: the name is shown:\n%s", args, got.stderr)
		}
	}
	out := output{file: file}
	d, err := out.open(system{}, true)
	requireNoError(t, err)
	defer d.discard()
	_, err = io.WriteString(d, "a result")
	requireNoError(t, err, d.file.Close())
	if _, err = io.WriteString(d, "another"); err == nil || showsSecret(d.failure(err).Error()) {
		t.Errorf("the name is shown: %v", d.failure(err))
	}
}

func TestCredentialsInWrongPlacesAreNotShown(t *testing.T) {
	t.Parallel()
	const broken = twoProfiles + "  " + secretToken + ": {accounts: []}\n"
	twice := twoProfiles + "  " + secretToken + ": {accounts: [" + testAccount + "], api_token_env: FIRST_TOKEN}\n"
	for _, test := range []struct{ config, args string }{
		{twoProfiles, "list --profile " + secretToken},
		{twice, "list --profile x"},
		{twice, "list --profile first," + secretToken},
		{strings.ReplaceAll(twice, "FIRST", "NO"), "list --profile " + secretToken},
		{broken, "list --profile first"},
		{twoProfiles, secretToken},
		{twoProfiles, "help " + secretToken},
		{twoProfiles, "list --" + secretToken},
		{twoProfiles, "list --timeout " + secretToken},
		{twoProfiles, "list --output " + secretToken},
		{twoProfiles, "list --columns " + secretToken},
		{twoProfiles, "list --sort " + secretToken},
		{twoProfiles, "audit --usage " + secretToken},
		{twoProfiles, "list --account " + secretToken},
		{twoProfiles, "list " + secretToken},
		{twoProfiles, "list --demo --debug " + secretToken},
		{twoProfiles, "audit --from " + secretToken + " --profile first"},
		{twoProfiles, "upload --profile first --cert " + secretToken},
	} {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			got := newUsers(t, test.config).run(t, test.args)
			got.expect(t, exitUsage)
			if showsSecret(got.stdout + got.stderr) {
				t.Errorf("the credential is shown:\n%s\n%s", got.stdout, got.stderr)
			}
		})
	}
	offered := newUsers(t, twice).run(t, "__complete list --profile=")
	if offered.expect(t, exitOK); !strings.Contains(offered.stdout, "second") || strings.Contains(offered.stdout, secretToken) {
		t.Errorf("completion offers:\n%s", offered.stdout)
	}
	for _, words := range []string{"list --" + secretToken + "=x", "list --rate-limit " + secretToken + " x"} {
		for _, request := range []string{"__complete ", "__completeNoDesc "} {
			if got := newUsers(t, twice).run(t, request+words); got.code != exitOK || showsSecret(got.stdout+got.stderr) {
				t.Errorf("%s: exit code %d:\n%s\n%s", request+words, got.code, got.stdout, got.stderr)
			}
		}
	}
}

func TestOrdinaryNamesAreShownAndCredentialsRedacted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"audit-2026-11-26-production-accounts.json", "Audit_of_Production_Accounts-20261126T-v2", "certs-" + testAccount, "unused/2458ce5a-0c35-4c7f-82c7-8e9487d3ff60",
		"/home/someone/projects/certificates/production/accounts/results/list", `C:\Users\someone\certificates\production\accounts\results\audits\last`, "AUDIT-2026-PRODUCTION-ACCOUNTS-FINAL",
	} {
		if got := withoutCredential(name); got != name {
			t.Errorf("%s is shown as %s", name, got)
		}
	}
	for _, secret := range []string{
		secretToken, "cfut_" + strings.Repeat("0a", 24), strings.Repeat("0a", 18) + "b", firstKeyLine, "n" + firstKeyLine[21:],
		"v1.0-" + strings.Repeat("0a", 12) + "-" + strings.Repeat("0a", 73), // an Origin CA key
	} {
		if got := withoutCredential("-" + secret + "."); strings.Contains(got, secret) || !strings.Contains(got, "[redacted]") {
			t.Errorf("%s is shown as %s", secret, got)
		}
	}
	missing := filepath.Join(t.TempDir(), "a-list-of-MyCertificates-in-production")
	got := newUsers(t, twoProfiles).run(t, "audit --profile first --from "+missing)
	got.expect(t, exitUsage, "cannot read the list of certificates: open "+filepath.Dir(missing)+"/")
	onlySecret := strings.ReplaceAll(strings.ReplaceAll(twoProfiles, "first", secretToken), "second", secretToken+"2")
	newUsers(t, onlySecret).run(t, "list --profile x").expect(t, exitUsage, ": use one of those in the file\n")
}

func TestPrivateKeysInWrongPlacesAreNotShown(t *testing.T) {
	t.Parallel()
	const lines = firstKeyLine + "\n" + lastKeyLine
	env := append(environment(newFake(t, nil)), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
	for _, key := range []string{firstKeyLine, lines, pemBegin + "PRIVATE KEY-----\n" + lines + "\n-----END PRIVATE KEY-----\n"} {
		for _, args := range [][]string{
			{"--", key}, {"help", "--", key}, {"version", "--", key}, {"list", "--", key}, {"completion", "bash", "--", key},
			{"usage", "--from", key}, {"upload", "--cert", key}, {"list", "--profile", key}, {"list", "--timeout", key},
			{"list", "--rate-limit=" + key}, {"list", "--demo=" + key}, {"list", "--sort", key}, {"list", "--columns", key}, {"audit", "--usage", key},
		} {
			got := execute(t, command(t, env, args...))
			if got.expect(t, exitUsage); showsSecret(got.stdout + got.stderr) {
				t.Errorf("%q: the key is shown:\n%s", args, got.stderr)
			}
		}
	}
}
