package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// echoUnsolicited responds to two requests on one connection each. After the first response
// it sends the credentials back. It delays the second response until the client has
// closed that connection, so that the command still runs.
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

func TestCredentialsInWrongPlacesAreNotShown(t *testing.T) {
	t.Parallel()
	const misplaced = "Sn3SJdPYHW_ZDU-5nLwz9qUgL0Xrbkm6AtTcE8oV" // has the form of a token
	const broken = twoProfiles + "  " + misplaced + ": {accounts: []}\n"
	twice := twoProfiles + "  " + misplaced + ": {accounts: [" + testAccount + "], api_token_env: FIRST_TOKEN}\n"
	for _, test := range []struct{ config, args string }{
		{twoProfiles, "list --profile " + misplaced},
		{twice, "list --profile x"},
		{twice, "list --profile first," + misplaced},
		{strings.ReplaceAll(twice, "FIRST", "NO"), "list --profile " + misplaced},
		{broken, "list --profile first"},
		{twoProfiles, misplaced},
		{twoProfiles, "help " + misplaced},
		{twoProfiles, "list --" + misplaced},
		{twoProfiles, "list --timeout " + misplaced},
		{twoProfiles, "list --output " + misplaced},
		{twoProfiles, "list --columns " + misplaced},
		{twoProfiles, "list --sort " + misplaced},
		{twoProfiles, "audit --usage " + misplaced},
		{twoProfiles, "list --account " + misplaced},
		{twoProfiles, "list " + misplaced},
		{twoProfiles, "list --demo --debug " + misplaced},
		{twoProfiles, "audit --from " + misplaced + " --profile first"},
		{twoProfiles, "upload --profile first --cert " + misplaced},
	} {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			got := newUsers(t, test.config).run(t, test.args)
			got.expect(t, exitUsage)
			if strings.Contains(strings.ToLower(got.stdout+got.stderr), strings.ToLower(misplaced)) {
				t.Errorf("the credential is shown:\n%s\n%s", got.stdout, got.stderr)
			}
		})
	}
	offered := newUsers(t, twice).run(t, "__complete list --profile=")
	if offered.expect(t, exitOK); !strings.Contains(offered.stdout, "second") || strings.Contains(offered.stdout, misplaced) {
		t.Errorf("completion offers:\n%s", offered.stdout)
	}
}

// A private key is base64 in lines; its last line may be short.
func TestPrivateKeysInWrongPlacesAreNotShown(t *testing.T) {
	t.Parallel()
	const first, last = "MIGHAgEAMBMGByqGSM49/gEGCCqGSM49AwEHBG0wawIBAQQg9k+DwFMl6Y7fLr0a", "Xw/Sn3S+JdPYHW/ZDU"
	lines := first + "\n" + last
	env := append(environment(newFake(t, nil)), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
	for _, key := range []string{first, lines, pemBegin + "PRIVATE KEY-----\n" + lines + "\n-----END PRIVATE KEY-----\n"} {
		for _, args := range [][]string{
			{"--", key}, {"help", "--", key}, {"version", "--", key}, {"list", "--", key}, {"completion", "bash", "--", key},
			{"usage", "--from", key}, {"upload", "--cert", key}, {"list", "--profile", key}, {"list", "--timeout", key},
			{"list", "--rate-limit=" + key}, {"list", "--demo=" + key}, {"list", "--sort", key}, {"list", "--columns", key}, {"audit", "--usage", key},
		} {
			got := execute(t, command(t, env, args...))
			if got.expect(t, exitUsage); strings.Contains(got.stdout+got.stderr, first[:20]) || strings.Contains(got.stdout+got.stderr, last) {
				t.Errorf("%q: the key is shown:\n%s", args, got.stderr)
			}
		}
	}
}
