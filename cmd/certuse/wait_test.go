package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/generated"
)

func TestWaitReportsTheResult(t *testing.T) {
	t.Parallel()
	responses := map[string]apitest.Response{"used": inUse, "free": unused, "secret": refused, "slow": apitest.Hang(), "broken": apitest.ServerError(500)}
	server := newFake(t, responses)
	file := fileWith(t, "free\nused\n")
	tests := map[string]struct {
		args string
		code int
		says string
	}{
		"unused":               {"wait --timeout 100000d free", exitOK, "1 unused"},
		"in use":               {"wait --timeout 2s used", exitInUse, "not unused: 1 certificate in use"},
		"in use, of a list":    {"wait --timeout 2s --from " + file, exitInUse, "2 certificates: 1 in use, 1 unused"},
		"no permission":        {"wait secret", exitUnknown, `missing permissions: "Account: SSL and Certificates Read"`},
		"a failure":            {"wait --timeout 2s broken", exitUnknown, "waiting up to 2s for name of broken (broken): unknown: (associations: server error; "},
		"not found":            {"wait nowhere", exitUnknown, "get mTLS certificate: HTTP 404"},
		"in use and not found": {"wait --timeout 2s used nowhere", exitInUse, "1 in use, 0 unused, 1 unknown"},
		"in use and slow":      {"wait --timeout 2s used slow", exitInUse, "1 in use, 0 unused, 1 unknown"},
		"no time":              {"wait --timeout 1ns free", exitUnknown, "the --timeout of 1ns is over"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			got := execute(t, command(t, environment(server), strings.Fields(test.args)...))
			got.expect(t, test.code, test.says)
			// Each use is printed once, however many checks find it.
			if n := strings.Count(got.stderr, "certuse: waiting "); (n == 1) != (test.code == exitInUse || name == "a failure") || n > 1 {
				t.Errorf("waited for %d:\n%s", n, got.stderr)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// The certificate is in use at the first check and deleted before the second.
func TestWaitForADeletedCertificateReportsItAsMissing(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	found := apitest.JSON(200, `{"success":true,"errors":[],"messages":[],"result":{"id":"used","type":"custom","ca":false}}`)
	script(t, server, "getMTLSCertificate", found, found, apitest.NotFound().Always())
	got, took := runInBubble(t, server, "wait", "-o", "jsonl", "used")
	got.expect(t, exitUnknown, "HTTP 404")
	if d := decodeLines(t, got.stdout)["used"]; d.Usage != "unknown" || took > time.Minute {
		t.Errorf("after %v: %+v", took, d)
	}
	got, took = runInBubble(t, newFake(t, map[string]apitest.Response{"used": inUse}), "wait", "used")
	if got.expect(t, exitInUse, "waiting up to 5m for "); took < 4*time.Minute || took > 5*time.Minute {
		t.Errorf("a wait without --timeout took %v", took)
	}
}

func TestWaitWorksInTheDemo(t *testing.T) {
	t.Parallel()
	got := execute(t, command(t, nil, "wait", "--demo", "--timeout", "4s"))
	got.expect(t, exitInUse, "waiting up to 4s for payments-client (", "8 certificates")
}

func TestWaitRefusesWrongUsage(t *testing.T) {
	t.Parallel()
	server := newFake(t, nil)
	for args, says := range map[string]string{
		"wait":                   "no certificate is named",
		"wait --sources pages x": "unknown flag: --sources",
		"wait --timeout 0s x":    "is not above zero",
		"wait --demo x":          "--demo brings its own",
		"wait" + strings.Repeat(" x", 3) + idList(maxWaits): "wait takes at most 32 certificates, not 33",
	} {
		execute(t, command(t, environment(server), strings.Fields(args)...)).expect(t, exitUsage, says)
	}
	expectNoRequests(t, server)
}

// idList returns n ids.
func idList(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" cert-" + count(i))
	}
	return b.String()
}

func TestWaitEndsWhenTheLastUserIsGone(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"free": unused})
	requireNoError(t, server.SetAssociations(ref("used"), api.Association{Service: "gateway", Status: "active"}))
	p := start(t, command(t, environment(server), "wait", "used", "free", "-o", "id"))
	eventually(t, "what uses the certificate", func() bool {
		return strings.Contains(p.stderr.String(), "certuse: waiting up to 5m for used: in use: associations: gateway (active)\n")
	})
	eventually(t, "a second response about the certificate that is in use", func() bool {
		return requests(server, generated.ListMTLSCertificateAssociationsOperation.ID) >= 3 // one of them is about the certificate free
	})
	requireNoError(t, server.SetAssociations(ref("used")))
	got := p.end(t)
	got.expect(t, exitOK, "2 certificates: 0 in use, 2 unused, 0 unknown")
	if ids := strings.Fields(got.stdout); !slices.Contains(ids, "used") || len(ids) != 2 {
		t.Errorf("%q", got.stdout)
	}
	if n := strings.Count(got.stderr, "waiting "); n != 1 {
		t.Errorf("%d lines about one use:\n%s", n, got.stderr)
	}
}

func TestWaitsForCertificatesOfAllAccountsAtTheSameTime(t *testing.T) {
	t.Parallel()
	server := newTwoAccounts(t)
	requireNoError(t, server.AddCertificate(ref("busy"), apitest.Certificate{Name: "busy"}),
		server.SetAssociations(ref("busy"), api.Association{Service: "gateway", Status: "active"}))
	root, client := demoCertificates[0], demoCertificates[4]
	p := start(t, command(t, environment(server), "wait", "--timeout", "1m", "-o", "id", "busy", demoAccount+"/"+root.id))
	for _, name := range []string{"busy", root.name} {
		eventually(t, "what uses "+name, func() bool { return strings.Contains(p.stderr.String(), "waiting up to 1m for "+name+" (") })
	}
	requireNoError(t, server.SetAssociations(ref("busy")), server.SetHostnames(demoZone, root.id))
	p.end(t).expect(t, exitOK, "2 certificates (1 CA, 1 leaf; 0 managed): 0 in use, 2 unused, 0 unknown")

	// A result that cannot be written ends the other waits.
	cmd := command(t, environment(server), "wait", "-o", "jsonl", "--timeout", "1m", "free", demoAccount+"/"+client.id)
	cmd.Stdout = closedPipe(t)
	began := time.Now()
	if got := execute(t, cmd); got.code != exitPipe || time.Since(began) > 30*time.Second {
		t.Errorf("after a failed write: exit code %d after %v:\n%s", got.code, time.Since(began), got.stderr)
	}
}
