package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestLinesOfAFile(t *testing.T) {
	t.Parallel()
	const file = "\uFEFF# exported today\r\n\r\n  cert-1\t\r\nother/cert-2 # the old gateway\n\n#cert-3\ncert-1\nacc/cert-1\nlast"
	in := newInput("acc")
	if err := in.addLines(strings.NewReader(file), "ids.txt"); err != nil {
		t.Fatal(err)
	}
	want := []api.CertificateRef{{AccountID: "acc", ID: "cert-1"}, {AccountID: "other", ID: "cert-2"}, {AccountID: "acc", ID: "last"}}
	if got := in.refs; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if in.duplicates != 2 {
		t.Errorf("%d duplicates, want 2", in.duplicates)
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
		"each of several":         {"acc", "a b\nok\nc d\n", []string{"ids.txt: line 1: ", "ids.txt: line 3: "}},
		"a limit to the messages": {"acc", strings.Repeat("a b\n", 5000), []string{"line 10: ", "stopped reading after 10 bad lines"}},
		"not a list":              {"acc", "ok\n" + strings.Repeat("x", 1<<20), []string{"ids.txt: line 2 is longer than"}},
		"empty":                   {"acc", "", []string{"ids.txt names no certificate"}},
		"only comments":           {"acc", "# a\n\n", []string{"ids.txt names no certificate"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInput(test.account)
			err := in.addLines(strings.NewReader(test.file), "ids.txt")
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

func TestNoIDHidesBehindACharacterThatEndsALineElsewhere(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\u0085", "\u2028", "\u2029"} {
		for _, line := range []string{"# note" + end + "cert-2", "cert-1 # note" + end + "cert-2\r\n", "cert-1" + end, "cert-1" + end + "\r\n", end} {
			in := newInput("acc")
			err := in.addLines(strings.NewReader("cert-0\r\n"+line), "ids.txt")
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
	err := in.addLines(brokenReader{}, "ids.txt")
	if exit, ok := errors.AsType[*exitError](err); !ok || exit.code != exitFailure || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("error %v", err)
	}
}

func TestBadArgumentIsNamedByItsPosition(t *testing.T) {
	t.Parallel()
	_, err := readArguments("acc", []string{"good", "bad id"})
	if err == nil || !strings.HasPrefix(err.Error(), "argument 2: ") {
		t.Errorf("error %v", err)
	}
}
