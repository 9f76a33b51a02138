package overlay

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Effect is the effect of an action on a document.
type Effect int

// The effects of an action.
const (
	Applied   Effect = iota + 1 // it changed the document
	Satisfied                   // the document already has the change
	Unmatched                   // it matched nothing, and x-satisfied-when did not match
)

// Outcome is an action with its effect.
type Outcome struct {
	Action  Action
	Effect  Effect
	Changed []string // JSON pointers of the values that it changed, added or removed
}

// CheckMatched returns an error for the first action that is Unmatched.
func CheckMatched(outcomes []Outcome) error {
	for _, o := range outcomes {
		if o.Effect == Unmatched {
			return fmt.Errorf("overlays/%s matches nothing at %s, and nothing shows that the text satisfies it by itself", o.Action.ID, o.Action.Target)
		}
	}
	return nil
}

// CheckSatisfied returns an error unless the actions in satisfied, and no others,
// found their change already in the document.
func CheckSatisfied(outcomes []Outcome, satisfied []string) error {
	var found []string
	for _, o := range outcomes {
		if o.Effect == Satisfied {
			found = append(found, o.Action.ID)
			if !slices.Contains(satisfied, o.Action.ID) {
				return fmt.Errorf("overlays/%s: target %s: the action changes nothing, and the provenance does not list it as satisfied upstream", o.Action.ID, o.Action.Target)
			}
		}
	}
	for _, id := range satisfied {
		if !slices.Contains(found, id) {
			return fmt.Errorf("overlays/%s: the provenance lists the action as satisfied upstream, but it changes the document or does not exist", id)
		}
	}
	return nil
}

// Apply applies the actions in order to a copy of doc and returns the effect of each.
// If they leave no object, the result is an empty one.
func Apply(doc spec.Object, actions []Action) (spec.Object, []Outcome, error) {
	root := &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{spec.ToYAML(doc)}}
	var outcomes []Outcome
	tree := any(doc)
	for _, a := range actions {
		after, outcome, err := a.apply(root, tree)
		if err != nil {
			return nil, nil, fmt.Errorf("overlays/%s: %w", a.ID, err)
		}
		outcomes = append(outcomes, outcome)
		tree = after
	}
	return spec.Clone(spec.Child(tree)), outcomes, nil
}

// changed returns the JSON pointers at which two trees differ, in no order. It visits
// each value once.
func changed(before, after any) (pointers []string) {
	old, fresh := maps.Collect(spec.Children(before)), maps.Collect(spec.Children(after))
	_, isList := before.([]any)
	if reflect.TypeOf(before) != reflect.TypeOf(after) || len(old)+len(fresh) == 0 || isList && len(old) > len(fresh) {
		if reflect.DeepEqual(before, after) {
			return nil
		}
		return []string{""}
	}
	for _, key := range spec.SortedKeys(old, fresh) {
		below := []string{""} // added or removed
		was, had := old[key]
		if is, has := fresh[key]; had && has {
			below = changed(was, is)
		}
		for _, pointer := range below {
			pointers = append(pointers, "/"+spec.Escape(key)+pointer)
		}
	}
	return pointers
}

// contradiction returns an error if an update replaced a published type by another, or
// added one that an alternative contradicts: the action was written for a text without a
// type, and would hide the published one. To replace a type, another action must remove
// it first. The type number may replace integer, because it allows every integer.
func contradiction(before, after any, changed []string) error {
	for _, pointer := range changed {
		at, isType := strings.CutSuffix(pointer, "/type")
		is, _ := spec.At(after, pointer)
		was, _ := spec.At(before, at)
		for _, part := range slices.Concat([]any{was}, spec.List(spec.Child(was), "anyOf"), spec.List(spec.Child(was), "oneOf")) {
			said := spec.Text(spec.Child(part), "type")
			if says, ok := is.(string); isType && ok && said != "" && said != says && (said != "integer" || says != "number") {
				return fmt.Errorf("%s: the text says type %q, the action %q", at, said, says)
			}
		}
	}
	return nil
}

// apply applies the action to root, in place. before and after are the trees of root
// before and after the action.
func (a *Action) apply(root *yaml.Node, before any) (after any, outcome Outcome, err error) {
	defer spec.Guard(&err, "applying the action")
	outcome = Outcome{Action: *a, Effect: Satisfied}
	action := &a.document.Actions[0]
	targets, err := a.query(root, a.Target)
	values := []*yaml.Node{&action.Update}
	if err == nil && action.Copy != "" {
		values, err = a.query(root, action.Copy)
	}
	if err != nil {
		return nil, outcome, err
	}
	if len(targets) == 0 || len(values) == 0 {
		proof, err := a.query(root, a.SatisfiedWhen)
		if len(proof) == 0 {
			outcome.Effect = Unmatched
		}
		return before, outcome, err
	}
	for _, target := range targets {
		retype(target, values[0])
	}
	if _, err := a.document.ApplyToStrict(root); err != nil {
		return nil, outcome, err
	}
	if after, err = spec.FromYAML(root); err != nil {
		return nil, outcome, err
	}
	if outcome.Changed = slices.Sorted(slices.Values(changed(before, after))); len(outcome.Changed) > 0 {
		outcome.Effect = Applied
	}
	if !action.Remove {
		err = contradiction(before, after, outcome.Changed)
	}
	return after, outcome, err
}

// retype prepares node for an update with value: each scalar that will be overwritten
// gets the type of its new value. The library replaces only the text: a 5 in place of a
// string would become "5". An example may be replaced by one of any type.
func retype(node, value *yaml.Node) {
	if node.Kind == yaml.ScalarNode && value.Kind == yaml.ScalarNode {
		node.Tag, node.Style = value.Tag, value.Style
	}
	if node.Kind != yaml.MappingNode || value.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		for j := 0; j+1 < len(node.Content); j += 2 {
			switch key, from, to := value.Content[i].Value, node.Content[j+1], value.Content[i+1]; {
			case node.Content[j].Value != key:
			case key == "example" && from.Kind != to.Kind:
				node.Content[j+1] = &yaml.Node{Kind: to.Kind, Tag: to.Tag, Style: to.Style}
			default:
				retype(from, to)
			}
		}
	}
}
