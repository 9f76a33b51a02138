// Command benchimport measures what it costs to import each client. It builds each
// program in programs/ from a build cache that holds only the standard library. After
// edits, it builds all programs except v7 again. It prints two tables: the ratios to
// the client hand, and the targets.
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

	"github.com/certuse/cloudflare-mtls/tests/peers/internal/report"
)

// peers in the order of the columns. v7 comes last: one build of it takes minutes, so
// its program is built only in the first round and not after edits.
var peers = []string{"hand", "ours", "v7sub", "v0", "v7"}

const slowPeer = "v7"

// edits is how often each program except v7 is edited and built again, in turns. Such a
// build takes half a second, and its time varies more than the clients differ, so the
// median needs many builds.
const edits = 15

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	names := flag.String("peers", strings.Join(peers, ","), "clients to build; hand and ours always take part")
	rounds := flag.Int("rounds", 3, "rounds; each builds every client once, v7 only in the first")
	flag.Parse()
	if err := run(ctx, strings.Split(*names, ","), *rounds, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "benchimport:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, wanted []string, rounds int, stdout, stderr io.Writer) error {
	for _, name := range wanted {
		if !slices.Contains(peers, name) {
			return fmt.Errorf("no client %q; there are %s", name, strings.Join(peers, ", "))
		}
	}
	dir, err := os.MkdirTemp("", "peers-import-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	fmt.Fprintln(stderr, "compiling the standard library")
	b, err := newBuilder(ctx, dir)
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(peers), func(peer string) bool {
		return peer != report.Floor && peer != report.Subject && !slices.Contains(wanted, peer)
	})
	var results report.Report
	for round := range rounds {
		for _, peer := range chosen {
			if peer == slowPeer && round > 0 {
				continue
			}
			fmt.Fprintf(stderr, "round %d of %d: %s\n", round+1, rounds, peer)
			if err := b.measure(ctx, peer, &results); err != nil {
				return err
			}
		}
	}
	fmt.Fprintln(stderr, "rebuilding after edits")
	for range edits {
		for _, peer := range chosen {
			if peer == slowPeer {
				continue
			}
			if err := b.rebuild(ctx, peer, &results); err != nil {
				return err
			}
		}
	}
	results.Order(peers)
	if err := results.Print(stdout); err != nil {
		return err
	}
	fmt.Fprintln(stdout)
	_, err = results.Check(stdout, slices.DeleteFunc(targets, func(t report.Target) bool {
		return t.Against != report.Floor && !slices.Contains(wanted, t.Against)
	}))
	return err
}

var (
	buildTime   = report.Line{Work: "cold build", Unit: "sec"}
	buildCPU    = report.Line{Work: "cold build", Unit: "cpu-sec"}
	buildRSS    = report.Line{Work: "cold build", Unit: "B peak RSS"}
	buildCache  = report.Line{Work: "cold build", Unit: "B of cache"}
	rebuildTime = report.Line{Work: "rebuild after an edit", Unit: "sec"}
	binary      = report.Line{Work: "binary", Unit: "B"}
	stripped    = report.Line{Work: "binary, -s -w", Unit: "B"}
	packages    = report.Line{Work: "compiled", Unit: "packages"}
	codeLines   = report.Line{Work: "compiled", Unit: "lines"}
)

var targets = []report.Target{
	{Line: buildCPU, Against: "v7sub", Limit: 1.3},
	{Line: buildTime, Against: "v0", Limit: 1.0 / 8},
	{Line: binary, Against: "hand", Limit: 1.1},
	{Line: stripped, Against: "hand", Limit: 1.1},
	{Line: rebuildTime, Against: "hand", Limit: 1.1},
}
