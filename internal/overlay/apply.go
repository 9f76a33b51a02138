package overlay

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
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
}

// Apply applies the overlays in order to a copy of doc. The actions in
// satisfied, and no others, must find their change in the document already.
func Apply(doc specdoc.Object, overlays []Overlay, satisfied []string) (specdoc.Object, error) {
	out, outcomes, err := Survey(doc, overlays)
	if err != nil {
		return nil, err
	}
	for _, o := range outcomes {
		listed := slices.Contains(satisfied, o.Action.ID)
		switch {
		case o.Effect == Unmatched:
			return nil, fmt.Errorf("overlays/%s: target %s: %w", o.Action.ID, o.Action.Target, errUnproven)
		case o.Effect == Satisfied && !listed:
			return nil, fmt.Errorf("overlays/%s: target %s: the action changes nothing, and the provenance does not list it as satisfied upstream", o.Action.ID, o.Action.Target)
		case o.Effect == Applied && listed:
			return nil, fmt.Errorf("overlays/%s: the provenance lists the action as satisfied upstream, but it changes the document", o.Action.ID)
		}
	}
	for _, id := range satisfied {
		if !slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Action.ID == id }) {
			return nil, fmt.Errorf("the provenance lists %q as satisfied upstream, but there is no such overlay action", id)
		}
	}
	return out, nil
}

// Survey applies the overlays in order to a copy of doc and returns what each
// action did, leaving the judgement to the caller.
func Survey(doc specdoc.Object, overlays []Overlay) (specdoc.Object, []Outcome, error) {
	root, err := specdoc.ToYAML(doc)
	if err != nil {
		return nil, nil, err
	}
	var outcomes []Outcome
	for i := range overlays {
		for _, action := range overlays[i].Actions {
			effect, err := overlays[i].apply(root, action)
			if err != nil {
				return nil, nil, fmt.Errorf("overlays/%s: %w", action.ID, err)
			}
			outcomes = append(outcomes, Outcome{Action: action, Effect: effect})
		}
	}
	tree, err := specdoc.FromYAML(root)
	if err != nil {
		return nil, nil, fmt.Errorf("after the overlays: %w", err)
	}
	out, ok := tree.(specdoc.Object)
	if !ok {
		return nil, nil, fmt.Errorf("after the overlays: the document is not an object")
	}
	return out, outcomes, nil
}

func (o *Overlay) apply(root *yaml.Node, a Action) (_ Effect, err error) {
	defer specdoc.Guard(&err, "applying the action")
	matched, err := o.matches(root, a.Target)
	if err != nil {
		return 0, err
	}
	if matched && a.action.Copy != "" {
		if matched, err = o.matches(root, a.action.Copy); err != nil {
			return 0, err
		}
	}
	if !matched {
		return o.unmatched(root, a)
	}
	before, err := specdoc.FromYAML(root)
	if err != nil {
		return 0, err
	}
	if _, err := o.single(a).ApplyToStrict(root); err != nil {
		return 0, err
	}
	after, err := specdoc.FromYAML(root)
	if err != nil {
		return 0, err
	}
	if reflect.DeepEqual(before, after) {
		return Satisfied, nil
	}
	if !a.action.Remove {
		if err := contradiction(before, after, ""); err != nil {
			return 0, err
		}
	}
	return Applied, nil
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
