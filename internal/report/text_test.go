package report

import (
	"bytes"
	"strings"
	"testing"
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

func TestGoCodeIsToldInOneLine(t *testing.T) {
	t.Parallel()
	for want, g := range map[string]Go{
		"the generated code is the same, byte for byte":               {Identical: true, SameCode: true},
		"only comments change in the generated code":                  {SameCode: true},
		"the generated code changes, and the module compiles with it": {},
	} {
		if got := textOf(t, Report{Go: g}); !strings.Contains(got, "\nGo\n  "+want+"\n\n") {
			t.Errorf("%q is not in the report:\n%s", want, got)
		}
	}
}
