package update

import (
	"slices"
	"strings"
	"testing"
)

// The go command runs in the root and names staged files relative to it, so the names
// hold a folder that differs for each run.
func TestFirstFaultIsDeterministic(t *testing.T) {
	t.Parallel()
	const root, staging = "/home/someone/module", "/tmp/goapi-123"
	for name, tt := range map[string]struct{ output, want string }{
		"staged file, from the root": {
			"# example.com/generated\n../../../tmp/goapi-123/generated/types.gen.go:16:2: Service redeclared\n\t../../../tmp/goapi-123/generated/types.gen.go:11:2: other declaration of Service\n",
			"generated/types.gen.go:16:2: Service redeclared",
		},
		"staged file, beside the root": {"../goapi-123/generated/types.gen.go:16:2: Service redeclared\n", "generated/types.gen.go:16:2: Service redeclared"},
		"staged file, absolute":        {"vet: /tmp/goapi-123/generated/types.gen.go:16:2: Service redeclared\n", "generated/types.gen.go:16:2: Service redeclared"},
		"file of the module":           {"vet: ./api/list.go:9:3: undefined: x\n", "api/list.go:9:3: undefined: x"},
		"file of the module, absolute": {"/home/someone/module/api/list.go:9:3: undefined: x\n", "api/list.go:9:3: undefined: x"},
		"packages in any order": {
			"# b\nvet: tests/b.go:1:2: undefined: x\n# a\nvet: api/a.go:10:2: undefined: y\nvet: api/a.go:9:2: undefined: z\n",
			"api/a.go:10:2: undefined: y",
		},
		"generated code first": {
			"vet: api/a.go:10:2: undefined: y\n../goapi-123/generated/types.gen.go:16:2: Service redeclared\n",
			"generated/types.gen.go:16:2: Service redeclared",
		},
		"staged file, in a folder with spaces": {"vet: ../../my temp/goapi-123/generated/types.gen.go:16:2: Service redeclared\n", "generated/types.gen.go:16:2: Service redeclared"},
		"no place":                             {"# a\ngo: cannot find main module\n", "go: cannot find main module"},
		"no reason":                            {"# a\n", "no reason was given"},
	} {
		got, located := firstFault(tt.output, root, staging)
		if got != tt.want || located != strings.Contains(tt.want, ".go:") {
			t.Errorf("%s: %q, located %t, want %q", name, got, located, tt.want)
		}
	}
}

func TestTokensIgnoreCommentsAndLayout(t *testing.T) {
	t.Parallel()
	const code = "package p\n\n// T is it.\ntype T struct {\n\tA int `json:\"a\"` // one\n}\n"
	tests := map[string]struct {
		other string
		want  bool
	}{
		"equal":         {code, true},
		"other comment": {"package p\n\n// T was it,\n// for long.\ntype T struct {\n\tA   int `json:\"a\"`\n}\n", true},
		"other tag":     {"package p\n\n// T is it.\ntype T struct {\n\tA int `json:\"a,omitempty\"` // one\n}\n", false},
		"other type":    {"package p\n\ntype T struct {\n\tA string `json:\"a\"`\n}\n", false},
		"more code":     {code + "\nvar X T\n", false},
		"less code":     {"package p\n", false},
		"nothing":       {"", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := slices.Equal(tokens([]byte(code)), tokens([]byte(tt.other))); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
