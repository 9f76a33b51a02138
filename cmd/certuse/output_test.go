//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestOutputFileIsWrittenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	dir := t.TempDir()
	file := filepath.Join(dir, "certs.prom")
	write := func(account string, code int, stderr ...string) string {
		t.Helper()
		got := execute(t, command(t, environment(server), "audit", "-o", "prometheus", "--output-file", file, "--account", account))
		got.expect(t, code, stderr...)
		if got.stdout != "" {
			t.Errorf("standard output: %s", got.stdout)
		}
		return textOf(t, file)
	}
	whole := write(testAccount, exitOK)
	if !strings.Contains(whole, "cloudflare_mtls_last_success_timestamp_seconds{account_id=\""+testAccount) {
		t.Errorf("%s", whole)
	}
	if after := write("other", exitUnknown, "is unchanged"); after != whole {
		t.Errorf("changed to %s", after)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestJSONLinesFileIsReplacedByTheFirstResult(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"used": inUse})
	file := fileWith(t, "old\n")
	audit := []string{"audit", "-o", "jsonl", "--output-file", file}
	execute(t, command(t, environment(server), append(audit, "--account", "other")...)).expect(t, exitUnknown, "is unchanged")
	if text := textOf(t, file); text != "old\n" {
		t.Error(text)
	}
	execute(t, command(t, environment(server), audit...)).expect(t, exitOK)
	if lines := decodeLines(t, textOf(t, file)); len(lines) != 1 || lines["used"].Usage != "in_use" {
		t.Errorf("%v", lines)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// eventuallyWritten waits for the first text in a file.
func eventuallyWritten(t *testing.T, file string) {
	t.Helper()
	eventually(t, "a result in the file", func() bool {
		info, err := os.Stat(file)
		return err == nil && info.Size() > 0
	})
}

func TestFileThatIsReplacedDuringTheRunIsAFailure(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(file string) error{
		"replaced": func(file string) error { return os.Rename(file+".other", file) },
		"removed":  os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, map[string]apitest.Response{"fast": unused, "slow": unused.After(time.Second)})
			file := filepath.Join(t.TempDir(), "audit.jsonl")
			requireNoError(t, os.WriteFile(file+".other", nil, 0o600))
			p := start(t, command(t, environment(server), "audit", "-o", "jsonl", "--output-file", file, "fast", "slow"))
			eventuallyWritten(t, file)
			requireNoError(t, replace(file))
			p.end(t).expect(t, exitFailure, "cannot write "+file+": another process has replaced or removed it: it is incomplete")
		})
	}
}

func TestOneFileIsWrittenByOneProcess(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"fast": unused, "slow": unused.After(time.Hour)})
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	audit := []string{"audit", "-o", "jsonl", "--output-file", file, "--resume"}
	first := start(t, command(t, environment(server), audit...))
	eventuallyWritten(t, file)
	before := len(server.Requests())
	for _, args := range [][]string{audit, {"list", "-o", "csv", "--output-file", file}} {
		second := execute(t, command(t, environment(server), args...))
		second.expect(t, exitUsage, "--output-file: "+file+": another process is writing it")
	}
	if n := len(server.Requests()) - before; n > 0 {
		t.Errorf("%d requests were sent", n)
	}
	first.signal(t, os.Interrupt)
	first.end(t).expect(t, exitUnknown)
	execute(t, command(t, environment(server), append(audit, "--timeout", "1s")...)).expect(t, exitUnknown, "1 result kept")
}

func TestFileOfAnotherProcessIsNotReplaced(t *testing.T) {
	t.Parallel()
	for _, appending := range []bool{true, false} {
		for _, existed := range []bool{true, false} {
			out := output{file: filepath.Join(t.TempDir(), "file")}
			if existed {
				requireNoError(t, os.WriteFile(out.file, []byte("old"), 0o600))
			}
			d, err := out.open(system{}, appending)
			requireNoError(t, err, os.Rename(fileWith(t, "of another"), out.file))
			_, err = io.WriteString(d, "results")
			err = errors.Join(err, d.commit())
			d.discard()
			if text := textOf(t, out.file); text != "of another" {
				t.Errorf("appending %t, existed %t: %s", appending, existed, text)
			}
			kept, _ := filepath.Glob(filepath.Join(filepath.Dir(out.file), ".certuse-*"))
			results := map[bool]string{true: "the first results", false: "the results"}[appending]
			if len(kept) != 1 || textOf(t, kept[0]) != "results" || err == nil ||
				!strings.Contains(err.Error(), "another process has written it; "+results+" are in "+kept[0]) || strings.Contains(err.Error(), "unchanged") {
				t.Errorf("appending %t, existed %t: kept %v, error %v", appending, existed, kept, err)
			}
		}
	}
}

func TestOneOfSeveralProcessesCreatesAFile(t *testing.T) {
	t.Parallel()
	const rounds, processes = 25, 8
	for range rounds {
		out := output{file: filepath.Join(t.TempDir(), "file")}
		var commits sync.WaitGroup
		var committed atomic.Int32
		begin := make(chan struct{})
		for range processes {
			d, err := out.open(system{}, false)
			requireNoError(t, err)
			defer d.discard()
			commits.Go(func() {
				<-begin
				if d.commit() == nil {
					committed.Add(1)
				}
			})
		}
		close(begin)
		commits.Wait()
		if n := committed.Load(); n != 1 {
			t.Fatalf("%d processes report that they created the file", n)
		}
	}
}

func TestOnlyARegularFileIsResumed(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	requireNoError(t, syscall.Mkfifo(pipe, 0o600))
	link := filepath.Join(t.TempDir(), "link")
	dangling := filepath.Join(t.TempDir(), "dangling")
	requireNoError(t, os.Symlink(pipe, link), os.Symlink("missing", dangling))
	for _, file := range []string{pipe, link, dangling, t.TempDir(), os.DevNull} {
		server := newFake(t, nil)
		got := execute(t, command(t, environment(server), "audit", "-o", "jsonl", "--output-file", file, "--resume"))
		got.expect(t, exitUsage, "--output-file: "+file+" is not a regular file")
		expectNoRequests(t, server)
	}
}
