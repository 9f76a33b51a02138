//go:build unix

package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/generated"
)

// startSlowAudit starts an audit of 41 certificates and waits for the result of one.
// The responses about the other 40 take an hour. If named is true, the arguments name
// all 41; otherwise the audit is of the account.
func startSlowAudit(t *testing.T, named bool, args ...string) *process {
	t.Helper()
	responses := map[string]apitest.Response{"fast": inUse}
	for i := range 40 {
		responses[fmt.Sprintf("slow-%d", i)] = unused.After(time.Hour)
	}
	args = append([]string{"audit"}, args...)
	if named {
		args = append(args, slices.Sorted(maps.Keys(responses))...)
	}
	server := newFake(t, responses)
	p := start(t, command(t, environment(server), args...))
	// 32 are read at a time: the 33rd request shows that one is complete.
	eventually(t, "33 requests for associations", func() bool { return requests(server, generated.ListMTLSCertificateAssociationsOperation.ID) >= 33 })
	return p
}

func TestInterruptPrintsWhatIsKnown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		signal os.Signal
		args   []string
		check  func(t *testing.T, stdout string)
	}{
		"table": {os.Interrupt, nil, func(t *testing.T, stdout string) {
			if strings.Count(stdout, "in use ") != 1 || strings.Count(stdout, " unknown ") != 40 || strings.Count(stdout, "(interrupted)") != 40 {
				t.Errorf("the table lacks what is known:\n%s", stdout)
			}
		}},
		"json": {os.Interrupt, []string{"-o", "json"}, func(t *testing.T, stdout string) {
			got := outcome{stdout: stdout}.decode(t)
			if len(got.Certificates) != 41 || got.Summary.InUse != 1 || got.Summary.Unknown != 40 || !got.Summary.Interrupted {
				t.Errorf("%d certificates, summary %+v", len(got.Certificates), got.Summary)
			}
		}},
		"jsonl": {os.Interrupt, []string{"-o", "jsonl"}, func(t *testing.T, stdout string) {
			if n := strings.Count(stdout, "\n"); n != 41 {
				t.Errorf("%d lines, want 41", n)
			}
			if n := strings.Count(stdout, `"usage":"unknown"`); n != 40 {
				t.Errorf("%d unknown, want 40", n)
			}
		}},
		"csv": {syscall.SIGTERM, []string{"-o", "csv"}, func(t *testing.T, stdout string) {
			rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
			if err != nil || len(rows) != 42 {
				t.Errorf("%d rows, %v", len(rows), err)
			}
		}},
		"SIGHUP of a closed terminal": {syscall.SIGHUP, []string{"-o", "jsonl"}, func(t *testing.T, stdout string) {
			if n := strings.Count(stdout, "\n"); n != 41 {
				t.Errorf("%d lines, want 41", n)
			}
		}},
		"even with --require-unused": {os.Interrupt, []string{"--require-unused"}, func(*testing.T, string) {}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, named := range []bool{true, false} {
				p := startSlowAudit(t, named, test.args...)
				p.signal(t, test.signal)
				got := p.end(t)
				got.expect(t, exitUnknown, "certuse: interrupted", "1 in use, 0 unused, 40 unknown")
				if strings.Contains(got.stderr, "Not all certificates were read.") == named {
					t.Errorf("named: %t; standard error:\n%s", named, got.stderr)
				}
				test.check(t, got.stdout)
			}
		})
	}
}

func TestJSONLinesAreWrittenAsResultsArrive(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"fast": inUse, "slow": unused.After(time.Hour)})
	p := start(t, command(t, environment(server), "audit", "-o", "jsonl"))
	eventually(t, "the first line", func() bool { return strings.HasSuffix(p.stdout.String(), "\n") })
	if first := decodeLines(t, p.stdout.String()); first["fast"].Usage != "in_use" {
		t.Errorf("%+v", first)
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func TestTimeoutPrintsWhatIsKnown(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"fast": inUse, "slow": unused.After(time.Hour)})
	for _, args := range []string{"slow fast", "--require-unused"} {
		args := append([]string{"audit", "-o", "json", "--timeout", "3s"}, strings.Fields(args)...)
		got := execute(t, command(t, environment(server), args...))
		got.expect(t, exitUnknown, "the --timeout of 3s is over: printing what is known", "1 in use, 0 unused, 1 unknown")
		report := got.decode(t)
		if len(report.Certificates) != 2 || !report.Summary.Interrupted || report.Certificates[0].Sources[0].Error != "not looked up: the --timeout is over" {
			t.Errorf("%+v", report)
		}
	}
}

