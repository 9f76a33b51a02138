package main

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestHelpNamesEveryFieldColumnAndFormat(t *testing.T) {
	t.Parallel()
	item, err := json.Marshal(api.InventoryItem{
		Certificate: api.Certificate{PEM: "x", Malformed: []string{"x"}, UploadedOn: time.Now(), ExpiresOn: time.Now()},
		Evidence: api.Evidence{
			Uses:       []api.Use{{Status: "x"}},
			Sources:    []api.SourceResult{{Scope: "x", Permission: "x", Err: errors.New("x")}},
			StartedAt:  time.Now(),
			GatheredAt: time.Now(),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	deletion, err := json.Marshal(record{deletion: &deletionOutcome{Deletion: api.Deletion{DeletedAt: time.Now(), RayID: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	total, err := json.Marshal(newSummary(reportDelete, nil))
	if err != nil {
		t.Fatal(err)
	}
	words := slices.Concat([]string{string(deletionPlanned), string(api.DeletionDone), string(api.DeletionKept), string(deletionNotFound)}, knownColumns(), formatNames(), sortOrders[:1], []string{"profile"})
	for _, field := range regexp.MustCompile(`"([a-z_]+)":`).FindAllStringSubmatch(string(item)+string(deletion)+string(total), -1) {
		words = append(words, field[1])
	}
	if len(words) < 40 {
		t.Errorf("only %d words: %v", len(words), words)
	}
	for _, word := range words {
		if !mentions(formatsHelp, word) {
			t.Errorf("help formats does not mention %s", word)
		}
	}
}

func mentions(text, word string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(word) + `\b`).MatchString(text)
}

func TestHelpVersionAndCompletionGoToStandardOutput(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"--help":            "certuse audit --demo",
		"help":              "Additional help topics",
		"help list":         "exits with 5",
		"usage --version":   "certuse ",
		"formats --version": "certuse ",
		"help usage":        "one row for each use",
		"audit --help":      "--require-unused",
		"help exit-codes":   "4  --require-unused or wait",
		"help formats":      "certificate_id",
		"help environment":  "CLOUDFLARE_API_TOKEN",
		"environment": `Upload
needs "Account: SSL and Certificates Write"; "delete --yes" needs both.`,
		"help delete":           "Without --yes nothing is deleted",
		"help upload":           `needs "SSL and Certificates Write" of the account`,
		"help wait":             "exits with 4 when a certificate is in use",
		"exit-codes":            "4  --require-unused or wait",
		"exit-codes --help":     "4  --require-unused or wait",
		"version":               "\ncontract: https://github.com/cloudflare/api-schemas openapi.json, commit ",
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

// Cobra's default is to offer the files of the directory.
func TestCompletionOffersFilesForFlagsOfFilesOnly(t *testing.T) {
	t.Parallel()
	files := map[string]bool{"from": true, "output-file": true, "cert": true, "key": true}
	root := newRootCommand(system{getenv: func(string) string { return "" }}, io.Discard)
	for _, sub := range root.Commands() {
		requests := map[string]bool{sub.Name(): false}
		sub.Flags().VisitAll(func(f *pflag.Flag) {
			if f.NoOptDefVal == "" { // it takes a value
				requests[sub.Name()+" --"+f.Name] = files[f.Name]
			}
		})
		for request, want := range requests {
			got := execute(t, command(t, nil, append([]string{"__complete"}, append(strings.Fields(request), "")...)...))
			if offers := strings.HasSuffix("\n"+got.stdout, "\n:0\n"); offers != want || got.code != exitOK {
				t.Errorf("%s: files are offered: %v, want %v: %q", request, offers, want, got.stdout)
			}
		}
	}
}

func TestHelpNamesTheExitCodeOfAFailedList(t *testing.T) {
	t.Parallel()
	one, rest, _ := strings.Cut(strings.Join(strings.Fields(exitCodesHelp), " "), " 2 ")
	if _, three, _ := strings.Cut(rest, " 3 "); !strings.Contains(one, "list: the certificates of an account could not be read") ||
		!strings.Contains(three, "not all certificates were read (list: only because of Ctrl-C or --timeout)") {
		t.Error(exitCodesHelp)
	}
}

func TestHelpShowsOnlyValidUsage(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"help":            "\nUsage:\n  certuse [command]\n\n",
		"--help":          "\nUsage:\n  certuse [command]\n\n",
		"help completion": "\nUsage:\n  certuse completion [command]\n\n",
		"help list":       "\nUsage:\n  certuse list [--account ACCOUNT]… [--expires-within DURATION]\n\n",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			if got := execute(t, command(t, nil, strings.Fields(args)...)); !strings.Contains(got.stdout, want) {
				t.Errorf("want %q in:\n%s", want, got.stdout)
			}
		})
	}
}

func TestHelpExampleForComparingAuditsPrintsOnlyItsColumns(t *testing.T) {
	t.Parallel()
	_, text, _ := strings.Cut(formatsHelp, "\n  certuse audit --all-uses ")
	text, _, _ = strings.Cut(text, "\n\n")
	args := strings.Fields("audit --all-uses " + strings.ReplaceAll(text, "\\\n", ""))
	got := execute(t, command(t, environment(newFake(t, nil)), args...))
	if want := "name,certificate_id,usage,used_by,expires_on\n"; got.stdout != want {
		t.Errorf("%q prints %q, want %q", args, got.stdout, want)
	}
}

func TestHelpNamesTheEnvironmentVariables(t *testing.T) {
	t.Parallel()
	read := map[string]bool{"SSL_CERT_FILE": true, "HTTPS_PROXY": true, "XDG_CONFIG_HOME": true, "config.yaml": true, "--profile": true}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text := textOf(t, file)
		for _, found := range regexp.MustCompile(`getenv\("([A-Z_]+)"\)|\byaml:"(\w+)"`).FindAllStringSubmatch(text, -1) {
			read[found[1]+found[2]] = true
		}
	}
	for _, name := range []string{standardVariables.token, standardVariables.email, standardVariables.key} {
		read[name] = true
	}
	if len(read) < 15 {
		t.Errorf("only %v", read)
	}
	for name := range read {
		if !strings.Contains(environmentHelp, name) {
			t.Errorf("help environment does not mention %s", name)
		}
	}
}

func TestTextsOfCommandsAndTopicsFitInto80Columns(t *testing.T) {
	t.Parallel()
	for _, text := range []string{rootHelp, listHelp, usageHelp, auditHelp, uploadHelp, waitHelp, deleteHelp, exitCodesHelp, environmentHelp, formatsHelp} {
		lines := strings.Split(text, "\n")
		if i := slices.IndexFunc(lines, func(s string) bool { return len([]rune(s)) > 80 }); i >= 0 {
			t.Errorf("wider than 80 columns: %s", lines[i])
		}
	}
}
