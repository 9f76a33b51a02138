package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/certuse/cloudflare-mtls/tests/peers/internal/bench"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/payload"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/report"
)

// binaries is the folder of the compiled server, test binaries and programs.
type binaries string

func (b binaries) server() string             { return filepath.Join(string(b), "server") }
func (b binaries) benchmark(p string) string  { return filepath.Join(string(b), p+".test") }
func (b binaries) program(peer string) string { return filepath.Join(string(b), peer) }

func build(ctx context.Context, dir string, peers []string) (binaries, error) {
	b := binaries(dir)
	commands := [][]string{{"build", "-o", b.server(), "./cmd/server"}}
	for _, peer := range peers {
		commands = append(commands,
			[]string{"test", "-c", "-o", b.benchmark(peer), "./clients/" + peer},
			[]string{"build", "-o", b.program(peer), "./programs/" + peer})
	}
	for _, args := range commands {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
		}
	}
	return b, nil
}

type server struct {
	baseURL, connections string
	stop                 func()
}

func startServer(ctx context.Context, b binaries) (*server, error) {
	cmd := exec.CommandContext(ctx, b.server())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{stop: func() {
		_ = stdin.Close() // ends the server; stop cannot return an error
		_ = cmd.Wait()
	}}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	urls := strings.Fields(line)
	if err != nil || len(urls) != 2 {
		s.stop()
		return nil, fmt.Errorf("the server said %q: %w", line, errors.Join(err, io.ErrUnexpectedEOF))
	}
	s.baseURL, s.connections = urls[0], urls[1]
	return s, nil
}

func benchmark(ctx context.Context, b binaries, s *server, benchtime, work, peer string, results *report.Report) error {
	pattern := "^Benchmark" + strings.ReplaceAll(work, "/", "$/^") + "$"
	cmd := exec.CommandContext(ctx, b.benchmark(peer), "-test.run=^$", "-test.bench="+pattern, "-test.benchtime="+benchtime)
	cmd.Env = append(os.Environ(), bench.EnvServer+"="+s.baseURL, bench.EnvConnections+"="+s.connections)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", peer, err, out)
	}
	reader := benchfmt.NewReader(bytes.NewReader(out), peer)
	_, short, _ := strings.Cut(work, "/")
	count := 0
	for reader.Scan() {
		result, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		count++
		for _, value := range result.Values {
			perCertificate := strings.HasPrefix(short, "audit/") || strings.HasPrefix(short, "inventory/")
			if perCertificate && strings.HasSuffix(value.Unit, "/op") {
				continue // one operation is about all certificates
			}
			results.Add(report.Line{Work: short, Unit: value.Unit}, peer, value.Value)
		}
	}
	if err := reader.Err(); err != nil {
		return err
	}
	if count != 1 {
		return fmt.Errorf("%s ran %d benchmarks called %s:\n%s", peer, count, work, out)
	}
	return nil
}

// peakRSS measures the memory of a program that makes one call with a large response.
func peakRSS(ctx context.Context, b binaries, s *server, peer string, results *report.Report) error {
	const rows = 100_000
	cmd := exec.CommandContext(ctx, b.program(peer), s.baseURL, payload.Token, payload.Account, payload.ID(0, rows))
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", peer, err)
	}
	var got, peak int
	if _, err := fmt.Sscan(string(out), &got, &peak); err != nil || got != rows {
		return fmt.Errorf("%s said %q, not %d associations and the peak RSS", peer, out, rows)
	}
	results.Add(rssLine, peer, float64(peak))
	return nil
}