func TestInterruptEndsTheReadingOfTheList(t *testing.T) {
	t.Parallel()
	server := newFake(t, nil)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd := command(t, environment(server), "audit", "--from", "-")
	cmd.Stdin = r
	p := start(t, cmd)
	r.Close()
	if _, err := io.WriteString(w, strings.Repeat("cert\n", 20000)); err != nil { // more than a pipe holds, so the command is reading
		t.Fatal(err)
	}
	p.signal(t, os.Interrupt)
	p.end(t).expect(t, exitUnknown, "interrupted", "nothing was sent")
	expectNoRequests(t, server)
}

func TestTimeoutEndsTheReadingOfTheList(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	cmd := command(t, environment(newFake(t, nil)), "audit", "--from", "-", "--timeout", "10ms")
	cmd.Stdin = r
	execute(t, cmd).expect(t, exitUnknown, "certuse: the --timeout is over while the list of certificates was read: nothing was sent\n")
}

func TestWaitForTheQuotaIsReportedAndCanBeInterrupted(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"a": inUse, "b": inUse, "c": inUse})
	p := start(t, command(t, environment(server), "audit", "-o", "jsonl", "--sources", "associations", "--rate-limit", "4", "a", "b", "c"))
	eventually(t, "a result", func() bool { return strings.Contains(p.stdout.String(), "\n") })
	eventually(t, "a word about the wait", func() bool { return strings.Contains(p.stderr.String(), ": rate limit or outage") })
	p.signal(t, os.Interrupt)
	got := p.end(t)
	got.expect(t, exitUnknown, "3 certificates: ", "not looked up: interrupted")
	if !strings.Contains(got.stdout, `"error":"not looked up: interrupted"`) || strings.Count(got.stdout, "\n") != 3 {
		t.Errorf("the output does not say why:\n%s", got.stdout)
	}
}

func TestInterruptOfAWaitForTheRateLimitIsTheReasonShown(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"busy": apitest.RateLimited(5 * time.Minute)})
	p := start(t, command(t, environment(server), "audit", "busy"))
	eventually(t, "a word about the wait", func() bool { return strings.Contains(p.stderr.String(), ": rate limit or outage") })
	p.signal(t, os.Interrupt)
	got := p.end(t)
	got.expect(t, exitUnknown, "1 unknown")
	if !strings.Contains(got.stdout, "(interrupted)\n") || strings.Contains(got.stdout+got.stderr, "context canceled") {
		t.Errorf("the row does not say why:\n%s", got.stdout)
	}
	if strings.Contains(got.stderr, "--rate-limit") {
		t.Errorf("standard error advises to lower --rate-limit:\n%s", got.stderr)
	}
}

// startBlocked starts a command that prints more than fits into a pipe, and reads the
// first byte. The command cannot end before the caller reads the rest or closes the
// pipe.
func startBlocked(t *testing.T, args ...string) (*process, *os.File) {
	t.Helper()
	many := make([]api.Association, 5000)
	for i := range many {
		many[i] = api.Association{Service: "gateway", Status: "active"}
	}
	server := newFake(t, map[string]apitest.Response{"big": apitest.Associations(many...)})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	cmd := command(t, environment(server), append(args, "big")...)
	cmd.Stdout = w
	p := start(t, cmd)
	w.Close()
	if _, err := r.Read(make([]byte, 1)); err != nil { // the command has begun to write
		t.Fatal(err)
	}
	return p, r
}

