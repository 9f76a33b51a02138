package report

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// Subject is the client that the targets are about.
const Subject = "ours"

// BestPeer in Target.Against stands for the client with the lowest median, other than
// the subject.
const BestPeer = "the best peer"

// Target bounds the ratio of the subject to a peer.
type Target struct {
	Line    Line
	Against string
	Limit   float64
}

// Check compares the report with the targets and writes one line for each. A
// target is missed if the median ratio is above the limit, and broken if the
// whole confidence interval is, so that noise alone breaks no target. A target without
// measurements is broken too. Check returns the number of broken targets.
func (r *Report) Check(w io.Writer, targets []Target) (broken int, err error) {
	out := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(out, "| target\t| limit\t| measured\t| verdict\t|")
	fmt.Fprintln(out, "|---\t|---\t|---\t|---\t|")
	for _, t := range targets {
		against := t.Against
		if against == BestPeer {
			against = r.Best(t.Line, Subject)
		}
		verdict, measured := "met", "–"
		ratio, ok := r.Ratio(t.Line, Subject, against)
		switch {
		case !ok:
			verdict, against = "NOT MEASURED", t.Against
		case ratio.Lo > t.Limit:
			verdict = "BROKEN"
		case ratio.Center > t.Limit:
			verdict = "missed"
		}
		if ok {
			measured = fmt.Sprintf("%.3g", ratio.Center)
		}
		if ok && !math.IsInf(ratio.Lo, 0) && !math.IsInf(ratio.Hi, 0) {
			measured += fmt.Sprintf(" (%.3g to %.3g)", ratio.Lo, ratio.Hi)
		}
		if !ok || ratio.Lo > t.Limit {
			broken++
		}
		fmt.Fprintf(out, "| %s %s\t| ≤ %.3g × %s\t| %s\t| %s\t|\n", t.Line.Work, t.Line.Unit, t.Limit, against, measured, verdict)
	}
	return broken, out.Flush()
}
