package compare

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// mutation changes one keyword of a schema, so that it accepts fewer, more or other
// values.
type mutation struct {
	name   string
	apply  func(schema spec.Object) bool // false if the mutation does not fit the schema
	effect effect
}

type effect int

const (
	narrows effect = iota
	widens
	changes
)

func mutations() []mutation {
	add := func(name string, kinds string, value any, e effect) mutation {
		return mutation{"add " + name, func(s spec.Object) bool {
			if kinds != "any" && s["type"] != kinds || s[name] != nil {
				return false
			}
			s[name] = value
			return true
		}, e}
	}
	remove := func(name string, e effect) mutation {
		return mutation{"remove " + name, func(s spec.Object) bool {
			_, ok := s[name]
			delete(s, name)
			return ok
		}, e}
	}
	shift := func(name string, by float64, e effect) mutation {
		return mutation{fmt.Sprintf("%s by %v", name, by), func(s spec.Object) bool {
			n, ok := s[name].(float64)
			s[name] = n + by
			if !ok {
				delete(s, name)
			}
			return ok
		}, e}
	}
	out := []mutation{
		add("maxLength", "string", 5.0, narrows), add("minLength", "string", 5.0, narrows), add("pattern", "string", "^a", narrows),
		add("format", "string", "uuid", narrows), add("enum", "string", []any{"x"}, narrows), add("nullable", "string", true, widens),
		add("maximum", "integer", 5.0, narrows), add("minimum", "integer", 5.0, narrows), add("multipleOf", "integer", 5.0, narrows),
		add("maxItems", "array", 5.0, narrows), add("minItems", "array", 5.0, narrows), add("uniqueItems", "array", true, narrows),
		add("maxProperties", "object", 5.0, narrows), add("minProperties", "object", 5.0, narrows),
		add("additionalProperties", "object", false, narrows), add("not", "any", spec.Object{"enum": []any{"x"}}, narrows),
		remove("maxLength", widens), remove("minimum", widens), remove("maximum", widens), remove("enum", widens),
		remove("nullable", narrows), remove("type", widens), remove("items", widens), remove("oneOf", widens),
		remove("additionalProperties", widens), remove("required", widens),
		shift("maxLength", 1, widens), shift("maxLength", -1, narrows), shift("minimum", 1, narrows), shift("minimum", -1, widens),
		shift("maximum", 1, widens), shift("maximum", -1, narrows),
		{"type", func(s spec.Object) bool {
			if s["type"] == nil {
				return false
			}
			s["type"] = map[bool]string{true: "boolean", false: "string"}[s["type"] == "string"]
			return true
		}, changes},
		{"require all", func(s spec.Object) bool {
			var names []any
			for name := range spec.Children(spec.Child(s, "properties")) {
				names = append(names, name)
			}
			had := s["required"]
			s["required"] = names
			return len(names) > 0 && spec.JSON(had) != spec.JSON(names)
		}, narrows},
		{"another value", func(s spec.Object) bool {
			values, ok := s["enum"].([]any)
			s["enum"] = append(values, "another")
			if !ok {
				delete(s, "enum")
			}
			return ok
		}, widens},
	}
	return out
}

// schemasOf adds the schemas below v, except alternatives, to out by their pointers.
func schemasOf(v any, place spec.Place, pointer string, out map[string]spec.Object) {
	switch v := v.(type) {
	case spec.Object:
		for key := range spec.Children(v) {
			below := pointer + "/" + spec.Escape(key)
			isSchema := place == spec.Names && strings.HasSuffix(pointer, "/properties") ||
				place == spec.Fields && slices.Contains([]string{"schema", "items", "additionalProperties"}, key)
			if o := spec.Child(v, key); o != nil && isSchema {
				out[below] = o
			}
			schemasOf(v[key], place.Child(key), below, out)
		}
	case []any:
		for i, element := range v {
			schemasOf(element, place, fmt.Sprintf("%s/%d", pointer, i), out)
		}
	}
}

