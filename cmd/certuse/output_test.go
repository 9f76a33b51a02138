//go:build unix

package main

import (
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
	"github.com/certuse/cloudflare-mtls/generated"
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
}

// On macOS as on Linux, nothing can be created in /dev/fd.
func TestOutputFileInADirectoryThatCannotBeWrittenIsRefused(t *testing.T) {
	t.Parallel()
	server := newFake(t, nil)
	got := execute(t, command(t, environment(server), "list", "--output-file", "/dev/fd/report"))
	got.expect(t, exitUsage, "certuse: --output-file: /dev/fd/report: cannot create a file in its directory: ")
	expectNoRequests(t, server)
}

func TestOutputFileHasThePermissionsOfTheOldOneOrOfANewFile(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"022", "077", "002"} {
		for _, existing := range []os.FileMode{0, 0o600, 0o640, 0o664} {
			file := filepath.Join(t.TempDir(), "file")
			want := map[string]os.FileMode{"022": 0o644, "077": 0o600, "002": 0o664}[umask]
			if existing != 0 {
				want = existing
				requireNoError(t, os.WriteFile(file, nil, 0o600), os.Chmod(file, existing))
			}
			cmd := command(t, nil, "list", "--demo", "-o", "jsonl", "--output-file", file)
			cmd.Args = append([]string{"sh", "-c", "umask " + umask + ` && exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
			cmd.Path = "/bin/sh"
			execute(t, cmd).expect(t, exitOK)
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != want {
				t.Errorf("umask %s, existing %v: %v, %v; want %v", umask, existing, info.Mode(), err, want)
			}
		}
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

// eventuallyWritten waits until a file has text and its temporary name is gone. Before
// that, the command would report a replaced file as one that another process wrote.
func eventuallyWritten(t *testing.T, file string) {
	t.Helper()
	eventually(t, "a result in the file", func() bool {
		info, err := os.Stat(file)
		others, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".certuse-*"))
		return err == nil && info.Size() > 0 && len(others) == 0
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

func TestDeletionsAreReportedIfTheirRecordIsLost(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	scriptDeletion(t, server, "free-2", apitest.ServerError(502).After(time.Second)) // then sent again
	file := filepath.Join(t.TempDir(), "deleted.jsonl")
	p := start(t, command(t, environment(server), "delete", "--yes", "-q", "-o", "jsonl", "--output-file", file, "free-1", "free-2", "used"))
	eventually(t, "the second deletion", func() bool { return requests(server, deleteCertificate) >= 2 })
	requireNoError(t, os.Remove(file))
	p.end(t).expect(t, exitFailure, "another process has replaced or removed it",
		"certuse: deleted: name of free-1 (free-1)\ncertuse: deleted: name of free-2 (free-2)\n")
}

// Standard output fails too, as if both were one file on a full disk. With -o jsonl,
// deletions continue, because the record has each outcome at once.
func TestNoDeletionBeginsAfterStandardErrorFailed(t *testing.T) {
	t.Parallel()
	for args, deleted := range map[string]int{"free-1 free-2": 1, "--unused --max 3": 0, "-o jsonl --output-file FILE free-1 free-2": 2} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			server := newDeletionServer(t)
			args := strings.ReplaceAll("delete --yes "+args, "FILE", filepath.Join(t.TempDir(), "deleted.jsonl"))
			cmd := command(t, environment(server), strings.Fields(args)...)
			cmd.Stdout, cmd.Stderr = fullDevice(t), fullDevice(t)
			execute(t, cmd).expect(t, exitFailure)
			if n := requests(server, deleteCertificate); n != deleted {
				t.Errorf("%d requests to delete, want %d", n, deleted)
			}
		})
	}
}

// While a deletion still reads its list, another one writes its record.
func TestRecordOfAnotherDeletionIsNotReplaced(t *testing.T) {
	t.Parallel()
	server := newDeletionServer(t)
	file := filepath.Join(t.TempDir(), "deleted.jsonl")
	second := command(t, environment(server), "delete", "--yes", "--from", "-", "-o", "jsonl", "--output-file", file)
	list, err := second.StdinPipe()
	requireNoError(t, err)
	p := start(t, second)
	_, err = io.WriteString(list, "# longer than the buffer of a pipe\n"+strings.Repeat("free-2\n", 20_000))
	requireNoError(t, err)
	execute(t, command(t, environment(server), "delete", "--yes", "-o", "jsonl", "--output-file", file, "free-1")).expect(t, exitOK)
	requireNoError(t, list.Close())
	p.end(t).expect(t, exitUsage, "--output-file: "+file+" exists and may be the record of earlier deletions")
	if record := decodeLines(t, textOf(t, file)); record["free-1"].State != "deleted" {
		t.Errorf("the record was replaced: %v", record)
	}
}

func TestPlanDoesNotReplaceARecord(t *testing.T) {
	t.Parallel()
	server, file := newDeletionServer(t), filepath.Join(t.TempDir(), "deleted.jsonl")
	execute(t, command(t, environment(server), "delete", "--yes", "-o", "jsonl", "--output-file", file, "free-1")).expect(t, exitOK)
	record := textOf(t, file)
	plan := execute(t, command(t, environment(server), "delete", "-o", "jsonl", "--output-file", file, "free-2"))
	plan.expect(t, exitUsage, "--output-file: "+file+" exists and may be the record of earlier deletions")
	if kept := textOf(t, file); kept != record {
		t.Errorf("the record was replaced: %s", kept)
	}
}

func TestOneFileIsWrittenByOneProcess(t *testing.T) {
	t.Parallel()
	server := newFake(t, map[string]apitest.Response{"fast": unused, "slow": unused.After(time.Hour)})
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	audit := []string{"audit", "-o", "jsonl", "--output-file", file, "--resume"}
	first := start(t, command(t, environment(server), audit...))
	eventuallyWritten(t, file)
	eventually(t, "both requests for associations", func() bool { return requests(server, generated.ListMTLSCertificateAssociationsOperation.ID) == 2 })
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
			if _, err = io.WriteString(d, "results"); err != nil {
				err = d.failure(err)
			} else {
				err = d.commit()
			}
			d.discard()
			if text := textOf(t, out.file); text != "of another" {
				t.Errorf("appending %t, existed %t: %s", appending, existed, text)
			}
			kept, _ := filepath.Glob(filepath.Join(filepath.Dir(out.file), ".certuse-*"))
			if len(kept) != 1 || textOf(t, kept[0]) != "results" || err == nil ||
				!strings.Contains(err.Error(), "another process has written it: the results so far are in "+kept[0]) || strings.Contains(err.Error(), "unchanged") {
				t.Errorf("appending %t, existed %t: kept %v, error %v", appending, existed, kept, err)
			}
		}
	}
}

func TestOutputFileThatCannotBeWrittenIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, file := range []string{dir + "/missing/../file", dir + "/missing/file", dir + "/file/", dir + "/" + strings.Repeat("x", 256)} {
		server := newDeletionServer(t)
		execute(t, command(t, environment(server), "delete", "--yes", "free-1", "--output-file", file)).expect(t, exitUsage, "certuse: --output-file: ")
		expectNoRequests(t, server)
	}
}

func TestOutputFileIsNotAFileOfARedirection(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"/dev/stdout", "/dev/stderr", "/dev/fd/3", "/proc/self/fd/1", ""} {
		server := newFake(t, nil)
		cmd := command(t, environment(server), "list", "--output-file")
		var files []*os.File
		for range 3 {
			file, err := os.OpenFile(fileWith(t, "old\n"), os.O_WRONLY|os.O_APPEND, 0)
			requireNoError(t, err)
			defer file.Close()
			files = append(files, file)
		}
		if name == "" {
			name = files[0].Name()
		}
		cmd.Args = append(cmd.Args, name)
		cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = files[0], files[1], files[2:]
		execute(t, cmd).expect(t, exitUsage)
		for _, file := range files {
			got := textOf(t, file.Name())
			want := "old\n"
			if file == files[1] {
				want += "certuse: --output-file: " + name + ": "
			}
			if !strings.HasPrefix(got, want) || file != files[1] && got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		expectNoRequests(t, server)
	}
}

func TestResultsAreKeptIfTheFileCannotBeCompleted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ old, results, state string }{
		{"", "", "it was not created"},
		{"old", "", "it is unchanged"},
		{"", "results", "the results so far are in "},
		{"old", "results", "the results so far are in "},
	} {
		out := output{file: filepath.Join(t.TempDir(), "file")}
		if test.old != "" {
			requireNoError(t, os.WriteFile(out.file, []byte(test.old), 0o600))
		}
		d, err := out.open(system{}, false)
		requireNoError(t, err)
		temp := d.temp.Name()
		_, err = io.WriteString(d, test.results)
		requireNoError(t, err, d.temp.Close()) // so that fsync fails
		err = d.commit()
		d.discard()
		want := "cannot write " + out.file + ": "
		if test.results != "" {
			test.state += temp
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), ": "+test.state) {
			t.Errorf("%v, want %s", err, test.state)
		}
		kept, _ := filepath.Glob(filepath.Join(filepath.Dir(out.file), ".certuse-*"))
		if (len(kept) == 1) != (test.results != "") || len(kept) == 1 && textOf(t, temp) != test.results {
			t.Errorf("kept %v of %q", kept, test.results)
		}
	}
}

func TestNothingIsAppendedToAFileOfAnotherProcess(t *testing.T) {
	t.Parallel()
	for range 100 { // the file is replaced before, while or after it is opened
		out := output{file: filepath.Join(t.TempDir(), "file")}
		other := fileWith(t, "of another")
		d, err := out.open(system{}, true)
		requireNoError(t, err)
		var replace sync.WaitGroup
		replace.Go(func() {
			for {
				if _, err := os.Lstat(out.file); err == nil {
					_ = os.Rename(other, out.file)
					return
				}
			}
		})
		_, writeErr := io.WriteString(d, "first")
		if writeErr == nil {
			_, writeErr = io.WriteString(d, "second")
		}
		replace.Wait()
		if text := textOf(t, out.file); text != "of another" {
			t.Fatalf("%s, %v", text, writeErr)
		}
		d.discard()
	}
}

// NFS sends a request again if its response is lost, and then reports that the link
// exists.
func TestLinkThatWasMadeInSpiteOfAnErrorIsASuccess(t *testing.T) {
	t.Parallel()
	out := output{file: filepath.Join(t.TempDir(), "file")}
	d, err := out.open(system{}, false)
	requireNoError(t, err)
	_, err = io.WriteString(d, "results")
	requireNoError(t, err, os.Link(d.temp.Name(), out.file), d.commit())
	d.discard()
	if entries, err := os.ReadDir(filepath.Dir(out.file)); err != nil || len(entries) != 1 || textOf(t, out.file) != "results" {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestOneOfSeveralProcessesCreatesAFile(t *testing.T) {
	t.Parallel()
	const rounds, processes = 100, 8
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
		got.expect(t, exitUsage, "--output-file: "+file+": not a regular file")
		expectNoRequests(t, server)
	}
}
