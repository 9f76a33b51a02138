package spec

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJSONAndYAMLReadTheSame(t *testing.T) {
	t.Parallel()
	want := Object{
		"openapi": "3.0.3",
		"paths":   Object{"/a": Object{"200": []any{1.0, 1.5, true, nil, "text", "2026-11-22", "no", Object{}}}},
	}
	for name, text := range map[string]string{
		"JSON":       `{"openapi": "3.0.3", "paths": {"/a": {"200": [1, 1.5, true, null, "text", "2026-11-22", "no", {}]}}}`,
		"YAML":       "openapi: 3.0.3\npaths:\n  /a:\n    200: [1, 1.5, true, null, text, 2026-11-22, no, {}]\n",
		"YAML alias": "openapi: 3.0.3\nx: &x [1, 1.5, true, ~, text, '2026-11-22', 'no', {}]\npaths:\n  /a: {200: *x}\n",
	} {
		got, err := Decode(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		delete(got, "x")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestUnusableDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"empty":                 {" \n", "f: the document is empty"},
		"broken JSON":           {"{\n  \"a\": 1,\n  b: 2}", "after offset 14"},
		"cut JSON":              {`{"a": {`, `f: not JSON: jsontext: unexpected EOF within "/a" after offset 7`},
		"two JSON documents":    {`{"a": 1} {"b": 2}`, "f: not JSON: "},
		"JSON number too large": {`{"a": 1e999}`, "JSON number 1e999"},
		"duplicate JSON key":    {`{"a": 1, "a": 2}`, "duplicate"},
		"invalid UTF-8 in JSON": {"{\"a\": \"\xff\"}", "invalid UTF-8"},
		"broken YAML":           {"a: [1", "f: neither JSON nor YAML"},
		"duplicate YAML key":    {"a: 1\nb: 2\na: 3\n", `line 3: key "a" occurs twice`},
		"YAML scalar":           {"just text", "the root is not an object"},
		"YAML list":             {"- a\n", "the root is not an object"},
		"YAML merge key":        {"a: &a {b: 1}\nc: {<<: *a}\n", "line 2: YAML merge keys"},
		"YAML complex key":      {"? [a, b]\n: 1\n", "a key that is not a scalar"},
		"deep JSON":             {strings.Repeat(`{"a":`, 20_000), "f: not JSON: jsontext: exceeded max depth"},
		"HTML":                  {"<html><body>502</body></html>", "the root is not an object"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Decode("f", []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// Ten lines that would expand to ten billion values.
func TestAliasBombsAreRefused(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		alias := string(rune('0' + i))
		b.WriteString("a" + string(rune('1'+i)) + ": &a" + string(rune('1'+i)) + " [" + strings.Repeat("*a"+alias+", ", 10) + "]\n")
	}
	_, err := Decode("f", []byte(b.String()))
	if err == nil || !strings.Contains(err.Error(), "alias") {
		t.Errorf("error %v, want a refusal of the aliases", err)
	}
}

func TestEncodeIsDeterministic(t *testing.T) {
	t.Parallel()
	tree := Object{"b": []any{1.0, "<&>"}, "a": Object{"z": nil, "y": 2000.0}}
	want := "{\n  \"a\": {\n    \"y\": 2000,\n    \"z\": null\n  },\n  \"b\": [\n    1,\n    \"<&>\"\n  ]\n}\n"
	for range 20 {
		got, err := Encode(Clone(tree))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	}
}

func TestYAMLReadsBackTheSame(t *testing.T) {
	t.Parallel()
	tree := Object{"a": []any{1.0, "1", true, "true", nil, "null", "2026-11-22", "~", "", "line\nbreak"}, "200": Object{}, "<<": Object{}, "n": []any{1e30, -0.5, 1e-9}}
	for _, text := range []string{"\na", " a\nb", "\n", "a\n\n", "\ta: b", "# a", "- a", "a\u0085b", "a\u2028b", "\uffff", strings.Repeat("long", 1000)} {
		tree[text] = []any{text, Object{text: text}}
	}
	got, err := FromYAML(ToYAML(tree))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(any(tree), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPanicsOfLibrariesBecomeErrorsOfOneLine(t *testing.T) {
	t.Parallel()
	var none map[string]int
	for name, tt := range map[string]struct {
		work func()
		want string // empty: no error
	}{
		"text":          {func() { panic("bad\ngoroutine 1 [running]:") }, "merging panicked: bad"},
		"error":         {func() { panic(errors.New("bad")) }, "merging panicked: bad"},
		"runtime error": {func() { none["a"] = 1 }, "merging panicked: assignment to entry in nil map"},
		"no panic":      {func() {}, ""},
	} {
		err := func() (err error) {
			defer Guard(&err, "merging")
			tt.work()
			return nil
		}()
		if (err != nil) != (tt.want != "") || err != nil && err.Error() != tt.want {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

// panicking panics when it is encoded, like a fault of a library.
type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("bad\nstack") }

func TestEncodingIsGuarded(t *testing.T) {
	t.Parallel()
	doc := Object{"a": panicking{}}
	if _, err := Encode(doc); err == nil || !strings.HasSuffix(err.Error(), " panicked: bad") {
		t.Errorf("error %v, want the first line of the panic", err)
	}
}
