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

// echoUnasked answers two requests on one connection each. After the first response
// it sends the credentials back, and it holds the second response until the client
// has closed that connection, so that the command is still running.
func echoUnasked(listener net.Listener) error {
	const body = `{"success":true,"errors":[],"messages":[],"result":[]}`
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
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
			_, err = io.WriteString(conn, answer)
			return err
		}
		if _, err := io.WriteString(conn, answer+"Authorization: "+request.Header.Get("Authorization")+"\r\n"); err != nil {
			return err
		}
		// The end may be a reset; a passed deadline is a failure.
		_, err = conn.Read(make([]byte, 1))
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			return fmt.Errorf("the connection with more than an answer stays open: %w", err)
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
	go func() { served <- echoUnasked(listener) }()
	env := []string{
		"CLOUDFLARE_API_TOKEN=" + testToken, "CLOUDFLARE_ACCOUNT_ID=" + testAccount,
		"CLOUDFLARE_BASE_URL=http://" + listener.Addr().String(),
	}
	got := execute(t, command(t, env, "list", "--account", "one", "--account", "two")) // which looks for the token
	got.expect(t, exitOK, "0 certificates")
	if strings.Contains(got.stderr, "Unsolicited") {
		t.Errorf("net/http writes to standard error:\n%s", got.stderr)
	}
	listener.Close() // otherwise the server waits for requests that were not sent
	if err := <-served; err != nil {
		t.Error(err)
	}
}
