package api

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestRatelimitHeaderForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values []string
		want   []quota
	}{
		"documented":       {[]string{`"default";r=50;t=30`}, []quota{{"default", 50, 30 * time.Second}}},
		"token as name":    {[]string{`default;r=50;t=30`}, []quota{{"default", 50, 30 * time.Second}}},
		"two policies":     {[]string{`"a";r=1;t=2, "b";r=3;t=4`}, []quota{{"a", 1, 2 * time.Second}, {"b", 3, 4 * time.Second}}},
		"two headers":      {[]string{`"a";r=1;t=2`, `"b";r=3;t=4`}, []quota{{"a", 1, 2 * time.Second}, {"b", 3, 4 * time.Second}}},
		"more parameters":  {[]string{`"a";r=1;t=2;pk=:YQ==:`}, []quota{{"a", 1, 2 * time.Second}}},
		"nothing left":     {[]string{`"a";r=0;t=0`}, []quota{{"a", 0, 0}}},
		"none":             {nil, nil},
		"empty":            {[]string{""}, nil},
		"older form":       {[]string{"limit=10, remaining=50"}, nil},
		"no remaining":     {[]string{`"a";t=2`}, nil},
		"no reset":         {[]string{`"a";r=2`}, nil},
		"negative":         {[]string{`"a";r=-1;t=2`}, nil},
		"negative reset":   {[]string{`"a";r=1;t=-2`}, nil},
		"fraction":         {[]string{`"a";r=1.5;t=2`}, nil},
		"text":             {[]string{`"a";r="1";t=2`}, nil},
		"reset in a day":   {[]string{`"a";r=1;t=86400`}, nil},
		"reset overflows":  {[]string{`"a";r=1;t=999999999999999`}, nil},
		"name is a number": {[]string{`5;r=1;t=2`}, nil},
		"inner list":       {[]string{`("a" "b");r=1;t=2`}, nil},
		"not structured":   {[]string{`"a;r=1`}, nil},
		"odd beside good":  {[]string{`"a";r=-1;t=2, "b";r=3;t=4`}, []quota{{"b", 3, 4 * time.Second}}},
	} {
		if got := parseRatelimit(http.Header{"Ratelimit": c.values}); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func seen(qs ...quota) outcome { return outcome{answered: true, quotas: qs} }

func TestUsedUpQuotaHoldsRequestsBackUntilItsReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0, 0)
		g.leave(enterNow(t, g), seen(quota{"default", 1, 30 * time.Second}))
		last := enterNow(t, g)
		if _, no := g.enter(t.Context(), entry{atMost: time.Millisecond}); no == nil {
			t.Error("two requests went for one that was left")
		}
		g.leave(last, seen(quota{"default", 0, 30 * time.Second}))
		if _, no := g.enter(t.Context(), entry{atMost: time.Second}); no == nil || no.wait != 31*time.Second-time.Millisecond {
			t.Errorf("got %+v", no)
		}
		if tk, no := g.enter(t.Context(), patience); no != nil || tk.waited != 31*time.Second-time.Millisecond {
			t.Errorf("got %+v, %+v", tk, no)
		}
	})
}

func TestRequestsInFlightCountAgainstTheQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0, 0)
		inFlight := []ticket{enterNow(t, g), enterNow(t, g), enterNow(t, g)}
		g.leave(inFlight[0], seen(quota{"default", 2, 30 * time.Second}))
		admitted := make(chan ticket, 1)
		go func() {
			tk, _ := g.enter(t.Context(), patience)
			admitted <- tk
		}()
		synctest.Wait()
		if len(admitted) != 0 {
			t.Error("a third request went although two were left and two in flight")
		}
		g.leave(inFlight[1], seen(quota{"default", 2, 30 * time.Second}))
		synctest.Wait()
		if len(admitted) != 1 {
			t.Error("nobody went although two were left and one in flight")
		}
	})
}

func TestQuotaAnswersThatOvertakeEachOther(t *testing.T) {
	t.Parallel()
	var qs quotas
	qs.observe(0, 2, []quota{{"default", 5, 30 * time.Second}})
	qs.observe(time.Second, 1, []quota{{"default", 9, 30 * time.Second}})
	if qs.opens(0, 5, 2*time.Second).latest <= 2*time.Second || qs.opens(0, 4, 2*time.Second).latest > 2*time.Second {
		t.Error("an older answer raised the count within its window")
	}
	qs.observe(20*time.Second, 1, []quota{{"default", 9, 5 * time.Second}})
	if qs.opens(0, 5, 21*time.Second).latest <= 21*time.Second {
		t.Error("an older answer about an earlier window counted")
	}
	qs.observe(29*time.Second, 3, []quota{{"default", 1000, 300 * time.Second}})
	if qs.opens(0, 900, 29*time.Second).latest > 29*time.Second {
		t.Error("a new window did not replace the old one")
	}
	qs.observe(30*time.Second, 4, []quota{{"default", 7, 10 * time.Second}})
	if qs.opens(0, 7, 30*time.Second).latest <= 30*time.Second || qs.opens(0, 7, 42*time.Second).latest > 42*time.Second {
		t.Error("a newer answer with an earlier reset did not count")
	}
}

func TestQuotasAreBounded(t *testing.T) {
	t.Parallel()
	var qs quotas
	for i := range 1000 {
		qs.observe(time.Duration(i), uint64(i), []quota{{string(rune('a' + i)), 1, time.Minute}})
	}
	if len(qs.entries) != maxQuotas {
		t.Errorf("kept %d", len(qs.entries))
	}
	qs.observe(time.Hour, 5000, []quota{{"new", 0, time.Minute}})
	if len(qs.entries) != maxQuotas || qs.opens(0, 0, time.Hour).latest <= time.Hour {
		t.Error("a place that had run out was not used again")
	}
}

func FuzzRatelimit(f *testing.F) {
	for _, s := range []string{"", `"default";r=50;t=30`, "limit=10, remaining=50", `"a";r=0;t=0, b;r=1;t=1`, `("a");r=1`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		qs := parseRatelimit(http.Header{"Ratelimit": {value}})
		if len(qs) > maxQuotas {
			t.Errorf("%d entries", len(qs))
		}
		for _, q := range qs {
			if q.remaining < 0 || q.reset < 0 || q.reset > maxReset {
				t.Errorf("%+v", q)
			}
		}
		g := newGate(0, 0)
		g.quotas.observe(0, 1, qs)
		if at := g.opens(0, 0).latest; at < 0 || at > maxReset+resetMargin {
			t.Errorf("the next request may go at %v", at)
		}
	})
}