// Each mutation is applied to each schema that it fits. In a request, narrowing or
// changing a schema breaks callers; in a response, widening or changing it.
func TestBreakingMutationsAreClassedAsBreaking(t *testing.T) {
	t.Parallel()
	// An example that becomes invalid is covered by another rule.
	plain := func() spec.Object { return edited(t, "id/example", "", "answer/properties/result/example", "") }
	original := map[string]spec.Object{}
	schemasOf(plain()["paths"], spec.Names, "/paths", original)
	tried := 0
	for pointer := range original {
		for _, m := range mutations() {
			doc := plain()
			here := map[string]spec.Object{}
			schemasOf(doc["paths"], spec.Names, "/paths", here)
			if !m.apply(here[pointer]) {
				continue
			}
			tried++
			request := !strings.HasPrefix(pointer, expand("op/responses"))
			want := Compatible
			if m.effect == changes || (m.effect == narrows) == request {
				want = Breaking
			}
			got, r := classOf(t, plain(), doc)
			if got != want {
				t.Errorf("%s: %s: %v, want %v\n%s", pointer, m.name, got, want, r.Text())
			}
			for _, op := range r.Operations {
				for _, c := range op.Changes {
					if c.Meaning == unknown {
						t.Errorf("%s: %s: no rule covers it", pointer, m.name)
					}
				}
			}
		}
	}
	if tried < 180 {
		t.Errorf("%d mutations were tried, want at least 180", tried)
	}
}

// A random revision is breaking if oasdiff's checker reports an error by a check that
// ownRule does not list.
func TestMutationsAreClassedAtLeastAsByTheChecker(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	found := 0
	for i := range 200 {
		doc := decode(t, fixture)
		for range 1 + i%3 {
			mutate(random, doc["paths"], 12)
		}
		r, err := Compare(sides(decode(t, fixture), decode(t, fixture)), sides(doc, doc))
		if err != nil {
			continue
		}
		level, id := wholeLevel(decode(t, fixture), doc)
		if level >= checker.ERR {
			found++
			if r.Class < Breaking {
				t.Errorf("%d: %v here, an error to oasdiff (%s)\n%s", i, r.Class, id, r.Text())
			}
		}
	}
	if found < 30 {
		t.Errorf("oasdiff found %d breaking changes, want at least 30", found)
	}
}

// ownRule lists the checks that a rule of this package replaces.
var ownRule = map[string]bool{
	"response-property-enum-value-added": true, // reported for a first enumeration too
	"api-security-removed":               true, // credentials in use may stay accepted
}

// wholeLevel returns the level and the check of the checker's worst finding about whole
// documents, except those of ownRule.
func wholeLevel(before, after spec.Object) (worst checker.Level, id string) {
	defer func() { _ = recover() }()
	x, err := loaded(spec.Child(before, "paths"))
	if err != nil {
		return 0, ""
	}
	y, err := loaded(spec.Child(after, "paths"))
	if err != nil {
		return 0, ""
	}
	d, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), x, y)
	if err != nil {
		return 0, ""
	}
	for _, finding := range checker.CheckBackwardCompatibilityUntilLevel(checker.NewConfig(checker.GetAllChecks()), d, sources, checker.INFO) {
		if finding.GetLevel() > worst && !ownRule[finding.GetId()] {
			worst, id = finding.GetLevel(), finding.GetId()
		}
	}
	return worst, id
}

// mutate removes or replaces a value somewhere below v.
func mutate(random *rand.Rand, v any, depth int) {
	values := []any{nil, true, false, 1.0, "string", []any{}, spec.Object{}, []any{"a"}, spec.Object{"type": "string"}}
	switch v := v.(type) {
	case spec.Object:
		names := spec.SortedKeys(v)
		if len(names) == 0 {
			return
		}
		name := names[random.IntN(len(names))]
		_, scalar := v[name].(string)
		if depth == 0 || scalar || random.IntN(6) == 0 {
			if value := values[random.IntN(len(values))]; value == nil {
				delete(v, name)
			} else {
				v[name] = value
			}
			return
		}
		mutate(random, v[name], depth-1)
	case []any:
		if len(v) > 0 {
			mutate(random, v[random.IntN(len(v))], depth-1)
		}
	}
}
