//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/generated"
)

// terminal is a pseudo terminal with the text it has shown.
type terminal struct {
	tty   *os.File
	shown safeBuffer
	done  chan struct{}
}

func newTerminal(t *testing.T) *terminal { return newTerminalOf(t, 80) }

func newTerminalOf(t *testing.T, columns uint16) *terminal {
	t.Helper()
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	requireNoError(t, pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: columns}))
	term := &terminal{tty: tty, done: make(chan struct{})}
	go func() {
		defer close(term.done)
		_, _ = io.Copy(&term.shown, ptmx) // ends with an error when the last user of the terminal is gone
	}()
	t.Cleanup(func() { tty.Close(); ptmx.Close(); <-term.done })
	return term
}

// text returns the displayed text after the command has ended.
func (term *terminal) text(t *testing.T) string {
	t.Helper()
	term.tty.Close()
	<-term.done
	if text := term.shown.String(); !strings.Contains(text, testToken) {
		return text
	}
	t.Error("the token is shown")
	return ""
}

var (
	escapeSequences = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	colorSequences  = regexp.MustCompile("\x1b\\[[0-9;]+m")
)

func TestProgressIsRedrawnAndErasedOnATerminal(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{
		"fast": inUse, "secret": refused, "slow": unused.After(3 * time.Second),
	})
	term := newTerminal(t)
	cmd := command(t, append(environment(server), "TERM=xterm"), "audit", "fast", "secret", "slow")
	cmd.Stderr = term.tty
	p := start(t, cmd)
	got := p.end(t)
	got.expect(t, exitUnknown)
	if escapeSequences.MatchString(got.stdout) {
		t.Errorf("standard output has escape sequences:\n%q", got.stdout)
	}
	text := term.text(t)
	for _, want := range []string{"[=", "2/3", "1 in use", "1 unknown", "/s"} {
		if !strings.Contains(text, want) {
			t.Errorf("the progress does not show %q:\n%q", want, text)
		}
	}
	for line := range strings.FieldsFuncSeq(escapeSequences.ReplaceAllString(text, ""), func(r rune) bool { return r == '\n' || r == '\r' }) {
		if strings.Contains(line, "[=") && len(line) > 80 {
			t.Errorf("%d columns do not fit into 80: %q", len(line), line)
		}
	}
	// The line above the cursor, with the last bar, is erased before the summary.
	bars := strings.Split(text, "[=")
	_, after, _ := strings.Cut(bars[len(bars)-1], "\n")
	if !strings.HasPrefix(after, "\x1b[1A\x1b[J") || !strings.Contains(after, "3 certificates") {
		t.Errorf("the bar is not erased before the summary:\n%q", text)
	}
}

func TestBarIsFullWhenAllIsDone(t *testing.T) {
	t.Parallel()
	term := newTerminal(t)
	b := newBar(term.tty, newTracker(3, 1000, time.Now()))
	// For a moment, the new number may be next to the old bar.
	gap, full := regexp.MustCompile(`\[=+ +\] +2/3`), regexp.MustCompile(`\[={20}\] +3/3`)
	b.update(api.InventoryProgress{Requests: 2, Expected: 3, InUse: 2})
	eventually(t, "a bar with a gap at 2/3", func() bool { return gap.MatchString(term.shown.String()) })
	b.update(api.InventoryProgress{Requests: 3, Expected: 3, InUse: 3})
	eventually(t, "a bar without a gap at 3/3", func() bool { return full.MatchString(term.shown.String()) })
	b.note("still here")
	b.stop()
	b.note("after the end") // as the message about Ctrl-C may come
	text := term.text(t)
	for _, want := range []string{"\rcertuse: still here", "\rcertuse: after the end"} {
		if !strings.Contains(text, want) {
			t.Errorf("want a line that begins with %q:\n%q", want, text)
		}
	}
}

func TestInterruptMessageBeginsAtTheStartOfALine(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"slow": unused.After(time.Hour)})
	term := newTerminal(t)
	cmd := command(t, append(environment(server), "TERM=xterm"), "audit", "slow")
	cmd.Stderr = term.tty
	p := start(t, cmd)
	eventually(t, "the bar", func() bool { return strings.Contains(term.shown.String(), "0/1") })
	p.signal(t, os.Interrupt)
	p.end(t).expect(t, exitUnknown)
	// A terminal echoes ^C at the cursor.
	if text := term.text(t); !strings.Contains(text, "\rcertuse: interrupted") {
		t.Errorf("the message may begin in the middle of the line:\n%q", text)
	}
}

// dates matches the dates in the output of the demo, which depend on the day.
var dates = regexp.MustCompile(`\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?`)

func TestTableFitsItsTerminal(t *testing.T) {
	t.Parallel()
	for _, columns := range []uint16{40, 80, 200} {
		for _, args := range []string{"audit --demo", "usage --demo", "list --demo", "audit --demo -o wide"} {
			t.Run(fmt.Sprint(columns, " ", args), func(t *testing.T) {
				t.Parallel()
				term := newTerminalOf(t, columns)
				cmd := command(t, []string{"TERM=xterm", "NO_COLOR=1"}, append(strings.Fields(args), "-q")...)
				cmd.Stdout = term.tty
				start(t, cmd).end(t)
				text := strings.ReplaceAll(term.text(t), "\r\n", "\n")
				for line := range strings.Lines(text) {
					if n := textWidth(strings.TrimSuffix(line, "\n")); n > int(columns) {
						t.Errorf("%d columns: %s", n, line)
					}
				}
				name := fmt.Sprintf("demo-%s-%d", strings.ReplaceAll(strings.ReplaceAll(args, " --demo", ""), " -o ", "-"), columns)
				compareGolden(t, name, []byte(dates.ReplaceAllString(text, "YYYY-MM-DD")))
			})
		}
	}
}

