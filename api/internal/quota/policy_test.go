package quota

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestRatelimitHeaderIsParsedInAllForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values []string
		want   []Policy
	}{
		"documented":       {[]string{`"default";r=50;t=30`}, []Policy{{"default", 50, 30 * time.Second}}},
		"token as name":    {[]string{`default;r=50;t=30`}, []Policy{{"default", 50, 30 * time.Second}}},
		"two policies":     {[]string{`"a";r=1;t=2, "b";r=3;t=4`}, []Policy{{"a", 1, 2 * time.Second}, {"b", 3, 4 * time.Second}}},
		"two headers":      {[]string{`"a";r=1;t=2`, `"b";r=3;t=4`}, []Policy{{"a", 1, 2 * time.Second}, {"b", 3, 4 * time.Second}}},
		"more parameters":  {[]string{`"a";r=1;t=2;pk=:YQ==:`}, []Policy{{"a", 1, 2 * time.Second}}},
		"nothing left":     {[]string{`"a";r=0;t=0`}, []Policy{{"a", 0, 0}}},
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
		"one valid of two": {[]string{`"a";r=-1;t=2, "b";r=3;t=4`}, []Policy{{"b", 3, 4 * time.Second}}},
	} {
		if got := ParsePolicies(c.values); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func withPolicies(qs ...Policy) Outcome { return Outcome{Answered: true, Policies: qs} }

func TestUsedUpQuotaDelaysRequestsUntilItsReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		l.Release(mustAcquire(t, l, Bounds{}), withPolicies(Policy{"default", 1, 30 * time.Second}))
		last := mustAcquire(t, l, Bounds{})
		if _, refusal := l.Acquire(t.Context(), Bounds{MaxWait: time.Millisecond}); refusal == nil {
			t.Error("two requests were admitted although one remained")
		}
		l.Release(last, withPolicies(Policy{"default", 0, 30 * time.Second}))
		if _, refusal := l.Acquire(t.Context(), Bounds{MaxWait: time.Second}); refusal == nil || refusal.Wait != 31*time.Second-time.Millisecond {
			t.Errorf("got %+v", refusal)
		}
		if permit, refusal := l.Acquire(t.Context(), auditBounds()); refusal != nil || permit.Waited != 31*time.Second-time.Millisecond {
			t.Errorf("got %+v, %+v", permit, refusal)
		}
	})
}

func TestRequestsInFlightCountAgainstTheQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, 0)
		inFlight := []Permit{mustAcquire(t, l, Bounds{}), mustAcquire(t, l, Bounds{}), mustAcquire(t, l, Bounds{})}
		l.Release(inFlight[0], withPolicies(Policy{"default", 2, 30 * time.Second}))
		admitted := make(chan Permit, 1)
		go func() {
			permit, _ := l.Acquire(t.Context(), auditBounds())
			admitted <- permit
		}()
		synctest.Wait()
		if len(admitted) != 0 {
			t.Error("a third request was admitted although two remained and two were in flight")
		}
		l.Release(inFlight[1], withPolicies(Policy{"default", 2, 30 * time.Second}))
		synctest.Wait()
		if len(admitted) != 1 {
			t.Error("no caller was admitted although two remained and one was in flight")
		}
	})
}

func TestOlderQuotaResponsesAreIgnored(t *testing.T) {
	t.Parallel()
	var qs policyStates
	qs.observe(0, 2, []Policy{{"default", 5, 30 * time.Second}})
	qs.observe(time.Second, 1, []Policy{{"default", 9, 30 * time.Second}})
	if qs.opens(0, 5, 2*time.Second).latest <= 2*time.Second || qs.opens(0, 4, 2*time.Second).latest > 2*time.Second {
		t.Error("an older response raised the count within its window")
	}
	qs.observe(20*time.Second, 1, []Policy{{"default", 9, 5 * time.Second}})
	if qs.opens(0, 5, 21*time.Second).latest <= 21*time.Second {
		t.Error("an older response about an earlier window counted")
	}
	qs.observe(29*time.Second, 3, []Policy{{"default", 1000, 300 * time.Second}})
	if qs.opens(0, 900, 29*time.Second).latest > 29*time.Second {
		t.Error("a new window did not replace the old one")
	}
	qs.observe(30*time.Second, 4, []Policy{{"default", 7, 10 * time.Second}})
	if qs.opens(0, 7, 30*time.Second).latest <= 30*time.Second || qs.opens(0, 7, 42*time.Second).latest > 42*time.Second {
		t.Error("a newer response with an earlier reset did not count")
	}
}

func TestQuotasAreBounded(t *testing.T) {
	t.Parallel()
	var qs policyStates
	for i := range 1000 {
		qs.observe(time.Duration(i), uint64(i), []Policy{{string(rune('a' + i)), 1, time.Minute}})
	}
	if len(qs) != maxPolicies {
		t.Errorf("kept %d", len(qs))
	}
	qs.observe(time.Hour, 5000, []Policy{{"new", 0, time.Minute}})
	if len(qs) != 1 || qs.opens(0, 0, time.Hour).latest <= time.Hour {
		t.Error("the expired entries were kept")
	}
}

func FuzzRatelimit(f *testing.F) {
	for _, s := range []string{"", `"default";r=50;t=30`, "limit=10, remaining=50", `"a";r=0;t=0, b;r=1;t=1`, `("a");r=1`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		qs := ParsePolicies([]string{value})
		if len(qs) > maxPolicies {
			t.Errorf("%d entries", len(qs))
		}
		for _, q := range qs {
			if q.Remaining < 0 || q.Reset < 0 || q.Reset > maxReset {
				t.Errorf("%+v", q)
			}
		}
		l := NewLimiter(0, 0)
		l.policies.observe(0, 1, qs)
		if at := l.opens(0, 0).latest; at < 0 || at > maxReset+resetMargin {
			t.Errorf("the next request is admitted at %v", at)
		}
	})
}
