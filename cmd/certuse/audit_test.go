package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestAuditReadsAFileOrStandardInput(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse, "free": unused})
	const list = "# all of them\nused\n\n" + testAccount + "/free # old\nused\n"
	file := filepath.Join(t.TempDir(), "ids.txt")
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{file, "-"} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, against(server), "audit", "--from", from, "-o", "csv")
			cmd.Stdin = strings.NewReader(list)
			got := execute(t, cmd)
			got.expect(t, exitOK, "2 certificates: 1 in use, 1 unused, 0 unknown", "1 repeated id left out")
			rows := strings.Split(strings.TrimSpace(got.stdout), "\n")
			slices.Sort(rows[1:])
			for i, want := range []string{"account_id,certificate_id,usage,", testAccount + ",free,unused,", testAccount + ",used,in_use,"} {
				if i >= len(rows) || !strings.HasPrefix(rows[i], want) {
					t.Errorf("row %d does not begin with %s:\n%s", i, want, got.stdout)
				}
			}
		})
	}
}

func TestListKeepsTheOrderOfTheArguments(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"a": inUse.After(200 * time.Millisecond), "b": unused, "c": refused, "d": inUse})
	got := execute(t, command(t, against(server), "list", "-o", "json", "d", "a", "c", "b"))
	var answers struct {
		Certificates []answer `json:"certificates"`
	}
	if err := json.Unmarshal([]byte(got.stdout), &answers); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, a := range answers.Certificates {
		order = append(order, a.CertificateID+" "+a.Usage)
	}
	if diff := cmp.Diff([]string{"d in_use", "a in_use", "c unknown", "b unused"}, order); diff != "" {
		t.Error(diff)
	}
}

func TestAnswerOfTheServiceArrivesWhole(t *testing.T) {
	t.Parallel()
	gateway := api.Association{Service: "gateway", Status: "active"}
	server := newFake(t, map[string]apitest.Response{
		"part":   apitest.PartialAssociations(2000, gateway),
		"secret": refused,
		"busy":   apitest.RateLimited(time.Hour),
	})
	before := time.Now().Add(-time.Second)
	// One command each: a block of an hour keeps the others of the same command
	// from being asked when it is answered first.
	list := func(id string, exit int) (a answer) {
		got := execute(t, command(t, against(server), "list", "-o", "jsonl", id))
		got.expect(t, exit)
		if err := json.Unmarshal([]byte(got.stdout), &a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	part, secret, busy := list("part", exitOK), list("secret", exitUnknown), list("busy", exitUnknown)
	if part.Usage != usageInUse || !part.Truncated || part.Reason != nil || part.RayID == "" || !slices.Equal(part.Associations, []association{association(gateway)}) {
		t.Errorf("truncated: %+v", part)
	}
	if part.CheckedAt == nil || part.CheckedAt.Before(before) || part.CheckedAt.After(time.Now()) {
		t.Errorf("time of evidence: %v", part.CheckedAt)
	}
	if r := secret.Reason; r == nil || r.Code != "forbidden" || r.HTTPStatus != 403 || secret.CheckedAt != nil || secret.RayID == "" {
		t.Errorf("forbidden: %+v, %+v", secret, r)
	}
	if strings.Contains(secret.Reason.Message, "list mTLS") {
		t.Errorf("the message begins with the operation: %s", secret.Reason.Message)
	}
	if r := busy.Reason; r == nil || r.Code != "rate_limited" || r.RetryAfterSeconds < 3500 {
		t.Errorf("blocked for an hour: %+v", r)
	}
}

func TestRefusedCredentialsEndTheAsking(t *testing.T) {
	t.Parallel()
	server := newFake(t, nil)
	args := []string{"audit", "-o", "json"}
	for i := range 200 {
		args = append(args, demoCert(i).ID)
	}
	env := append(against(server), "CLOUDFLARE_API_TOKEN=another-token")
	got := execute(t, command(t, env, args...))
	got.expect(t, exitUnknown, "0 in use, 0 unused, 200 unknown", "not_asked", "check CLOUDFLARE_API_TOKEN")
	if n := len(server.Requests()); n > 32 {
		t.Errorf("%d requests with credentials that were refused", n)
	}
	if strings.Contains(got.stdout+got.stderr, "another-token") {
		t.Error("the token is shown")
	}
}

// The README shows these ids; a demo is the same on every platform.
func TestDemoIdsAreTheKnownOnes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		0: "2458ce5a", 1: "4290480b", 2: "60c7c1bc", // of list
		demoAuditFirst: "2d0c29c2", demoAuditFirst + demoSize - 1: "62d6c601",
	} {
		if got := demoCert(n).ID; got != want+"-0c35-4c7f-82c7-8e9487d3ff60" {
			t.Errorf("certificate %d is %s, want %s-…", n, got, want)
		}
	}
}

func TestDemosShareNoCertificate(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, script := range []func(*apitest.Server) ([]string, error){scriptList, scriptAudit} {
		certs, err := script(newFake(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range certs {
			if seen[id] {
				t.Errorf("%s is there twice", id)
			}
			seen[id] = true
		}
	}
	if len(seen) != 3+demoSize {
		t.Errorf("%d certificates", len(seen))
	}
}

func TestDemoShowsEverything(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args string
		code int
		says []string
	}{
		"list":    {"list --demo", exitOK, []string{"3 certificates: 2 in use, 1 unused, 0 unknown", "truncated"}},
		"audit":   {"audit --demo", exitUnknown, []string{"240 certificates: 204 in use, 32 unused, 4 unknown", "for the rate limit", "truncated", "1 forbidden, 1 no_result, 1 not_found, 1 server_error"}},
		"require": {"audit --demo --require-unused -q", exitInUse, []string{"204 certificates in use"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := execute(t, command(t, nil, strings.Fields(test.args)...))
			got.expect(t, test.code, append(test.says, "certuse: demo: ")...)
			if !strings.Contains(got.stdout, "USAGE") || !strings.Contains(got.stdout, "unused") {
				t.Errorf("no table:\n%s", got.stdout)
			}
		})
	}
}

func TestHostileAnswersReachTheTerminalHarmless(t *testing.T) {
	t.Parallel()
	const takeover = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\r\n"
	huge := strings.Repeat("x", 1<<16)
	server := newFake(t, map[string]apitest.Response{
		"used":   apitest.Associations(api.Association{Service: takeover, Status: "=" + takeover}, api.Association{Service: huge, Status: huge}).Unchecked(),
		"secret": apitest.Failure(403, api.ErrorDetail{Code: 10000, Message: takeover + huge}).Unchecked(),
	})
	for _, name := range []string{"list", "audit"} {
		for _, format := range formats {
			t.Run(name+" "+format, func(t *testing.T) {
				t.Parallel()
				got := execute(t, command(t, against(server), name, "-o", format, "used", "secret"))
				got.expect(t, exitUnknown)
				for line := range strings.Lines(got.stdout + got.stderr) {
					if text := strings.TrimSuffix(line, "\n"); !isPrintable(text) {
						t.Errorf("not printable: %q", shorten(text, 300))
					}
					if format == "table" && len(line) > 1000 {
						t.Errorf("a line of %d bytes in a table", len(line))
					}
				}
				if n := strings.Count(got.stdout, huge); format != "table" && n != 2 {
					t.Errorf("%d of 2 long texts are whole", n)
				}
			})
		}
	}
}
