package overlay

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

const head = "overlay: 1.1.0\ninfo: {title: t, version: '1'}\nactions:\n"

func parse(t *testing.T, actions string) []Action {
	t.Helper()
	o, err := Parse("10-x.yaml", []byte(head+actions))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func document(t *testing.T, text string) spec.Object {
	t.Helper()
	doc, err := spec.Decode("doc", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// applied applies overlays and checks the outcomes as generation does.
func applied(doc spec.Object, actions []Action, satisfied []string) (spec.Object, error) {
	out, outcomes, err := Apply(doc, actions)
	if err == nil {
		err = errors.Join(CheckMatched(outcomes), CheckSatisfied(outcomes, satisfied))
	}
	return out, err
}

func TestActionsAreAppliedInOrder(t *testing.T) {
	t.Parallel()
	overlays := parse(t, `
  - {x-id: add, description: d, target: $.paths, update: {/new: {}}}
  - {x-id: fill, description: d, target: "$.paths['/new']", copy: "$.paths['/old']"}
  - {x-id: drop, description: d, target: "$.paths['/old']", remove: true}
  - {x-id: grow, description: d, target: "$.paths['/new'].get.tags", update: [b]}
`)
	doc := document(t, `{"paths": {"/old": {"get": {"tags": ["a"], "n": 1, "f": 1.5, "nil": null, "s": "1"}}}}`)
	got, err := applied(doc, overlays, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := document(t, `{"paths": {"/new": {"get": {"tags": ["a", "b"], "n": 1, "f": 1.5, "nil": null, "s": "1"}}}}`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, ok := doc["paths"].(spec.Object)["/old"]; !ok {
		t.Error("the input was changed")
	}
}

func TestAnUpdateDoesNotHideAPublishedType(t *testing.T) {
	t.Parallel()
	const action = `
  - {x-id: total, description: d, target: "$..properties", update: {total: {type: number}}}
`
	for name, tt := range map[string]struct{ text, actions, want string }{
		"no member":               {`{"a": {"properties": {}}}`, action, ""},
		"a member without a type": {`{"a": {"properties": {"total": {"description": "d"}}}}`, action, ""},
		"the same type":           {`{"a": {"properties": {"total": {"type": "number", "minimum": 1}}}}`, action, ""},
		"a narrower type":         {`{"a": {"properties": {"total": {"type": "integer"}}}}`, action, ""},
		"another type":            {`{"a": {"properties": {"total": {"type": "string"}}}}`, action, `overlays/10-x.yaml#total: /a/properties/total: the text says type "string", the action "number"`},
		"another type, in a list": {`{"l": [1, {"properties": {"total": {"type": "array", "items": {}}}}]}`, action, `/l/1/properties/total: the text says type "array"`},
		"a choice":                {`{"a": {"properties": {"total": {"oneOf": [{"type": "number"}, {"type": "string"}]}}}}`, action, `/a/properties/total: the text says type "string"`},
		"another choice":          {`{"a": {"properties": {"total": {"anyOf": [{"type": "object"}, {"minimum": 1}]}}}}`, action, `/a/properties/total: the text says type "object"`},
		"a narrower choice":       {`{"a": {"properties": {"total": {"anyOf": [{"type": "integer"}, {"type": "number"}, {"minimum": 1}]}}}}`, action, ""},
		"a member called type": {`{"a": {"properties": {"type": {"type": "string"}}}}`, `
  - {x-id: total, description: d, target: "$..properties", update: {type: {type: string, example: e}}}
`, ""},
		"the type removed first": {`{"a": {"properties": {"total": {"type": "string"}}}}`, `
  - {x-id: gone, description: d, target: "$..properties.total", remove: true}` + action, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := Apply(document(t, tt.text), parse(t, tt.actions))
			if tt.want == "" && err != nil {
				t.Errorf("error %v, want none", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestEachEffectIsReported(t *testing.T) {
	t.Parallel()
	overlays := parse(t, `
  - {x-id: changes, description: d, target: $.a, update: {b: 2}}
  - {x-id: there-already, description: d, target: $.a, update: {c: 3}}
  - {x-id: gone-already, description: d, target: $.a.minimum, remove: true, x-satisfied-when: $.a.c}
  - {x-id: lost, description: d, target: $.other.minimum, remove: true, x-satisfied-when: $.other}
  - {x-id: lost-without-proof, description: d, target: $.a.minimum, remove: true}
  - {x-id: nothing-to-copy, description: d, target: $.a, copy: $.other}
`)
	_, outcomes, err := Apply(document(t, `{"a": {"b": 1, "c": 3}}`), overlays)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Effect{}
	for _, o := range outcomes {
		got[strings.TrimPrefix(o.Action.ID, "10-x.yaml#")] = o.Effect
	}
	want := map[string]Effect{
		"changes": Applied, "there-already": Satisfied, "gone-already": Satisfied,
		"lost": Unmatched, "lost-without-proof": Unmatched, "nothing-to-copy": Unmatched,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestApplyIsStrict(t *testing.T) {
	t.Parallel()
	const (
		changes = "  - {x-id: one, description: d, target: $.a, update: {b: 2}}\n"
		nothing = "  - {x-id: one, description: d, target: $.a, update: {b: 1}}\n"
		missing = "  - {x-id: one, description: d, target: $.z, update: {b: 1}}\n"
	)
	one := []string{"10-x.yaml#one"}
	tests := map[string]struct {
		action    string
		satisfied []string
		want      string // in the error; empty: no error
	}{
		"applied":                       {changes, nil, ""},
		"applied but listed":            {changes, one, "but it changes the document"},
		"without effect":                {nothing, nil, "does not list it as satisfied"},
		"without effect and listed":     {nothing, one, ""},
		"matches nothing":               {missing, nil, "matches nothing"},
		"matches nothing though listed": {missing, one, "matches nothing"},
		"listed but unknown":            {changes, []string{"10-x.yaml#two"}, "or does not exist"},
		"object updated with a scalar":  {"  - {x-id: one, description: d, target: $.a, update: 5}\n", nil, "target is object but update is scalar"},
		"scalar updated with an object": {"  - {x-id: one, description: d, target: $, update: {a: {b: {c: 1}}}}\n", nil, "target is scalar but update is object"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := applied(document(t, `{"a": {"b": 1}}`), parse(t, tt.action), tt.satisfied)
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Fatalf("error %v, want one with %q", err, tt.want)
			case tt.want != "" && !strings.Contains(err.Error(), "10-x.yaml#"):
				t.Errorf("the error does not name the action: %v", err)
			}
		})
	}
}

func TestOutcomesNameWhatChanged(t *testing.T) {
	t.Parallel()
	const text = `{"a": {"b": 1, "list": [1, {"x": 1}], "p/q": {"~": 1}, "gone": {"z": 1}}}`
	for name, tt := range map[string]struct {
		action string
		want   []string
	}{
		"changed value":    {"target: $.a, update: {b: 2}", []string{"/a/b"}},
		"added member":     {"target: $.a, update: {new: {deep: 1}}", []string{"/a/new"}},
		"removed member":   {"target: $.a.gone, remove: true", []string{"/a/gone"}},
		"several":          {"target: $.a, update: {b: 2, new: 1, gone: {z: 2}}", []string{"/a/b", "/a/gone/z", "/a/new"}},
		"escaped names":    {"target: \"$.a['p/q']\", update: {'~': 2}", []string{"/a/p~1q/~0"}},
		"item of a list":   {"target: '$.a.list[1]', update: {x: 2}", []string{"/a/list/1/x"}},
		"longer list":      {"target: $.a.list, update: [2]", []string{"/a/list/2"}},
		"shorter list":     {"target: '$.a.list[0]', remove: true", []string{"/a/list"}},
		"copy":             {"target: $.a.gone, copy: '$.a.list[1]'", []string{"/a/gone/x"}},
		"several targets":  {"target: '$..[?@.x || @.z]', update: {y: 1}", []string{"/a/gone/y", "/a/list/1/y"}},
		"nothing":          {"target: $.a, update: {b: 1}", nil},
		"nothing to match": {"target: $.z, remove: true", nil},
		"null":             {"target: $.a, update: {b: null}", []string{"/a/b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, outcomes, err := Apply(document(t, text), parse(t, "  - {x-id: one, description: d, "+tt.action+"}\n"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, outcomes[0].Changed); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if (outcomes[0].Effect == Applied) != (len(tt.want) > 0) {
				t.Errorf("effect %d", outcomes[0].Effect)
			}
		})
	}
}

// An overwritten value has the type that the action gives it.
func TestValuesAreReplacedWithTheirTypes(t *testing.T) {
	t.Parallel()
	values := map[string]string{"number": "1", "text": `"1"`, "flag": "true", "null": "null", "text of a flag": `"true"`, "text of null": `"null"`, "empty": `""`}
	for from, before := range values {
		for to, after := range values {
			doc := document(t, `{"a": {"deep": {"v": `+before+`}}, "b": {"deep": {"v": `+after+`}}}`)
			for _, action := range []string{"update: {deep: {v: " + after + "}}", "copy: $.b"} {
				got, outcomes, err := Apply(doc, parse(t, "  - {x-id: one, description: d, target: $.a, "+action+"}\n"))
				if err != nil {
					t.Errorf("%s over %s: %v", to, from, err)
					continue
				}
				if diff := cmp.Diff(doc["b"], got["a"]); diff != "" || (outcomes[0].Effect == Applied) != (from != to) {
					t.Errorf("%s over %s: effect %d (-want +got)\n%s", to, from, outcomes[0].Effect, diff)
				}
			}
		}
	}
}

func TestExamplesAreReplacedByOnesOfAnyType(t *testing.T) {
	t.Parallel()
	values := []string{"1", `"a"`, `{"x": 1}`, "null", "[1]"}
	for _, before := range values {
		for _, after := range values {
			if before == "[1]" && after == "[1]" {
				continue // an update of a list adds to it
			}
			overlays := parse(t, "  - {x-id: one, description: d, target: $.a, update: {deep: {example: "+after+"}}}\n")
			for range 2 { // Apply must not change the action
				got, _, err := Apply(document(t, `{"a": {"deep": {"example": `+before+`}}}`), overlays)
				if err != nil {
					t.Errorf("%s over %s: %v", after, before, err)
				} else if diff := cmp.Diff(document(t, `{"a": {"deep": {"example": `+after+`}}}`), got); diff != "" {
					t.Errorf("%s over %s (-want +got)\n%s", after, before, diff)
				}
			}
		}
	}
}

// The same action may be satisfied at one position and apply at another.
func TestEqualActionsHaveTheirOwnOutcomes(t *testing.T) {
	t.Parallel()
	_, outcomes, err := Apply(document(t, `{"a": {}}`), parse(t, `
  - {x-id: first, description: d, target: $.a, update: {b: 1}}
  - {x-id: again, description: d, target: $.a, update: {b: 1}}
  - {x-id: other, description: d, target: $.a, update: {b: 2}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []Effect
	for _, o := range outcomes {
		got = append(got, o.Effect)
	}
	if diff := cmp.Diff([]Effect{Applied, Satisfied, Applied}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestBadOverlaysAreRefused(t *testing.T) {
	t.Parallel()
	action := func(s string) string { return head + "  - " + s + "\n" }
	tests := map[string]struct{ text, want string }{
		"not YAML":             {"overlay: [", "not an overlay document"},
		"two documents":        {action("{x-id: a, description: d, target: $.a, remove: true}") + "---\n" + head + "  []\n", "more than one YAML document"},
		"not an overlay":       {"openapi: 3.0.3\n", "not a valid overlay"},
		"no actions":           {head + "  []\n", "at least one action"},
		"no id":                {action("{description: d, target: $.a, remove: true}"), "x-id"},
		"odd id":               {action("{x-id: A B, description: d, target: $.a, remove: true}"), "x-id"},
		"no reason":            {action("{x-id: a, target: $.a, remove: true}"), "state the reason"},
		"no effect asked":      {action("{x-id: a, description: d, target: $.a}"), "exactly one of"},
		"two effects asked":    {action("{x-id: a, description: d, target: $.a, copy: $.b, remove: true}"), "exactly one of"},
		"bad target":           {action("{x-id: a, description: d, target: '$.a[', remove: true}"), "not a JSONPath"},
		"unknown member":       {action("{x-id: a, desciption: d, description: d, target: $.a, remove: true}"), "desciption: not a member of an action"},
		"unknown extension":    {action("{x-id: a, description: d, target: $.a, remove: true, x-overwrite: [a]}"), "x-overwrite: not a member of an action"},
		"proof is a list":      {action("{x-id: a, description: d, target: $.a, remove: true, x-satisfied-when: [$.a]}"), "x-satisfied-when: not a member of an action, or a value of another kind"},
		"x-overwrites is text": {action("{x-id: a, description: d, target: $.a, update: {}, x-overwrites: a}"), "x-overwrites: not a member of an action, or a value of another kind"},
		"bad path of copy":     {action("{x-id: a, description: d, target: $.a, copy: '$.b['}"), "not a JSONPath"},
		"bad proof":            {action("{x-id: a, description: d, target: $.a, remove: true, x-satisfied-when: '$['}"), "not a JSONPath"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Parse("x.yaml", []byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestLoadReadsFilesInTheOrderOfTheirNames(t *testing.T) {
	t.Parallel()
	file := func(id string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(head + "  - {x-id: " + id + ", description: d, target: $.a, remove: true}\n")}
	}
	overlays, err := Load(fstest.MapFS{"o/20-b.yaml": file("b"), "o/10-a.yaml": file("a")}, "o")
	if err != nil {
		t.Fatal(err)
	}
	if len(overlays) != 2 || overlays[0].ID != "o/10-a.yaml#a" || overlays[1].ID != "o/20-b.yaml#b" {
		t.Errorf("got %+v", overlays)
	}
}

func TestLoadRefusesInvalidFolders(t *testing.T) {
	t.Parallel()
	once := head + "  - {x-id: a, description: d, target: $.a, remove: true}\n"
	twice := once + "  - {x-id: a, description: d, target: $.b, remove: true}\n"
	for want, fsys := range map[string]fstest.MapFS{
		"no overlay documents":  {"p/1.yaml": {Data: []byte(once)}},
		"o/README.md: ":         {"o/1.yaml": {Data: []byte(once)}, "o/README.md": {}},
		"o/2.bak: ":             {"o/1.yaml": {Data: []byte(once)}, "o/2.bak": {Data: []byte("x: y")}},
		"o/2.yml: two actions":  {"o/1.yaml": {Data: []byte(once)}, "o/2.yml": {Data: []byte(twice)}},
		"two actions have the ": {"o/1.yaml": {Data: []byte(twice)}},
		"o/1.yaml: ":            {"o/1.yaml": {Data: []byte("x: y")}},
	} {
		if _, err := Load(fsys, "o"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestPanicOfTheLibraryIsAnError(t *testing.T) {
	t.Parallel()
	overlays := parse(t, "  - {x-id: drop, description: d, target: $.paths, remove: true}\n")
	broken := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{nil, nil}}
	if _, _, err := overlays[0].apply(broken, nil); err == nil || !strings.HasPrefix(err.Error(), "applying the action panicked: ") {
		t.Errorf("error %v, want the panic", err)
	}
}

func TestActionsChangeNoOtherText(t *testing.T) {
	t.Parallel()
	doc := document(t, `{"info": {"title": "t"}, "list": ["\na", " a\nb", "\n", "a\u0085b"], "\nname": {"pattern": "\n^a", "<<": "x"}}`)
	got, err := applied(doc, parse(t, "  - {x-id: add, description: d, target: $.info, update: {description: \"\\n d\\n\"}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := spec.Clone(doc)
	spec.Child(want, "info")["description"] = "\n d\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
