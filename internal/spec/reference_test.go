package spec

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPointersBelowTheRootFollowRFC6901(t *testing.T) {
	t.Parallel()
	doc := Object{"a/b": []any{Object{"m~n": 1.0}, nil}, "": Object{"": 2.0}}
	for pointer, want := range map[string]any{
		"/a~1b/0/m~0n": 1.0, "/a~1b/1": nil, "//": 2.0, "/": Object{"": 2.0},
	} {
		got, ok := At(doc, pointer)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%q: %t (-want +got)\n%s", pointer, ok, diff)
		}
	}
	for _, pointer := range []string{"", "a~1b", "/a~1b/2", "/a~1b/-1", "/a~1b/x", "/a~1b/0/m~0n/x", "/nothing"} {
		if got, ok := At(doc, pointer); ok || got != nil {
			t.Errorf("%q: %v, %t", pointer, got, ok)
		}
	}
	const name = "~1/~0~"
	if got, _ := At(Object{name: 1.0}, "/"+Escape(name)); got != 1.0 {
		t.Errorf("%q is not found by its escaped form", name)
	}
}

func TestReferencesToComponentsAreRecognised(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string][2]string{
		"#/components/schemas/a":                {"schemas", "a"},
		"#/components/schemas/a/properties/b":   {"schemas", "a"},
		"#/components/parameters/the%20a~1b":    {"parameters", "the a/b"},
		"#/components/schemas/%zz":              {},
		"#/components/schemas":                  {},
		"#/paths/~1a":                           {},
		"other.yaml#/components/schemas/a":      {},
		"#/components/responses/a~0b/content/x": {"responses", "a~b"},
	} {
		section, name, ok := ComponentName(ref)
		if ok != (want != [2]string{}) || ok && [2]string{section, name} != want {
			t.Errorf("%s: %q %q %t, want %q", ref, section, name, ok, want)
		}
	}
}

const copied = `
id: {type: string, x-note: n}
thing: {properties: {$ref: {$ref: '#/id'}, a: {$ref: '#/id', maxLength: 3}}, example: {$ref: '#/id', x-note: data}, x-note: n}
list: {anyOf: [{$ref: '#/thing/properties/a'}, true]}
`

func TestCopierReplacesReferences(t *testing.T) {
	t.Parallel()
	doc := decoded(t, copied)
	before := Clone(doc)
	got, err := (&Copier{Doc: doc}).Copy(doc["list"], "/list")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(any(Object{"anyOf": []any{Object{"type": "string", "x-note": "n"}, true}}), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	got, err = (&Copier{Doc: doc}).Copy(doc["thing"], "/thing")
	if err != nil {
		t.Fatal(err)
	}
	id := Object{"type": "string", "x-note": "n"}
	want := Object{"properties": Object{"$ref": id, "a": id}, "example": Object{"$ref": "#/id", "x-note": "data"}, "x-note": "n"}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	got.(Object)["properties"].(Object)["a"].(Object)["type"] = "changed"
	if diff := cmp.Diff(before, doc); diff != "" {
		t.Errorf("the copy shares values with the document:\n%s", diff)
	}
}

func TestCopierLetsTheCallerHandleReferences(t *testing.T) {
	t.Parallel()
	doc := decoded(t, copied)
	var met, skipped []string
	c := &Copier{
		Doc: doc,
		Reference: func(c *Copier, ref Reference) (any, error) {
			met = append(met, ref.Pointer+" → "+ref.Target)
			target, err := c.Expand(ref)
			if err != nil {
				return nil, err
			}
			beside, err := c.CopyBeside(ref, "description")
			return Object{"target": target, "beside": beside}, err
		},
		Skip: func(key string, _ any, place Place, pointer string) bool {
			if key != "x-note" || place != Fields {
				return false
			}
			skipped = append(skipped, pointer)
			return true
		},
	}
	got, err := c.Copy(doc["thing"], "/thing")
	if err != nil {
		t.Fatal(err)
	}
	id := Object{"type": "string"}
	want := Object{
		"properties": Object{
			"$ref": Object{"target": id, "beside": Object{}},
			"a":    Object{"target": id, "beside": Object{"maxLength": 3.0}},
		},
		"example": Object{"$ref": "#/id", "x-note": "data"},
	}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/thing/properties/$ref → #/id", "/thing/properties/a → #/id"}, met); diff != "" {
		t.Errorf("references (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/id/x-note", "/id/x-note", "/thing/x-note"}, skipped); diff != "" {
		t.Errorf("skipped (-want +got)\n%s", diff)
	}
	stop := errors.New("stop")
	c.Reference = func(*Copier, Reference) (any, error) { return nil, stop }
	if _, err := c.Copy(doc, ""); !errors.Is(err, stop) {
		t.Errorf("error %v, want that of the caller", err)
	}
}

