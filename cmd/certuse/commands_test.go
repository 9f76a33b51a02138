package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/generated"
)

func TestAuditReadsAFileOrStandardInput(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse, "free": unused})
	const list = "# all of them\nused\n\n" + testAccount + "/free # old\nused\n"
	file := fileWith(t, list)
	for _, from := range []string{file, "-"} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, environment(server), "audit", "--from", from, "-o", "id")
			if from == "-" {
				cmd.Stdin = strings.NewReader(list)
			}
			got := execute(t, cmd)
			got.expect(t, exitOK, "2 certificates: 1 in use, 1 unused, 0 unknown", "1 repeated id left out")
			if got.stdout != "free\nused\n" {
				t.Errorf("%q", got.stdout)
			}
		})
	}
}

func TestAllFormatsHaveOneOrder(t *testing.T) {
	t.Parallel()
	server := newTwoAccounts(t)
	orders := map[string][]string{}
	for _, sorting := range []string{"action", "expiry", "name", "usage"} {
		var want string
		for _, format := range formatNames() {
			got := execute(t, command(t, environment(server), "audit", "--account", demoAccount, "--account", testAccount, "-o", format, "--sort", sorting))
			got.expect(t, exitOK, "10 certificates (5 CA, 5 leaf; 1 managed): 7 in use, 3 unused, 0 unknown")
			var ids []string
			text := got.stdout
			if format == "prometheus" {
				text, _, _ = strings.Cut(text, "# HELP cloudflare_mtls_certificate_not_after")
			}
			for _, id := range regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|\b(used|free)\b`).FindAllString(strings.ReplaceAll(text, "name of", ""), -1) {
				if !slices.Contains(ids, id) {
					ids = append(ids, id)
				}
			}
			if len(ids) != 10 {
				t.Errorf("%s: %d certificates:\n%s", format, len(ids), got.stdout)
			}
			if order := strings.Join(ids, " "); want == "" {
				want = order
			} else if order != want {
				t.Errorf("--sort %s -o %s: %s, want %s", sorting, format, order, want)
			}
			orders[sorting] = ids
		}
	}
	first := map[string][2]string{"action": {"8f4e2a61", "3a96f8c7"}, "expiry": {"3a96f8c7", "8f4e2a61"}, "name": {"8f4e2a61", "c20b97d5"}, "usage": {"8f4e2a61", "6b08c4f2"}}
	for sorting, ids := range first {
		if got := orders[sorting]; !strings.HasPrefix(got[0], ids[0]) || !strings.HasPrefix(got[1], ids[1]) {
			t.Errorf("--sort %s begins with %s and %s", sorting, got[0], got[1])
		}
	}
}

func TestFiltersSelectCertificates(t *testing.T) {
	t.Parallel()
	server := newTwoAccounts(t)
	for args, want := range map[string]int{
		"list":                                     8,
		"list --type custom":                       7,
		"list --type gateway_managed,custom":       8,
		"list --ca":                                5,
		"list --leaf":                              3,
		"list --expires-within 30d":                2,
		"list --expires-within 720h --leaf":        0,
		"audit --usage unused":                     2,
		"audit --usage in_use,unused":              8,
		"audit --usage unused --expires-within 1d": 1,
		"audit --leaf --usage in_use":              3,
	} {
		if n := len(execute(t, command(t, environment(server), append(strings.Fields(args), "--account", demoAccount, "-o", "json")...)).decode(t).Certificates); n != want {
			t.Errorf("%s: %d certificates, want %d", args, n, want)
		}
	}
}

func TestUnknownExpiryPassesTheFilter(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"free": unused})
	requireNoError(t, server.AddCertificate(ref("undated"), apitest.Certificate{}))
	for _, name := range []string{"list", "audit"} {
		got := execute(t, command(t, environment(server), name, "--expires-within", "1d", "-o", "id"))
		if got.expect(t, exitExpiring); got.stdout != "undated\n" {
			t.Errorf("%s: %q", name, got.stdout)
		}
	}
}

func TestAllEvidenceIsPrinted(t *testing.T) {
	t.Parallel()
	server := newTwoAccounts(t)
	requireNoError(t, server.SetForbidden(generated.ListWorkersOperation.ID, generated.ListDevicePostureRulesOperation.ID))
	got := execute(t, command(t, environment(server), "audit", "--account", demoAccount, "-o", "json"))
	got.expect(t, exitUnknown, `3 unknown for missing permissions: "Account: Workers Scripts Read" and "Account: Zero Trust Read"`)
	if n := strings.Count(got.stderr, "missing permissions"); n != 1 {
		t.Errorf("%d lines about permissions:\n%s", n, got.stderr)
	}
	report := got.decode(t)
	if diff := cmp.Diff([]string{"Account: Workers Scripts Read", "Account: Zero Trust Read"}, report.Summary.MissingPermissions); diff != "" || len(report.Certificates) != len(demoCertificates) {
		t.Errorf("%d certificates; %s", len(report.Certificates), diff)
	}
	for _, c := range report.Certificates {
		if c.AccountID != demoAccount || c.Name == "" || len(c.Sources) != len(api.AllSources()) {
			t.Errorf("%+v", c)
		}
		if _, err := time.Parse("2006-01-02T15:04:05Z", c.ExpiresOn); err != nil {
			t.Error(err)
		}
	}
	root := report.Certificates[slices.IndexFunc(report.Certificates, func(c decoded) bool { return c.Name == "api-shield-root" })]
	want := []api.Use{{Source: api.SourceHostnames, Name: "api.example.com"}, {Source: api.SourceHostnames, Name: "pay.example.com"}}
	if diff := cmp.Diff(want, root.Uses); diff != "" || root.Usage != "in_use" || root.Sources[1].Scope != "hostnames of 1 zone" || root.Sources[6].Permission == "" {
		t.Errorf("%+v\n%s", root, diff)
	}
	got = execute(t, command(t, environment(server), "audit", "--account", demoAccount, "--columns", "Name, usage,used_by", "--no-headers", "--leaf", "--usage", "unknown", "--sources", "associations,workers"))
	if want := regexp.MustCompile(`^(\S+-client +unknown +\(associations: none; workers: no permission\)\n){3}$`); !want.MatchString(got.stdout) {
		t.Errorf("%s", got.stdout)
	}
}

// Errors differ in their Ray IDs.
func TestFailuresOfOneKindShareALine(t *testing.T) {
	t.Parallel()
	responses := map[string]apitest.Response{}
	for i := range 20 {
		responses[fmt.Sprintf("cert-%d", i)] = apitest.NoResult()
	}
	got := execute(t, command(t, environment(newFake(t, responses)), "audit"))
	got.expect(t, exitUnknown, "certuse: usage of 20 certificates is unknown: associations: no result, such as: list mTLS certificate associations: ")
	if n := strings.Count(got.stderr, "is unknown: "); n != 1 {
		t.Errorf("%d lines:\n%s", n, got.stderr)
	}
}

func TestUnusedNamesItsSources(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"free": unused})
	got := execute(t, command(t, environment(server), "audit", "--sources", "pages,associations", "free"))
	got.expect(t, exitOK, "Unused according to associations and pages, as far as they apply; left out:\n  hostnames, workers, hyperdrive, gateway and posture.")
	if !strings.Contains(got.stdout, "none according to associations and pages (left out: hostnames, workers, hyperdrive, gateway and posture)") {
		t.Errorf("%s", got.stdout)
	}
	report := execute(t, command(t, environment(server), "audit", "-o", "json", "--sources", "pages,associations", "free")).decode(t)
	if len(report.Summary.LeftOut) != 5 || report.Certificates[0].Sources[2].State != "left_out" {
		t.Errorf("%+v", report)
	}
}

func TestSummarySaysHowManyZonesWereRead(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"leaf": unused})
	other := api.CertificateRef{AccountID: strings.Repeat("b", 32), ID: "7d1c9f60-0c35-4c7f-82c7-8e9487d3ff60"}
	requireNoError(t, server.AddCertificate(ref("2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"), apitest.Certificate{CA: true}), server.AddCertificate(other, apitest.Certificate{CA: true}))
	for i := range 4 {
		account := []string{other.AccountID, testAccount, testAccount, testAccount}[i]
		requireNoError(t, server.AddZone(account, apitest.Zone{ID: fmt.Sprintf("%032d", i), Name: fmt.Sprintf("z%d.example", i)}))
	}
	for args, want := range map[string]string{
		"audit":                        "associations, hostnames of 3 zones, workers,",
		"audit leaf":                   "associations, hostnames, workers,", // hostnames name CAs only
		"audit --sources associations": "associations, as",
		"audit -o id --account " + other.AccountID:                         "associations, hostnames of 1 zone, workers,",
		"audit --account " + testAccount + " --account " + other.AccountID: "associations, hostnames of 1 to 3 zones, workers,",
		"delete --unused --account " + testAccount:                         "associations, hostnames of 3 zones, workers,",
	} {
		execute(t, command(t, environment(server), strings.Fields(args)...)).expect(t, exitOK, "Unused according to "+want)
	}
}

func TestTokenThatSeesNoZoneLeavesCAsUnknown(t *testing.T) {
	t.Parallel()
	server := newFake(t, nil)
	requireNoError(t, server.AddCertificate(ref("root"), apitest.Certificate{CA: true}))
	execute(t, command(t, environment(server), "audit")).expect(t, exitUnknown, "if there is none, give --no-zones", "Zone: Zone Read")
	execute(t, command(t, environment(server), "audit", "--no-zones")).expect(t, exitOK, "1 unused")
	// Visible zones are read despite --no-zones, here those of the second account.
	other := api.CertificateRef{AccountID: strings.Repeat("b", 32), ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}
	zone := strings.Repeat("c", 32)
	requireNoError(t, server.AddCertificate(other, apitest.Certificate{CA: true}),
		server.AddZone(other.AccountID, apitest.Zone{ID: zone, Name: "example.com"}), server.SetHostnames(zone, other.ID, "api.example.com"))
	both := command(t, environment(server), "audit", "--account", testAccount, "--account", other.AccountID, "--no-zones", "--require-unused")
	if got := execute(t, both); got.code != exitInUse || !strings.Contains(got.stdout, "api.example.com") {
		t.Errorf("%+v", got)
	}
}

func TestDebugShowsRequestsAndNoSecret(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": apitest.ServerError(502)})
	got := execute(t, command(t, environment(server), "usage", "--debug", "used")) // execute fails if the output has the token
	got.expect(t, exitUnknown, "method=GET", "/associations", "status=502", "status=200", "ray_id=", "wait=")
	if strings.Contains(got.stderr, "Bearer") {
		t.Errorf("%s", got.stderr)
	}
}

func TestRefusedCredentialsEndTheRequests(t *testing.T) {
	t.Parallel()
	server := newFake(t, nil)
	args := []string{"audit", "-o", "json"}
	for i := range 200 {
		args = append(args, fmt.Sprintf("cert-%d", i))
	}
	env := append(environment(server), "CLOUDFLARE_API_TOKEN=another-token")
	got := execute(t, command(t, env, args...))
	got.expect(t, exitUnknown, "0 in use, 0 unused, 200 unknown", "check CLOUDFLARE_API_TOKEN")
	if n := len(server.Requests()); n > 32 {
		t.Errorf("%d requests with credentials that were refused", n)
	}
	if strings.Contains(got.stdout+got.stderr, "another-token") {
		t.Error("the token is shown")
	}
}

func TestMessagesNameTheSenderOfTheResponse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		response apitest.Response
		says     string
		not      string
	}{
		"the API":                 {apitest.NotFound(), "the API does not know the account: check its id\n", "CLOUDFLARE_BASE_URL"},
		"the API, refused":        {apitest.Forbidden(), `needs the permission "Account: SSL and Certificates Read"`, "firewall"},
		"a web server":            {apitest.Raw(404, "text/html", "<h1>Not Found</h1>"), "the response is not the API's: check CLOUDFLARE_BASE_URL, whose path must end in /client/v4", "does not know"},
		"JSON of another service": {apitest.Raw(404, "application/json", `{"detail":"x"}`), "the response is not the API's", "does not know"},
		"a web page":              {apitest.Raw(200, "text/html", "<h1>Sign in</h1>"), "the response is not the API's: check CLOUDFLARE_BASE_URL, whose path must end in /client/v4", ""},
		"another service":         {apitest.Raw(200, "application/json", `{"status":"ok"}`), "the response is not the API's", ""},
		"a web page with a login": {apitest.Raw(401, "text/html", "<h1>Sign in</h1>"), "the response is not the API's", "API_TOKEN"},
		"refused credentials":     {apitest.Failure(401, api.ErrorDetail{Code: 10000, Message: "Authentication error"}), "check CLOUDFLARE_API_TOKEN, the email and key, or the variables of the profile; a token may have expired, been rolled, or be limited to other client IP addresses", "BASE_URL"},
		"an array of JSON":        {apitest.Raw(200, "application/json", `[]`), "the response is not the API's", ""},
		"a broken body":           {apitest.Raw(200, "application/json", `{"success":true,"result":`), "HTTP 200", "CLOUDFLARE_BASE_URL"},
		"a firewall":              {apitest.EdgePage(403), "a firewall (WAF) in front of the API", "permission"},
		"the edge":                {apitest.Raw(403, "text/plain", "error code: 1020"), "a firewall (WAF)", "permission"},
		"a redirect":              {apitest.Redirect(302, "/login").Unchecked(), "check CLOUDFLARE_BASE_URL", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, nil)
			script(t, server, listCertificates, test.response.Always())
			got := execute(t, command(t, environment(server), "list"))
			got.expect(t, exitFailure, test.says)
			if test.not != "" && strings.Contains(got.stderr, test.not) {
				t.Errorf("standard error says %q:\n%s", test.not, got.stderr)
			}
		})
	}
}

func TestDemoShowsEveryUsage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args string
		code int
		says []string
	}{
		"list":    {"list --demo", exitOK, []string{"8 certificates (5 CA, 3 leaf; 1 managed)"}},
		"usage":   {"usage --demo", exitUnknown, []string{"5 in use, 2 unused, 1 unknown"}},
		"audit":   {"audit --demo", exitUnknown, []string{"5 in use, 2 unused, 1 unknown", "missing permissions", "expired or expiring within 30 days: 1 certificate."}},
		"require": {"audit --demo --require-unused -q", exitInUse, []string{"5 certificates in use"}},
		"expiry":  {"list --demo --expires-within 30d", exitExpiring, []string{"2 certificates"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := execute(t, command(t, nil, strings.Fields(test.args)...))
			got.expect(t, test.code, test.says...)
			if strings.HasPrefix(got.stderr, "certuse: demo: ") == strings.HasSuffix(test.args, " -q") {
				t.Errorf("want a notice about the demo unless -q is given:\n%s", got.stderr)
			}
			for line := range strings.Lines(got.stdout + got.stderr) {
				if textWidth(strings.TrimSuffix(line, "\n")) > 80 {
					t.Errorf("wider than 80 columns: %s", line)
				}
			}
		})
	}
}

func TestHostileTextIsEscapedInEveryFormat(t *testing.T) {
	t.Parallel()
	const takeover = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\r\n"
	huge := strings.Repeat("x", 1<<16)
	server := newFake(t, map[string]apitest.Response{
		"used":   apitest.Associations(api.Association{Service: takeover, Status: "=" + takeover}, api.Association{Service: huge, Status: huge}).Unchecked(),
		"secret": apitest.Failure(403, api.ErrorDetail{Code: 10000, Message: takeover + huge}).Unchecked(),
	})
	for _, name := range []string{"usage", "audit"} {
		for _, format := range formatNames() {
			t.Run(name+" "+format, func(t *testing.T) {
				t.Parallel()
				got := execute(t, command(t, environment(server), name, "-o", format, "used", "secret"))
				got.expect(t, exitUnknown)
				got.expectPrintable(t)
				whole := map[string]int{"json": 2, "jsonl": 2, "csv": 2}[format]
				if n := strings.Count(got.stdout, huge); n < whole || whole == 0 && n > 0 {
					t.Errorf("%d long texts are whole", n)
				}
			})
		}
	}
}

func TestCompletionOffersCertificatesAndDoesNotHang(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse, "free": unused})
	slow := newFake(t, nil)
	script(t, slow, listCertificates, apitest.Hang().Always())
	tests := map[string]struct {
		env   []string
		flags string
		want  []string
	}{
		"credentials":    {environment(server), "", []string{"free\tname of free", "used\tname of used"}},
		"an account":     {environment(server), "--account=" + testAccount, []string{"free\tname of free", "used\tname of used"}},
		"wrong account":  {environment(server), "--account=../x", nil},
		"no credentials": {nil, "", nil},
		"no response":    {environment(slow), "", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			got := execute(t, command(t, test.env, slices.Concat([]string{"__complete", "usage"}, strings.Fields(test.flags), []string{""})...))
			lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
			ids := lines[:len(lines)-1] // the last one is for the shell
			slices.Sort(ids)
			if !slices.Equal(ids, test.want) || got.code != exitOK {
				t.Errorf("%q, want %q", ids, test.want)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestCertificateWithoutAnApplicableSourceIsExplained(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"usage --demo --sources workers", "audit --demo --sources workers", "audit --demo --sources workers -o wide"} {
		got := execute(t, command(t, nil, strings.Fields(args+" --columns name,used_by")...))
		got.expect(t, exitUnknown, "8 unknown")
		if n := strings.Count(got.stdout, "no source that was read can name it"); n != 5 || strings.Contains(got.stdout, "()") {
			t.Errorf("%s: %d certificates:\n%s", args, n, got.stdout)
		}
	}
}

// The API may change the case of an id.
func TestIDInAnotherCaseHasOneRecord(t *testing.T) {
	t.Parallel()
	answered := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch path.Base(r.URL.Path) {
		case "CERT":
			io.WriteString(w, `{"success":true,"errors":[],"messages":[],"result":{"id":"cert"}}`)
		case "associations":
			io.WriteString(w, `{"success":true,"errors":[],"messages":[],"result":[]}`)
			close(answered)
		default: // ends the inventory, a while after the first certificate is complete
			<-answered
			time.Sleep(200 * time.Millisecond)
			w.WriteHeader(401)
			io.WriteString(w, `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[],"result":null}`)
		}
	}))
	t.Cleanup(server.Close)
	env := []string{"CLOUDFLARE_API_TOKEN=" + testToken, "CLOUDFLARE_ACCOUNT_ID=" + testAccount, "CLOUDFLARE_BASE_URL=" + server.URL}
	got := execute(t, command(t, env, "audit", "--sources", "associations", "-o", "id", "--sort", "name", "CERT", "other"))
	if got.expect(t, exitUnknown, "1 unused, 1 unknown"); got.stdout != "cert\nother\n" {
		t.Errorf("%q", got.stdout)
	}
}
