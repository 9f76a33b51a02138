package report_test

import (
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/tests/peers/internal/report"
)

var line = report.Line{Work: "memory/rows=2", Unit: "sec/op"}

func filled(samples map[string][]float64) *report.Report {
	var r report.Report
	for peer, values := range samples {
		for _, v := range values {
			r.Add(line, peer, v)
		}
	}
	return &r
}

func TestRatioIsTakenWithinARound(t *testing.T) {
	t.Parallel()
	// The machine is ten times slower in half of the rounds.
	r := filled(map[string][]float64{
		"hand": {10, 100, 10, 100, 10, 100, 10},
		"ours": {5, 50, 5, 50, 5, 50, 5},
	})
	ratio, ok := r.Ratio(line, "ours", "hand")
	if !ok || ratio.Center != 0.5 || ratio.Lo != 0.5 || ratio.Hi != 0.5 {
		t.Errorf("ratio %+v, %v; want 0.5 with certainty", ratio, ok)
	}
}

func TestTargetIsBrokenOnlyBeyondNoise(t *testing.T) {
	t.Parallel()
	hand := []float64{10, 10, 10, 10, 10, 10, 10}
	for name, test := range map[string]struct {
		ours    []float64
		against string
		verdict string
		broken  int
	}{
		"below":                        {[]float64{8, 9, 8, 9, 8, 9, 8}, "hand", "met", 0},
		"above, but not in all rounds": {[]float64{9, 11, 12, 11, 12, 11, 12}, "hand", "missed", 0},
		"above in all rounds":          {[]float64{11, 11, 12, 11, 12, 11, 12}, "hand", "BROKEN", 1},
		"too few rounds to tell":       {[]float64{20, 20}, "hand", "missed", 0},
		"the best peer is not ours":    {[]float64{8, 8, 8, 8, 8, 8, 8}, report.BestPeer, "≤ 1 × hand", 0},
		"not measured":                 {nil, "hand", "NOT MEASURED", 1},
		"nothing to compare with":      {[]float64{8, 8, 8, 8, 8, 8, 8}, "v9", "NOT MEASURED", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := filled(map[string][]float64{"hand": hand, "ours": test.ours, "v0": {30, 30, 30, 30, 30, 30, 30}})
			var out strings.Builder
			broken, err := r.Check(&out, []report.Target{{Line: line, Against: test.against, Limit: 1}})
			if err != nil || broken != test.broken || !strings.Contains(out.String(), test.verdict) {
				t.Errorf("%d broken, %v; want %d, %s\n%s", broken, err, test.broken, test.verdict, out.String())
			}
		})
	}
}

func TestPrintPutsTheFloorFirst(t *testing.T) {
	t.Parallel()
	r := filled(map[string][]float64{"ours": {5e-6}, "hand": {1e-5}, "v7": {3e-5}})
	r.Order([]string{"v7", "ours", "hand"})
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	rest := out.String()
	for _, want := range []string{"| work", "| hand", "| v7", "| ours", "10.00µ", "30.00µ = 3×", "5.000µ = 0.5×"} {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Fatalf("%q is missing or out of place in\n%s", want, out.String())
		}
		rest = after
	}
}