func TestColoursAreForTerminalsOnly(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	tests := map[string]struct {
		env    []string
		args   []string
		colour bool
	}{
		"terminal":       {[]string{"TERM=xterm"}, []string{"usage", "used"}, true},
		"NO_COLOR":       {[]string{"TERM=xterm", "NO_COLOR=1"}, []string{"usage", "used"}, false},
		"NO_COLOR empty": {[]string{"TERM=xterm", "NO_COLOR="}, []string{"usage", "used"}, true},
		"dumb terminal":  {[]string{"TERM=dumb"}, []string{"usage", "used"}, false},
		"jsonl":          {[]string{"TERM=xterm"}, []string{"usage", "-q", "-o", "jsonl", "used"}, false},
		"csv":            {[]string{"TERM=xterm"}, []string{"audit", "-q", "-o", "csv", "used"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			term := newTerminal(t)
			cmd := command(t, append(environment(server), test.env...), test.args...)
			cmd.Stdout, cmd.Stderr = term.tty, term.tty
			start(t, cmd).end(t).expect(t, exitOK)
			if text := term.text(t); colorSequences.MatchString(text) != test.colour {
				t.Errorf("coloured is %t, want %t:\n%q", !test.colour, test.colour, text)
			}
		})
	}
	piped := execute(t, command(t, append(environment(server), "TERM=xterm"), "usage", "used"))
	if piped.expect(t, exitOK); colorSequences.MatchString(piped.stdout + piped.stderr) {
		t.Errorf("coloured without a terminal:\n%q", piped.stdout+piped.stderr)
	}
}

func TestRowsAndProgressDoNotMixOnOneTerminal(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"fast": inUse, "slow": unused.After(time.Second)})
	file, err := os.Create(filepath.Join(t.TempDir(), "rows"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	tests := map[string]struct {
		stdout func(*terminal) io.Writer
		flag   string
		bar    bool
	}{
		"terminal":      {func(term *terminal) io.Writer { return term.tty }, "--quiet=false", false},
		"pipe":          {func(*terminal) io.Writer { return &safeBuffer{} }, "--quiet=false", false},
		"file":          {func(*terminal) io.Writer { return file }, "--quiet=false", true},
		"--output-file": {func(*terminal) io.Writer { return &safeBuffer{} }, "--output-file=" + file.Name() + ".jsonl", true},
		"--debug":       {func(*terminal) io.Writer { return file }, "--debug", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			term := newTerminal(t)
			cmd := command(t, append(environment(server), "TERM=xterm"), "audit", "-o", "jsonl", test.flag, "fast", "slow")
			cmd.Stdout, cmd.Stderr = test.stdout(term), term.tty
			start(t, cmd).end(t).expect(t, exitOK)
			if text := term.text(t); strings.Contains(text, " in use  ") != test.bar || !strings.Contains(text, "2 certificates") {
				t.Errorf("want a bar: %t; and a summary:\n%q", test.bar, text)
			}
		})
	}
}

func TestDumbTerminalHasNoBar(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"slow": unused.After(500 * time.Millisecond)})
	term := newTerminal(t)
	cmd := command(t, append(environment(server), "TERM=dumb"), "audit", "slow")
	cmd.Stderr = term.tty
	start(t, cmd).end(t).expect(t, exitOK)
	if text := term.text(t); strings.Contains(text, "[=") || escapeSequences.MatchString(text) || !strings.HasPrefix(text, "1 certificate: ") {
		t.Errorf("want the summary only:\n%q", text)
	}
}

func TestQuietLeavesTheTerminalEmpty(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"slow": unused.After(500 * time.Millisecond)})
	term := newTerminal(t)
	cmd := command(t, append(environment(server), "TERM=xterm"), "audit", "-q", "slow")
	cmd.Stderr = term.tty
	start(t, cmd).end(t).expect(t, exitOK)
	if text := term.text(t); text != "" {
		t.Errorf("shown: %q", text)
	}
}

func TestReadingIDsFromATerminalPrintsAHint(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	term := newTerminal(t)
	cmd := command(t, environment(server), "audit", "--from", "-")
	cmd.Stdin = term.tty
	p := start(t, cmd)
	eventually(t, "the hint", func() bool {
		return strings.Contains(p.stderr.String(), "the list of certificates from the terminal; Ctrl-D ends it")
	})
	p.signal(t, os.Interrupt)
	p.end(t).expect(t, exitUnknown)
	quiet := command(t, environment(server), "audit", "-q", "--from", "-", "--timeout", "100ms")
	quiet.Stdin = term.tty
	got := execute(t, quiet)
	if got.expect(t, exitUnknown, "the --timeout is over"); strings.Contains(got.stderr, "Ctrl-D") {
		t.Errorf("a hint in spite of -q:\n%s", got.stderr)
	}
}

func TestSignalsThatAreIgnoredAtTheStartHaveNoEffect(t *testing.T) {
	t.Parallel()
	for name, ignored := range map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT} { // as by nohup, and in the background of a script
		server := newFake(t, map[string]apitest.Response{"used": inUse.After(2 * time.Second)})
		cmd := command(t, environment(server), "-c", `trap "" `+name+`; exec "$0" audit -o id`, os.Args[0])
		cmd.Path = "/bin/sh"
		p := start(t, cmd)
		eventually(t, "the request", func() bool { return requests(server, generated.ListMTLSCertificateAssociationsOperation.ID) == 1 })
		p.signal(t, ignored)
		p.end(t).expect(t, exitOK, "1 in use")
	}
}
