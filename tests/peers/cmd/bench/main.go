// Command bench runs the benchmarks in rounds, and in each round the clients in turn.
// It prints two tables: the ratios to the client hand, and the targets.
//
//	bench            everything; the first run compiles cloudflare-go v7, which takes minutes
//	bench -check     hand, ours and v0, in memory only, and their peak RSS; exit code
//	                 1 if a target is broken beyond noise
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/tests/peers/internal/bench"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/report"
)

var peers = []string{"hand", "ours", "v0", "v7sub", "v7"}

type config struct {
	peers     []string
	rounds    int
	benchtime string
	works     []string
	check     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ok, err := run(ctx, cfg, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if !ok {
		os.Exit(1)
	}
}

func parse(args []string) (config, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	names := flags.String("peers", strings.Join(peers, ","), "clients to run; hand and ours always take part; -check ignores this flag")
	rounds := flags.Int("rounds", 9, "rounds; each runs every client once")
	benchtime := flags.String("benchtime", "200ms", "time for each benchmark in a round")
	check := flags.Bool("check", false, "run hand, ours and v0 in memory only, measure their peak RSS, and fail if a target is broken")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	if *check && *rounds < report.MinRounds {
		return config{}, fmt.Errorf("fewer than %d rounds cannot tell a change from noise", report.MinRounds)
	}
	cfg := config{rounds: *rounds, benchtime: *benchtime, works: bench.Works(), check: *check}
	wanted := strings.Split(*names, ",")
	if cfg.check {
		wanted = []string{"v0"}
		cfg.works = slices.DeleteFunc(cfg.works, func(work string) bool { return !strings.Contains(work, quick) })
	}
	for _, name := range wanted {
		if !slices.Contains(peers, name) {
			return config{}, fmt.Errorf("no client %q; there are %s", name, strings.Join(peers, ", "))
		}
	}
	for _, name := range peers {
		if name == report.Floor || name == report.Subject || slices.Contains(wanted, name) {
			cfg.peers = append(cfg.peers, name)
		}
	}
	return cfg, nil
}

func run(ctx context.Context, cfg config, stdout, stderr io.Writer) (bool, error) {
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	fmt.Fprintln(stderr, "compiling", strings.Join(cfg.peers, ", "))
	built, err := build(ctx, dir, cfg.peers)
	if err != nil {
		return false, err
	}
	server, err := startServer(ctx, built)
	if err != nil {
		return false, err
	}
	defer server.stop()

	var results report.Report
	for round := range cfg.rounds {
		fmt.Fprintf(stderr, "round %d of %d\n", round+1, cfg.rounds)
		turn := slices.Concat(cfg.peers[round%len(cfg.peers):], cfg.peers[:round%len(cfg.peers)]) // each round starts with another client
		for _, work := range cfg.works {
			for _, peer := range turn {
				if strings.HasPrefix(work, bench.OfTwo) && peer != report.Floor && peer != report.Subject {
					continue
				}
				if err := benchmark(ctx, built, server, cfg.benchtime, work, peer, &results); err != nil {
					return false, err
				}
			}
		}
		for _, peer := range turn {
			if err := peakRSS(ctx, built, server, peer, &results); err != nil {
				return false, err
			}
		}
	}
	results.Order(cfg.peers)
	if err := results.Print(stdout); err != nil {
		return false, err
	}
	fmt.Fprintln(stdout)
	broken, err := results.Check(stdout, applicable(cfg))
	return broken == 0 || !cfg.check, err
}
