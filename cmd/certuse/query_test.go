package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

// askFake runs ask in this process, with an input that a test may have spoilt.
func askFake(t *testing.T, spoil func(*input)) (stdout string, err error) {
	t.Helper()
	client, err := newFake(t, map[string]apitest.Response{"used": inUse, "free": unused}).Client()
	if err != nil {
		t.Fatal(err)
	}
	in := newInput(testAccount)
	defer in.close()
	in.refs.limit = 1 // to a file at once
	for _, id := range []string{"used", "free"} {
		if err := in.add(id); err != nil {
			t.Fatal(err)
		}
	}
	spoil(in)
	var out, messages bytes.Buffer
	q := &query{sys: system{stdout: &out, stderr: &messages, getenv: func(string) string { return "" }}, format: "jsonl"}
	printer, err := newPrinter(q.format, &out, palette{}, false)
	if err != nil {
		t.Fatal(err)
	}
	err = q.ask(t.Context(), client, in, printer)
	return out.String(), err
}

func TestMissingAnswersAreAFailure(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(*input)
		says  string
	}{
		"fewer answers than certificates": {func(in *input) { in.total = 3 }, "2 of 3 certificates answered: the output is incomplete"},
		"list cannot be read back":        {func(in *input) { _ = in.refs.file.Close() }, "cannot read the list of certificates back"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := askFake(t, test.spoil)
			exit, ok := errors.AsType[*exitError](err)
			if !ok || exit.code != exitFailure || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want exit code 1 and %q", err, test.says)
			}
		})
	}
	t.Run("nothing spoilt", func(t *testing.T) {
		t.Parallel()
		if stdout, err := askFake(t, func(*input) {}); err != nil || strings.Count(stdout, "\n") != 2 {
			t.Errorf("%v:\n%s", err, stdout)
		}
	})
}

func TestManyKindsOfUseAreCutShort(t *testing.T) {
	t.Parallel()
	var list []association
	for i := range 10 {
		use := association{"service-" + strconv.Itoa(i), "active"}
		list = append(list, use, use)
	}
	got := groups(list)
	if len(got) != maxGroups+1 || got[0] != "service-0 (active) ×2" || !slices.Contains(got, "and 4 more kinds") {
		t.Errorf("%q", got)
	}
}

func TestUseWithoutWordsIsADash(t *testing.T) {
	t.Parallel()
	got := groups([]association{{"", ""}, {"gateway", ""}, {"", "active"}, {"", ""}})
	if want := []string{"- (-) ×2", "gateway (-)", "- (active)"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInterruptComesBeforeWhatItCutShort(t *testing.T) {
	t.Parallel()
	limited := &api.Error{StatusCode: http.StatusTooManyRequests, RetryAfter: 5 * time.Minute}
	if got := failure(limited); got.Code != reasonRateLimited {
		t.Fatalf("without an interrupt: %+v", got)
	}
	tests := map[string]struct {
		err  error
		want reason
	}{
		"rate limited before": {errors.Join(limited, context.Canceled), reason{"interrupted", "interrupted after HTTP 429", 429, 300}},
		"no answer yet":       {fmt.Errorf("list: %w", context.Canceled), reason{"interrupted", "interrupted", 0, 0}},
		"not asked":           {errors.Join(api.ErrNotAsked, context.Canceled), reason{"not_asked", "not asked: interrupted", 0, 0}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := failure(test.err)
			if *got != test.want {
				t.Errorf("got %+v, want %+v", *got, test.want)
			}
		})
	}
}

func TestInterruptedAuditGivesNoAdviceToAskMoreSlowly(t *testing.T) {
	t.Parallel()
	for _, interrupted := range []bool{false, true} {
		total := newSummary(0)
		total.Interrupted = interrupted
		total.add(answer{Usage: usageUnknown, Reason: &reason{Code: reasonRateLimited}})
		var out bytes.Buffer
		total.write(&out, palette{})
		if strings.Contains(out.String(), "five minutes") == interrupted {
			t.Errorf("interrupted %t:\n%s", interrupted, out.String())
		}
	}
}
