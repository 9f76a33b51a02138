package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/goapi"
)

func textOf(t *testing.T, r Report) string {
	t.Helper()
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// What has no effect on users has one on whoever takes the document: it is told
// by its values, where wording is told by its place.
func TestDocumentationWithAConsequenceIsToldInFull(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edits []string
		want  []string
	}{
		"server": {[]string{"v4}]", "v4}, {url: https://x.example.com}]"}, []string{
			"  prose       added: [\"https://x.example.com\"]\n      servers\n        /servers\n", "      The library's default address is the first server",
		}},
		"licence": {[]string{"title: Things", "license: {name: MIT}, title: Things"}, []string{
			"  prose       licence: nothing → {\"name\":\"MIT\"}\n", "      Check that the text may still be kept and distributed here.\n",
		}},
		"link":         {[]string{good, good + "          links: {next: {operationId: list}}\n"}, []string{"  prose       links: nothing → {\"next\":{\"operationId\":\"list\"}}\n"}},
		"one place":    {[]string{"description: what", "description: which"}, []string{"  prose       1 place: answer 200: result[].service\n"}},
		"two places":   {[]string{"description: what", "description: which", "description: about", "description: on"}, []string{"  prose       2 places: document, answer 200: result[].service\n"}},
		"same servers": {[]string{"v4}]", "v4, description: the one}]"}, []string{"  prose       1 place: servers\n"}},
	} {
		got := textOf(t, Report{Class: Documentation, Contract: Compare(contract(t), contract(t, tt.edits...))})
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in the report:\n%s", name, want, got)
			}
		}
	}
}

// generated/ carries no promise, so no change of it can be a breaking one.
func TestOnlyThePublicAPIHasClasses(t *testing.T) {
	t.Parallel()
	got := textOf(t, Report{Class: Compatible, Go: Go{Changes: goapi.Changes{
		Public:    []goapi.Change{{Compatible: false, Message: "A: removed"}, {Compatible: true, Message: "B: added"}},
		Generated: []goapi.Change{{Compatible: false, Message: "Association: old is comparable, new is not"}},
	}}})
	const want = "\nGo\n  api: breaking    A: removed\n  api: compatible  B: added\n  generated (no promise): Association: old is comparable, new is not\n"
	if !strings.Contains(got, want) {
		t.Errorf("%q is not in the report:\n%s", want, got)
	}
}
