package main

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestHelpNamesEveryFieldAndReason(t *testing.T) {
	t.Parallel()
	for _, typ := range []reflect.Type{reflect.TypeFor[answer](), reflect.TypeFor[reason](), reflect.TypeFor[association](), reflect.TypeFor[notice](), reflect.TypeFor[summary]()} {
		for i := range typ.NumField() {
			if name := typ.Field(i).Tag.Get("json"); !mentions(formatsHelp, name) {
				t.Errorf("help formats does not mention the field %s of %s", name, typ)
			}
		}
	}
	seen := make(map[string]bool)
	for _, each := range reasons {
		if !mentions(formatsHelp, each.code) || seen[each.code] {
			t.Errorf("help formats does not mention the reason %s, or it is there twice", each.code)
		}
		seen[each.code] = true
	}
}

func mentions(text, word string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(word) + `\b`).MatchString(text)
}

// TestUsageIsSpeltAsTheLibrarySpellsIt keeps the two from drifting apart.
func TestUsageIsSpeltAsTheLibrarySpellsIt(t *testing.T) {
	t.Parallel()
	for usage, want := range map[api.Usage]string{api.InUse: usageInUse, api.Unused: usageUnused, api.UsageUnknown: usageUnknown} {
		if usage.String() != want {
			t.Errorf("%v, want %s", usage, want)
		}
	}
}

func TestHelpVersionAndCompletionGoToStandardOutput(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"--help":                "certuse audit --demo",
		"help":                  "Additional help topics",
		"help list":             "one row for each association",
		"audit --help":          "--require-unused",
		"help exit-codes":       "4  --require-unused",
		"help formats":          "certificate_id",
		"help environment":      "CLOUDFLARE_API_TOKEN",
		"exit-codes":            "4  --require-unused",
		"exit-codes --help":     "4  --require-unused",
		"version":               "certuse ",
		"--version":             "certuse ",
		"completion bash":       "__start_certuse",
		"completion zsh":        "#compdef certuse",
		"completion fish":       "complete -c certuse",
		"completion powershell": "Register-ArgumentCompleter",
		"__complete list -o ":   "jsonl",
	}
	for args, want := range tests {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			got := execute(t, command(t, nil, strings.Split(args, " ")...))
			got.expect(t, exitOK)
			if !strings.Contains(got.stdout, want) {
				t.Errorf("standard output does not say %q:\n%s", want, got.stdout)
			}
			if got.stderr != "" && !strings.HasPrefix(args, "__complete") {
				t.Errorf("standard error: %s", got.stderr)
			}
		})
	}
}

func TestHelpShowsNoUsageThatIsAnError(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"help":            "\nUsage:\n  certuse [command]\n\n",
		"--help":          "\nUsage:\n  certuse [command]\n\n",
		"help completion": "\nUsage:\n  certuse completion [command]\n\n",
		"help list":       "\nUsage:\n  certuse list [--account ACCOUNT] CERT…\n\n",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			if got := execute(t, command(t, nil, strings.Fields(args)...)); !strings.Contains(got.stdout, want) {
				t.Errorf("want %q in:\n%s", want, got.stdout)
			}
		})
	}
}

func TestHelpFitsIntoATerminal(t *testing.T) {
	t.Parallel()
	for _, text := range []string{rootHelp, listHelp, auditHelp, exitCodesHelp, environmentHelp, formatsHelp} {
		lines := strings.Split(text, "\n")
		if i := slices.IndexFunc(lines, func(s string) bool { return len([]rune(s)) > 80 }); i >= 0 {
			t.Errorf("wider than 80 columns: %s", lines[i])
		}
	}
}