func TestTwoSignalsWithinAMomentCountAsOne(t *testing.T) {
	t.Parallel()
	const attempts = 20
	for range attempts {
		p, r := startBlocked(t, "usage", "-o", "csv")
		first := time.Now()
		p.signal(t, os.Interrupt)
		eventually(t, "a word about the interrupt", func() bool { return strings.Contains(p.stderr.String(), "interrupted") })
		p.signal(t, syscall.SIGTERM) // timeout(1) sends two signals as well
		if time.Since(first) > sameSignal/2 {
			t.Log("the machine is too busy: once more")
			_ = p.cmd.Process.Kill()
			p.end(t)
			continue
		}
		rest, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		p.end(t).expect(t, exitOK)
		if n := bytes.Count(rest, []byte("\n")); n != 5001 {
			t.Errorf("%d lines, want all 5,001", n)
		}
		return
	}
	t.Skipf("in %d attempts this machine never took two signals within %v", attempts, sameSignal/2)
}

func TestSecondInterruptKills(t *testing.T) {
	t.Parallel()
	p, _ := startBlocked(t, "usage", "-o", "csv")
	p.signal(t, os.Interrupt)
	eventually(t, "a word about the interrupt", func() bool { return strings.Contains(p.stderr.String(), "interrupted") })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.cmd.Wait()
	}()
	eventually(t, "the end", func() bool {
		_ = p.cmd.Process.Signal(os.Interrupt) // a signal that comes too soon is not counted
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("ended with %v, want death by the signal", p.cmd.ProcessState)
	}
}

func TestClosedPipeEndsTheCommand(t *testing.T) {
	t.Parallel()
	p, r := startBlocked(t, "audit", "-o", "jsonl")
	r.Close() // as head does
	if got := p.end(t); got.code != exitPipe || got.stderr != "" {
		t.Errorf("exit code %d, want %d; standard error, where nothing should be: %q", got.code, exitPipe, got.stderr)
	}
}

func TestInterruptOfAPipelineShowsTheSummary(t *testing.T) {
	t.Parallel()
	p, r := startBlocked(t, "usage", "-o", "csv")
	p.signal(t, os.Interrupt)
	r.Close() // the reader ends by the same Ctrl-C
	p.end(t).expect(t, exitPipe, "1 certificate: 1 in use, 0 unused, 0 unknown")
}

func TestClosedPipeEndsHelpSilently(t *testing.T) {
	t.Parallel()
	for _, args := range commandsWithoutRequests {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, nil, strings.Fields(args)...)
			cmd.Stdout = closedPipe(t)
			if got := execute(t, cmd); got.code != exitPipe || got.stderr != "" {
				t.Errorf("exit code %d, want %d; standard error, where nothing should be: %q", got.code, exitPipe, got.stderr)
			}
		})
	}
}

func TestAuditSucceedsWithFewFileDescriptors(t *testing.T) {
	t.Parallel()
	responses := map[string]apitest.Response{}
	var ids []string
	for i := range 200 {
		id := fmt.Sprintf("cert-%d", i)
		responses[id] = inUse.After(20 * time.Millisecond)
		ids = append(ids, id)
	}
	cmd := command(t, environment(newFake(t, responses)), append([]string{"audit", "-o", "jsonl"}, ids...)...)
	cmd.Args = append([]string{"sh", "-c", `ulimit -n 32 && exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	execute(t, cmd).expect(t, exitOK, "200 in use, 0 unused, 0 unknown")
}

func TestInterruptOfAWaitPrintsWhatIsKnown(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	p := start(t, command(t, environment(server), "wait", "used"))
	eventually(t, "what uses the certificate", func() bool { return strings.Contains(p.stderr.String(), "waiting up to ") })
	p.signal(t, os.Interrupt)
	got := p.end(t)
	got.expect(t, exitUnknown, "interrupted", "1 in use, 0 unused, 0 unknown")
	if !strings.Contains(got.stdout, "gateway (active)") {
		t.Errorf("the table does not say what uses it:\n%s", got.stdout)
	}
}
