// Package report collects measurements that several clients made in the same
// rounds and prints them side by side.
package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
)

// Floor is the client that the others are compared with.
const Floor = "hand"

// Line names a row of the table: the measured work, and the base unit of the values.
type Line struct{ Work, Unit string }

// Report holds the measurements of all rounds. The zero value is empty.
type Report struct {
	lines   []Line
	peers   []string
	samples map[Line]map[string][]float64
}

// Add records one measurement. The rounds of all clients must be added in the
// same order: ratios are taken within a round, so that a temporary load of the
// machine affects all clients.
func (r *Report) Add(line Line, peer string, value float64) {
	if r.samples == nil {
		r.samples = map[Line]map[string][]float64{}
	}
	if r.samples[line] == nil {
		r.samples[line] = map[string][]float64{}
		r.lines = append(r.lines, line)
	}
	if !slices.Contains(r.peers, peer) {
		r.peers = append(r.peers, peer)
	}
	r.samples[line][peer] = append(r.samples[line][peer], value)
}

const confidence = 0.95

// MinRounds is how many rounds a confidence interval needs.
const MinRounds = 6

func summary(values []float64) benchmath.Summary {
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds), confidence)
}

// Median returns the median of what a client measured.
func (r *Report) Median(line Line, peer string) (float64, bool) {
	values := r.samples[line][peer]
	if len(values) == 0 {
		return 0, false
	}
	return summary(values).Center, true
}

// Ratio returns the median ratio of two clients and its confidence interval.
func (r *Report) Ratio(line Line, peer, against string) (benchmath.Summary, bool) {
	a, b := r.samples[line][peer], r.samples[line][against]
	ratios := make([]float64, 0, len(a))
	for i := range min(len(a), len(b)) {
		if b[i] != 0 {
			ratios = append(ratios, a[i]/b[i])
		}
	}
	if len(ratios) == 0 {
		return benchmath.Summary{}, false
	}
	return summary(ratios), true
}

// Order puts the columns in the order of peers.
func (r *Report) Order(peers []string) {
	slices.SortFunc(r.peers, func(a, b string) int {
		return cmp.Compare(slices.Index(peers, a), slices.Index(peers, b))
	})
}

// Best returns the client with the lowest median. It ignores the client except.
func (r *Report) Best(line Line, except string) string {
	best, lowest := "", 0.0
	for _, peer := range r.peers {
		if value, ok := r.Median(line, peer); ok && peer != except && (best == "" || value < lowest) {
			best, lowest = peer, value
		}
	}
	return best
}

// Print writes the table in Markdown: the medians, and for all clients but the floor
// the median ratio to the floor, with half the width of the ratio's confidence
// interval.
func (r *Report) Print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	others := slices.DeleteFunc(slices.Clone(r.peers), func(p string) bool { return p == Floor })
	fmt.Fprintf(out, "| work\t| unit\t| %s\t| %s\t|\n", Floor, strings.Join(others, "\t| "))
	fmt.Fprintln(out, strings.Repeat("|---\t", len(others)+3)+"|")
	for _, line := range r.lines {
		fmt.Fprintf(out, "| %s\t| %s\t| %s", line.Work, line.Unit, r.absolute(line, Floor))
		for _, peer := range others {
			cell := r.absolute(line, peer)
			if ratio, ok := r.Ratio(line, peer, Floor); ok {
				cell += fmt.Sprintf(" = %.3g×", ratio.Center)
				if width := 50 * (ratio.Hi - ratio.Lo) / ratio.Center; !math.IsInf(width, 0) {
					cell += fmt.Sprintf(" ±%.0f%%", width)
				}
			}
			fmt.Fprintf(out, "\t| %s", cell)
		}
		fmt.Fprintln(out, "\t|")
	}
	return out.Flush()
}

func (r *Report) absolute(line Line, peer string) string {
	value, ok := r.Median(line, peer)
	if !ok {
		return "–"
	}
	if value == math.Trunc(value) && value < 1<<10 {
		return strconv.Itoa(int(value))
	}
	return benchunit.Scale(value, benchunit.ClassOf(line.Unit))
}
