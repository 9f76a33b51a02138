package report

import (
	"testing"

	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"

	"github.com/certuse/cloudflare-mtls/internal/flatten"
	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// peerLevel is how oasdiff judges a change.
func peerLevel(t *testing.T, before, after specdoc.Object) checker.Level {
	t.Helper()
	info := func(doc specdoc.Object) *load.SpecInfo {
		spec, err := flatten.Load(doc)
		if err != nil {
			t.Fatal(err)
		}
		return &load.SpecInfo{Spec: spec}
	}
	d, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), info(before), info(after))
	if err != nil {
		t.Fatal(err)
	}
	worst := checker.Level(0)
	for _, change := range checker.CheckBackwardCompatibilityUntilLevel(checker.NewConfig(checker.GetAllChecks()), d, sources, checker.INFO) {
		worst = max(worst, change.GetLevel())
	}
	return worst
}

// oasdiff's checker is an independent judge. What it calls breaking without
// doubt must be breaking here, unless it is listed with the reason.
func TestNoChangeIsJudgedMilderThanByOasdiff(t *testing.T) {
	t.Parallel()
	milder := map[string]string{
		"enumeration dropped (undone)": "readers of any string read those of a list; the generated Go ignores enumerations",
	}
	judged := 0
	for name, tt := range edits {
		for direction, pair := range map[string][2]specdoc.Object{
			"":          {contract(t), contract(t, tt.edits...)},
			" (undone)": {contract(t, tt.edits...), contract(t)},
		} {
			own := Worst(Compare(pair[0], pair[1]))
			peer := peerLevel(t, pair[0], pair[1])
			if peer >= checker.ERR {
				judged++
				if _, known := milder[name+direction]; own < Breaking && !known {
					t.Errorf("%s%s: %v here, an error to oasdiff", name, direction, own)
				}
			}
		}
	}
	if judged < 10 {
		t.Errorf("oasdiff found %d breaking changes only: it is not asked rightly", judged)
	}
}
