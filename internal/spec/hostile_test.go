package spec

import (
	"strings"
	"testing"
)

func TestHostileYAMLIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"second document":     {"a: 1\n---\nb: 2\n", "more than one YAML document"},
		"broken second":       {"a: 1\n---\n[", "more than one YAML document"},
		"infinity":            {"a: .inf\n", "not a JSON number"},
		"not a number":        {"a: .nan\n", "not a JSON number"},
		"alias of itself":     {"a: &a [*a]\n", "nested deeper"},
		"deep block":          {deepBlock(3000), "nested deeper"},
		"deep flow":           {"a: " + strings.Repeat("[", 20_000), "exceeded max depth"},
		"closed but too deep": {"a: " + strings.Repeat("[", 1500) + strings.Repeat("]", 1500), "nested deeper"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Decode("f", []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %.300v, want one with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %.300q", err)
			}
		})
	}
}

func deepBlock(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// FuzzDecode looks for documents that Decode accepts, but that cannot be encoded and
// decoded again. It finds no panics: Decode returns them as errors.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"x",null]}`, "a: &a {b: 1}\nc: *a\n", "? x\n: y\n", "a: 0x1F\nb: 2022-01-01\nc: ~\n", "!!binary x: y", "a: !foo b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := Decode("fuzz", data)
		if err != nil {
			return
		}
		encoded, err := Encode(tree)
		if err != nil {
			t.Fatalf("decoded but not encoded: %v", err)
		}
		if _, err := Decode("fuzz", encoded); err != nil {
			t.Fatalf("encoded but not decoded: %v", err)
		}
	})
}