func TestCopierRefusesWithThePlace(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("{items: ", maxCopyDepth+1) + "{}" + strings.Repeat("}", maxCopyDepth+1)
	chain := "c0: {$ref: '#/c1'}\n"
	for i := range maxCopyDepth + 1 {
		chain += fmt.Sprintf("c%d: {$ref: '#/c%d'}\n", i+1, i+2)
	}
	double := "c0: {type: string}\n"
	for i := range 20 {
		double += fmt.Sprintf("c%d: {a: {$ref: '#/c%d'}, b: {$ref: '#/c%d'}}\n", i+1, i, i)
	}
	long := strings.Repeat("x", maxCopyText/100)
	for name, tt := range map[string]struct{ doc, at, want string }{
		"itself":            {"a: {$ref: '#/a'}\n", "a", `"#/a" refers to itself (#/a → #/a)`},
		"circle":            {"a: {x: {$ref: '#/b'}}\nb: {y: {$ref: '#/a'}}\n", "a", `/a/x: "#/b" refers to itself (#/b → #/a → #/b)`},
		"nothing":           {"a: {x: {$ref: '#/z'}}\n", "a", `/a/x: reference "#/z" points to nothing`},
		"another document":  {"a: {x: {$ref: 'z.json'}}\n", "a", "leaves the document"},
		"not an escape":     {"a: {x: {$ref: '#/%zz'}}\n", "a", "is not valid"},
		"deep":              {"a: " + deep + "\n", "a", fmt.Sprintf("nested deeper than %d levels", maxCopyDepth)},
		"deep by reference": {chain + fmt.Sprintf("c%d: {}\n", maxCopyDepth+2), "c0", "nested deeper than"},
		"many values":       {double, "c20", fmt.Sprintf("expands to more than %d values", maxCopyValues)},
		"long texts":        {"t: {d: " + long + "}\na: [" + strings.Repeat("{$ref: '#/t'}, ", 101) + "]\n", "a", fmt.Sprintf("more than %d bytes of text", maxCopyText)},
		"long names":        {"t: {? " + strings.Repeat("k", 900) + "\n : 1}\na: [" + strings.Repeat("{$ref: '#/t'}, ", 5000) + "]\n", "a", "bytes of text"},
		"large number":      {"a: {maximum: 9007199254740993000}\n", "a", "/a/maximum: the number 9.007199254740993e+18 is too large to be exact"},
		"rounded number":    {"a: {maximum: 9007199254740993}\n", "a", "too large to be exact"},
		"large negative":    {"a: {minimum: -1e300}\n", "a", "too large to be exact"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := decoded(t, tt.doc)
			_, err := (&Copier{Doc: doc}).Copy(doc[tt.at], "/"+tt.at)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %.300v, want one with %q", err, tt.want)
			}
			if !strings.HasPrefix(err.Error(), "/") {
				t.Errorf("the error does not begin with a place: %.300v", err)
			}
			if len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is not one short line: %.300q", err)
			}
		})
	}
}

// Using a component twice is no cycle.
func TestCopierCopiesAComponentAsOftenAsItIsUsed(t *testing.T) {
	t.Parallel()
	doc := decoded(t, "id: {type: string}\na: [{$ref: '#/id'}, {x: {$ref: '#/id'}}, {$ref: '#/id'}]\n")
	got, err := (&Copier{Doc: doc}).Copy(doc["a"], "/a")
	if err != nil {
		t.Fatal(err)
	}
	id := Object{"type": "string"}
	if diff := cmp.Diff(any([]any{id, Object{"x": id}, id}), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
