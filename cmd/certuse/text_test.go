package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/certuse/cloudflare-mtls/api"
)

// hostile has texts with characters that a terminal may interpret or not show.
var hostile = map[string]string{
	"title escape sequence":  "\x1b]0;owned\x07",
	"colour":                 "\x1b[31mred\x1b[0m",
	"C1 control sequence":    "\u009b31mred",
	"carriage return":        "ok\rbad",
	"line break":             "one\ntwo",
	"tab":                    "a\tb",
	"delete":                 "a\x7fb",
	"right-to-left override": "abc\u202Ecba",
	"zero-width joiner":      "a\u200Db",
	"line separator":         "a\u2028b",
	"beyond the basic plane": "a\U000E0001b",
	"invalid UTF-8":          "a\xffb",
	"start of a character":   "a\xefb",
	"nul":                    "a\x00b",
}

func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) })
}

func TestPrintableEscapesControlCharacters(t *testing.T) {
	t.Parallel()
	for name, s := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := printable(s)
			if !isPrintable(got) {
				t.Errorf("printable(%q) = %q, which is not printable", s, got)
			}
			if got == s {
				t.Errorf("printable(%q) changed nothing", s)
			}
		})
	}
}

func TestPrintableKeepsOrdinaryText(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "gateway", "pending_deployment", `back\slash`, "Zürich 東京", "\uFFFD"} {
		if got := printable(s); got != s {
			t.Errorf("printable(%q) = %q", s, got)
		}
	}
}

func TestJSONIsSafeToShowAndReadsBackTheSame(t *testing.T) {
	t.Parallel()
	for name, s := range hostile {
		if !utf8.ValidString(s) {
			continue // the client refuses such a response
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := marshal(api.Use{Name: s, Status: "<&>"})
			if err != nil {
				t.Fatal(err)
			}
			if !isPrintable(text) {
				t.Errorf("%q is not printable", text)
			}
			var back api.Use
			requireNoError(t, json.Unmarshal([]byte(text), &back))
			if want := (api.Use{Name: s, Status: "<&>"}); back != want {
				t.Errorf("read back %q, want %q", back, want)
			}
			if !strings.Contains(text, "<&>") {
				t.Errorf("%s escapes for HTML", text)
			}
		})
	}
}

func TestNumbersAndLongTextsAreFormattedForReaders(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	if got := plural(1, "result") + " " + plural(2, "result"); got != "1 result 2 results" {
		t.Error(got)
	}
	if got := shorten("héllo wörld", 6); got != "héllo…" {
		t.Errorf("shorten = %q", got)
	}
}

func TestDaysLeftAreRoundedDownForAnyExpiry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 8, 0, 0, 500, time.UTC)
	for expires, want := range map[time.Time]string{
		now: "0", now.Add(-time.Nanosecond): "-1", now.Add(day): "1", now.Add(day - time.Nanosecond): "0",
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC): "2912113", // no defined expiry, by RFC 5280
		time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC):         "-739946",
		{}:                                               "",
	} {
		r := record{InventoryItem: api.InventoryItem{Certificate: api.Certificate{ExpiresOn: expires}}}
		if days := daysLeft(row{record: &r, now: now}); days != want {
			t.Errorf("%v: %q days, want %q", expires, days, want)
		}
	}
}
