package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestEachLineOfAFileIsOneCertificate(t *testing.T) {
	t.Parallel()
	const file = "\uFEFF# exported today\r\n\r\n  cert-1\t\r\nother/cert-2 # the old gateway\n\n#cert-3\ncert-1\nacc/cert-1\nacc/CERT-1\nlast"
	in := newInput("acc")
	requireNoError(t, in.read(strings.NewReader(file), "ids.txt"))
	want := []api.CertificateRef{{AccountID: "acc", ID: "cert-1"}, {AccountID: "other", ID: "cert-2"}, {AccountID: "acc", ID: "last"}}
	if got := in.certificates; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if in.duplicates != 3 { // the API may change the case of an id
		t.Errorf("%d duplicates, want 3", in.duplicates)
	}
}

func TestBadLinesAreNamedWithTheirNumber(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		account, file string
		want          []string
	}{
		"white space inside":      {"acc", "good\n\ncert 1\n", []string{"ids.txt: line 3: ", "nothing was sent"}},
		"two slashes":             {"acc", "a/b/c\n", []string{"ids.txt: line 1: "}},
		"path":                    {"acc", "# x\n../../user\n", []string{"ids.txt: line 2: "}},
		"no id":                   {"acc", "other/\n", []string{"ids.txt: line 1: "}},
		"no account":              {"", "good/one\ncert-1\n", []string{"ids.txt: line 2: ", "--account", "CLOUDFLARE_ACCOUNT_ID"}},
		"too long an id":          {"acc", strings.Repeat("x", 65) + "\n", []string{"ids.txt: line 1: "}},
		"two bad lines":           {"acc", "a b\nok\nc d\n", []string{"ids.txt: line 1: ", "ids.txt: line 3: "}},
		"a limit to the messages": {"acc", strings.Repeat("a b\n", 5000), []string{"line 10: ", "stopped reading after 10 bad lines"}},
		"not a list":              {"acc", "ok\n" + strings.Repeat("x", 1<<20), []string{"ids.txt: line 2 is longer than"}},
		"empty":                   {"acc", "", []string{"ids.txt names no certificate"}},
		"only comments":           {"acc", "# a\n\n", []string{"ids.txt names no certificate"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInput(test.account)
			err := in.read(strings.NewReader(test.file), "ids.txt")
			exit, ok := errors.AsType[*exitError](err)
			if !ok || exit.code != exitUsage {
				t.Fatalf("error %v, want a usage error", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if n := strings.Count(err.Error(), "\n"); n > maxBadLines+1 {
				t.Errorf("%d lines of error", n)
			}
		})
	}
}

func TestOtherLineEndsAreRefused(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\u0085", "\u2028", "\u2029"} {
		for _, line := range []string{"# note" + end + "cert-2", "cert-1 # note" + end + "cert-2\r\n", "cert-1" + end, "cert-1" + end + "\r\n", end} {
			in := newInput("acc")
			err := in.read(strings.NewReader("cert-0\r\n"+line), "ids.txt")
			want := fmt.Sprintf("ids.txt: line 2: %U ends a line", []rune(end)[0])
			if exit, ok := errors.AsType[*exitError](err); !ok || exit.code != exitUsage || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%q: error %v, want %q", line, err, want)
			}
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestUnreadableListIsAFailure(t *testing.T) {
	t.Parallel()
	in := newInput("acc")
	err := in.read(brokenReader{}, "ids.txt")
	if exit, ok := errors.AsType[*exitError](err); !ok || exit.code != exitFailure || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("error %v", err)
	}
}

func TestBadArgumentIsNamedByItsPosition(t *testing.T) {
	t.Parallel()
	err := newInput("acc").addArguments([]string{"good", "bad id"})
	if err == nil || !strings.HasPrefix(err.Error(), "argument 2: ") {
		t.Errorf("error %v", err)
	}
}

func TestOutputOfTheCommandIsReadBack(t *testing.T) {
	t.Parallel()
	server := newTwoAccounts(t)
	both := []string{"--account", demoAccount, "--account", testAccount}
	for _, kind := range []string{"list", "usage", "audit"} {
		for _, format := range []string{"json", "jsonl", "csv"} {
			t.Run(kind+" "+format, func(t *testing.T) {
				t.Parallel()
				args := append([]string{kind, "-o", format}, both...)
				if kind == "usage" {
					args = []string{kind, "-o", format, demoAccount + "/" + demoCertificates[0].id, testAccount + "/used"}
				}
				printed := execute(t, command(t, environment(server), args...))
				printed.expect(t, exitOK)
				cmd := command(t, environment(server), "audit", "--from", "-", "-o", "id")
				cmd.Stdin = strings.NewReader("\uFEFF" + printed.stdout)
				got := execute(t, cmd)
				got.expect(t, exitOK)
				ids := strings.Fields(got.stdout)
				if want := map[bool]int{true: 2, false: 10}[kind == "usage"]; len(ids) != want || !slices.Contains(ids, testAccount+"/used") {
					t.Errorf("%d certificates: %v", len(ids), ids)
				}
			})
		}
	}
}

func TestJSONAndCSVFilesAreRead(t *testing.T) {
	t.Parallel()
	// want has the certificates or, after an exclamation mark, a part of the error.
	tests := map[string]struct{ account, file, want string }{
		"an object":                 {"", `{"account_id":"a","certificate_id":"x","certificates":"PEM"}`, "a/x"},
		"objects without account":   {"acc", "{\"certificate_id\":\"x\"}\n{\"certificate_id\":\"y\"}\n", "acc/x acc/y"},
		"an array":                  {"acc", `[{"certificate_id":"x"},{"account_id":"b","certificate_id":"y"}]`, "acc/x b/y"},
		"a report":                  {"", `{"certificates":[{"account_id":"a","certificate_id":"x"}],"summary":{}}`, "a/x"},
		"a column":                  {"acc", "certificate_id\nx\nx\ny\n", "acc/x acc/y"},
		"columns in any order":      {"", "certificate_id,name,account_id\r\nx,\"a,\nb\",b\r\n", "b/x"},
		"a cell made harmless":      {"acc", "name,certificate_id\n,'-x\n", "acc/-x"},
		"a long first line":         {"acc", `{"name":"` + strings.Repeat("x", 3*maxLineBytes) + `","certificate_id":"x"}`, "acc/x"},
		"no column of ids":          {"acc", "name,account_id\nx,y\n", "!line 1: "},
		"JSON that is cut off":      {"acc", `{"certificate_id":"x"}{"certificate_id":"y"`, "!is not JSON from byte 44 on"},
		"JSON with a name twice":    {"acc", `{"certificate_id":"x","certificate_id":"y"}`, "!is not JSON from byte 23 on"},
		"JSON of other objects":     {"acc", `[{"certificate_id":"x"},{"id":"y"}]`, "!certificate 2: the certificate id is empty"},
		"JSON of numbers":           {"acc", `[1]`, "!is not what certuse prints as JSON"},
		"an empty report":           {"acc", `{"certificates":[],"summary":{}}`, "!names no certificate"},
		"JSON without an account":   {"", `{"certificate_id":"x"}`, "!certificate 1: the certificate has no account: give one --account (or, without --profile, CLOUDFLARE_ACCOUNT_ID), or write ACCOUNT/ID"},
		"an empty account":          {"acc", `{"account_id":"","certificate_id":"x"}`, "!certificate 1: the account id is empty"},
		"JSON with a path as an id": {"acc", `{"certificate_id":"../x"}`, "!certificate 1: the certificate id has"},
		"CSV with a path as an id":  {"acc", "certificate_id\nx\n../y\n", "!line 3: the certificate id has"},
		"CSV with an empty id":      {"acc", "certificate_id,name\n,y\n", "!line 2: the certificate id is empty"},
		"CSV with uneven rows":      {"acc", "certificate_id,name\nx\n", "!is not what certuse prints as CSV: record on line 2"},
		"CSV without rows":          {"acc", "certificate_id\n", "!names no certificate"},
		"CSV, an empty account":     {"acc", "certificate_id,account_id\nx,\n", "!line 2: the account id is empty"},
		"list, an empty account":    {"acc", "/x\n", "!line 1: the account id is empty"},
		"CSV without an account":    {"", "certificate_id\nx\n", "!line 2: the certificate has no account"},
		"a list after a comment":    {"acc", "# {\nx\n", "acc/x"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInput(test.account)
			err := in.read(strings.NewReader(test.file), "file")
			if problem, wrong := strings.CutPrefix(test.want, "!"); wrong {
				if exit, ok := errors.AsType[*exitError](err); !ok || exit.code != exitUsage || !strings.Contains(err.Error(), "file") || !strings.Contains(err.Error(), problem) {
					t.Errorf("error %v, want %q", err, problem)
				}
				return
			}
			var got []string
			for _, ref := range in.certificates {
				got = append(got, ref.AccountID+"/"+ref.ID)
			}
			if err != nil || strings.Join(got, " ") != test.want {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// The API may change the format of ids.
func TestPrintedIDsAreAccepted(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{
		strings.Repeat("0a", 15) + "xyz": unused, strings.Repeat("0a", 20): unused, strings.Repeat("0A", 32): unused,
		"cert_" + strings.Repeat("0a", 20): unused, strings.Repeat("aB3", 14): unused, strings.Repeat("x", 37): unused,
	})
	list := execute(t, command(t, environment(server), "list", "-o", "id"))
	list.expect(t, exitOK, "6 certificates")
	usage := command(t, environment(server), "usage", "--from", "-")
	usage.Stdin = strings.NewReader(list.stdout)
	execute(t, usage).expect(t, exitOK, "6 unused")
}

func TestIDsInTheFormOfACredentialAreRefused(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{
		"token": secretToken, "global key": strings.Repeat("0", 36) + "a", "line of a key": strings.Repeat("aB3x", 16),
		"new token": "cfut_0123456789012345678901234567890123456789abcdef", "new key": "cfk_0123456789012345678901234567890123456789abcdef01",
	} {
		if err := checkRef(ref(id)); err == nil || !strings.Contains(err.Error(), "looks like a credential") || strings.Contains(err.Error(), id) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
