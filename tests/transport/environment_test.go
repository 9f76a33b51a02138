package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	"github.com/certuse/cloudflare-mtls/tests/internal/certs"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// childVariable makes the test binary call child. A client with the default transport
// needs a process of its own, because net/http reads the proxy variables once per
// process, and crypto/x509 reads the trusted authorities once.
const childVariable = "TEST_CHILD_BASE_URL"

type childReport struct{ Usage, Error string }

func child() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var report childReport
	client, err := api.New(api.APIToken(canary.Token), api.WithBaseURL(os.Getenv(childVariable)), api.WithMaxAttempts(1))
	if err == nil {
		var list *api.AssociationList
		list, err = client.Associations(ctx, cert)
		report.Usage = list.Usage().String()
	}
	if err != nil {
		report.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		panic(err)
	}
}

// callInChild makes one call in a child process with the variables env.
func callInChild(t *testing.T, base string, env ...string) childReport {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append([]string{childVariable + "=" + base, "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if found := canary.Secrets(string(out)); found != nil {
		t.Errorf("the process shows %v: %s", found, out)
	}
	var report childReport
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return report
}

func TestTheProxyOfTheEnvironmentIsUsed(t *testing.T) {
	t.Parallel()
	authority := certs.NewAuthority(t)
	trust := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(trust, authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	server := fs.Start(t, fs.Always(fs.OK()), serving(authority.Issue(t, tomorrow(), apiHost)))
	plain := fs.Start(t, fs.Always(fs.OK()), nil)

	t.Run("HTTPS goes through the proxy by CONNECT, and the proxy does not see the token", func(t *testing.T) {
		t.Parallel()
		proxy := startProxy(t, server.Addr())
		report := callInChild(t, "https://"+apiHost+"/client/v4",
			"SSL_CERT_FILE="+trust, "HTTPS_PROXY=http://user:"+canary.Key+"@"+proxy.Addr())
		if report != (childReport{Usage: "in_use"}) {
			t.Errorf("got %+v", report)
		}
		if got := proxy.requests(); len(got) != 1 || got[0] != "CONNECT "+apiHost+":443" {
			t.Errorf("the proxy saw %q", got)
		}
		for _, header := range proxy.headers() {
			// The proxy gets its own password, but never the API token.
			if slices.Contains(canary.Secrets(header), canary.Token) {
				t.Errorf("the proxy saw the token in %q", header)
			}
		}
	})
	t.Run("the password of a proxy that fails is not shown", func(t *testing.T) {
		t.Parallel()
		for _, proxy := range []string{"http://user:" + canary.Key + "@127.0.0.1:1", "http://user:" + canary.Key + "@[::bad", "gopher://x:" + canary.Key + "@h"} {
			report := callInChild(t, "https://"+apiHost+"/client/v4", "SSL_CERT_FILE="+trust, "HTTPS_PROXY="+proxy)
			if report.Usage != "unknown" || report.Error == "" {
				t.Errorf("got %+v", report)
			}
		}
	})
	t.Run("the password of a proxy that sends it back is not shown", func(t *testing.T) {
		t.Parallel()
		for _, text := range writtenForms("user", canary.Key) {
			proxy := refusingProxy(t, "HTTP/1.1 407 "+text+"\r\n\r\n")
			report := callInChild(t, "https://"+apiHost+"/client/v4",
				"SSL_CERT_FILE="+trust, "HTTPS_PROXY=http://user:"+canary.Key+"@"+proxy)
			if report.Usage != "unknown" || report.Error == "" || strings.Contains(report.Error, text) {
				t.Errorf("%q: got %+v", text, report)
			}
		}
	})
	t.Run("plain HTTP to loopback never goes through the proxy", func(t *testing.T) {
		t.Parallel()
		_, port, err := net.SplitHostPort(plain.Addr())
		if err != nil {
			t.Fatal(err)
		}
		// Both the client and net/http have this rule.
		for _, host := range []string{"127.0.0.1", "localhost", "LocalHost", "LOCALHOST"} {
			proxy := startProxy(t, plain.Addr())
			report := callInChild(t, "http://"+host+":"+port+"/client/v4",
				"HTTP_PROXY=http://"+proxy.Addr(), "http_proxy=http://"+proxy.Addr())
			if report != (childReport{Usage: "in_use"}) || len(proxy.requests()) != 0 {
				t.Errorf("%s: got %+v; the proxy saw %q", host, report, proxy.requests())
			}
		}
	})
}

func TestTheIPv6LoopbackWorks(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6 loopback: %v", err)
	}
	server := fs.Serve(t, listener, fs.Always(fs.OK()), nil)
	client, err := api.New(credentials["token"], api.WithBaseURL(server.URL()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	list, err := client.Associations(t.Context(), cert)
	if err != nil || list.Usage() != api.InUse || server.Requests() != 1 {
		t.Errorf("list %v, error %v", list, fmt.Sprint(err))
	}
}
