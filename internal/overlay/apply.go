package overlay

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
	"gopkg.in/yaml.v3"
)

// Effect is what an action did to a document.
type Effect int

// The effects of an action.
const (
	Applied   Effect = iota + 1 // it changed the document
	Satisfied                   // the document says already what the action wants
	Unmatched                   // it matched nothing, and nothing shows why
)

// Outcome is an action with its effect.
type Outcome struct {
	Action Action
	Effect Effect
	// Changed are the JSON pointers of the values that the action changed, added
	// or removed.
	Changed []string
}

// Check is the judgement of generation: the actions in satisfied, and no others,
// must have found their change in the document already.
func Check(outcomes []Outcome, satisfied []string) error {
	for _, o := range outcomes {
		listed := slices.Contains(satisfied, o.Action.ID)
		switch {
		case o.Effect == Unmatched:
			return fmt.Errorf("overlays/%s: target %s: %w", o.Action.ID, o.Action.Target, errUnproven)
		case o.Effect == Satisfied && !listed:
			return fmt.Errorf("overlays/%s: target %s: the action changes nothing, and the provenance does not list it as satisfied upstream", o.Action.ID, o.Action.Target)
		case o.Effect == Applied && listed:
			return fmt.Errorf("overlays/%s: the provenance lists the action as satisfied upstream, but it changes the document", o.Action.ID)
		}
	}
	return nil
}

// CheckListed refuses a list of satisfied actions that names one that is not
// among outcomes.
func CheckListed(outcomes []Outcome, satisfied []string) error {
	for _, id := range satisfied {
		if !slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Action.ID == id }) {
			return fmt.Errorf("the provenance lists %q as satisfied upstream, but there is no such overlay action", id)
		}
	}
	return nil
}

// Apply applies the overlays in order to a copy of doc and returns what each
// action did, leaving the judgement to the caller.
func Apply(doc spec.Object, overlays []Overlay) (spec.Object, []Outcome, error) {
	root, err := spec.ToYAML(doc)
	if err != nil {
		return nil, nil, err
	}
	var outcomes []Outcome
	tree := any(doc)
	for i := range overlays {
		for _, action := range overlays[i].Actions {
			after, effect, err := overlays[i].apply(root, tree, action)
			if err != nil {
				return nil, nil, fmt.Errorf("overlays/%s: %w", action.ID, err)
			}
			outcome := Outcome{Action: action, Effect: effect}
			if effect == Applied {
				outcome.Changed = changed(tree, after, nil, nil)
				if len(outcome.Changed) == 0 {
					outcome.Effect = Satisfied
				}
			}
			outcomes = append(outcomes, outcome)
			tree = after
		}
	}
	out, ok := tree.(spec.Object)
	if !ok {
		return nil, nil, fmt.Errorf("after the overlays: the document is not an object")
	}
	return spec.Clone(out), outcomes, nil
}

// changed appends the JSON pointers at which two trees differ to list. at is the
// path to both; its pointer is written only where they differ.
func changed(before, after any, at, list []string) []string {
	switch b := before.(type) {
	case spec.Object:
		a, ok := after.(spec.Object)
		if !ok {
			break
		}
		for _, key := range spec.SortedKeys(b) {
			if value, ok := a[key]; ok {
				list = changed(b[key], value, append(at, key), list)
			} else {
				list = append(list, pointer(append(at, key)))
			}
		}
		for _, key := range spec.SortedKeys(a) {
			if _, ok := b[key]; !ok {
				list = append(list, pointer(append(at, key)))
			}
		}
		return list
	case []any:
		a, ok := after.([]any)
		if !ok || len(a) != len(b) {
			break
		}
		for i := range b {
			list = changed(b[i], a[i], append(at, strconv.Itoa(i)), list)
		}
		return list
	}
	if !reflect.DeepEqual(before, after) {
		list = append(list, pointer(at))
	}
	return list
}

func pointer(path []string) string {
	var out strings.Builder
	for _, token := range path {
		out.WriteString("/" + spec.Escape(token))
	}
	return out.String()
}

// apply applies an action to root, of which before is the tree, and returns the
// tree after it.
func (o *Overlay) apply(root *yaml.Node, before any, a Action) (after any, _ Effect, err error) {
	defer spec.Guard(&err, "applying the action")
	matched, err := o.matches(root, a.Target)
	if err != nil {
		return nil, 0, err
	}
	if matched && a.action.Copy != "" {
		if matched, err = o.matches(root, a.action.Copy); err != nil {
			return nil, 0, err
		}
	}
	if !matched {
		effect, err := o.unmatched(root, a)
		return before, effect, err
	}
	if err := o.retype(root, a); err != nil {
		return nil, 0, err
	}
	if _, err := o.single(a).ApplyToStrict(root); err != nil {
		return nil, 0, err
	}
	if after, err = spec.FromYAML(root); err != nil {
		return nil, 0, err
	}
	if !a.action.Remove {
		if err := contradiction(before, after, nil); err != nil {
			return nil, 0, err
		}
	}
	return after, Applied, nil
}

// retype gives the scalars that an update overwrites the type of its own values.
// The library keeps the type of the old value, so that a text in the place of a
// number would be read as a number, and one in the place of null as null. An
// example may be of any type.
func (o *Overlay) retype(root *yaml.Node, a Action) error {
	p, err := o.document.NewPath(a.Target, nil)
	if err != nil {
		return err
	}
	for _, node := range p.Query(root) {
		retypeMembers(node, &a.action.Update)
	}
	return nil
}

func retypeMembers(node, update *yaml.Node) {
	if node.Kind != yaml.MappingNode || update.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(update.Content); i += 2 {
		key, value := update.Content[i].Value, update.Content[i+1]
		for j := 0; j+1 < len(node.Content); j += 2 {
			old := node.Content[j+1]
			switch {
			case node.Content[j].Value != key:
			case value.Kind == yaml.ScalarNode && (old.Kind == yaml.ScalarNode && old.Tag != value.Tag || key == "example"):
				node.Content[j+1] = &yaml.Node{Kind: yaml.ScalarNode, Tag: value.Tag, Value: old.Value}
			default:
				retypeMembers(old, value)
			}
		}
	}
}

func (o *Overlay) unmatched(root *yaml.Node, a Action) (Effect, error) {
	if a.SatisfiedWhen == "" {
		return Unmatched, nil
	}
	proven, err := o.matches(root, a.SatisfiedWhen)
	switch {
	case err != nil:
		return 0, err
	case proven:
		return Satisfied, nil
	default:
		return Unmatched, nil
	}
}
