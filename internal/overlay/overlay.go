// Package overlay applies OpenAPI Overlay documents strictly.
//
// An action must change the document, or the caller must list it as satisfied upstream.
// An action is satisfied if its change is already present, or if it matches nothing and
// its x-satisfied-when matches. A listed action that is not satisfied is an error, too.
// A library implements the language of overlays.
package overlay

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"

	upstream "github.com/speakeasy-api/openapi/overlay"
	"gopkg.in/yaml.v3"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

var validID = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Action is one action of an overlay document, with its extensions.
type Action struct {
	ID            string // FILE#x-id: its permanent name
	Target        string
	SatisfiedWhen string // x-satisfied-when, a JSONPath; see the package comment
	Overwrites    []any  // x-overwrites: published values that the action is expected to replace

	document upstream.Overlay // with this action alone
}

// Load reads the actions of the overlay documents in dir in the order of their names.
// An Action.ID begins with the path of its file from the parent of dir.
func Load(fsys fs.FS, dir string) ([]Action, error) {
	files, _ := fs.Glob(fsys, dir+"/*") // fails only for malformed patterns
	var actions []Action
	for _, file := range files { // sorted by name
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		parsed, err := Parse(path.Join(path.Base(dir), path.Base(file)), data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		actions = append(actions, parsed...)
	}
	if len(actions) == 0 {
		return nil, fmt.Errorf("%s: no overlay documents", dir)
	}
	return actions, nil
}

// Parse reads one overlay document. Each action must have a reason, an id, one of
// update, remove and copy, no unknown extension, and paths that parse.
func Parse(file string, data []byte) (actions []Action, err error) {
	defer spec.Guard(&err, "parsing the overlay document")
	var document upstream.Overlay
	if err := spec.ParseYAML(data, false, &document); err != nil {
		return nil, fmt.Errorf("not an overlay document: %w", err)
	}
	if err := document.Validate(); err != nil {
		return nil, fmt.Errorf("not a valid overlay document: %w", err)
	}
	for i, raw := range document.Actions {
		one := document
		one.Actions = []upstream.Action{raw}
		a, err := parseAction(file, raw, one)
		if err != nil {
			return nil, fmt.Errorf("action %d: %w", i+1, err)
		}
		if slices.ContainsFunc(actions, func(other Action) bool { return other.ID == a.ID }) {
			return nil, fmt.Errorf("two actions have the id %s", a.ID)
		}
		actions = append(actions, a)
	}
	return actions, nil
}

func parseAction(file string, raw upstream.Action, document upstream.Overlay) (Action, error) {
	id, _ := raw.Extensions["x-id"].(string)
	a := Action{ID: file + "#" + id, Target: raw.Target, document: document}
	if !validID.MatchString(id) {
		return Action{}, fmt.Errorf("x-id %q: want lower-case words joined by hyphens", id)
	}
	for _, key := range spec.SortedKeys(raw.Extensions) {
		ok := true
		switch value := raw.Extensions[key]; key {
		case "x-id":
		case "x-satisfied-when":
			a.SatisfiedWhen, ok = value.(string)
		case "x-overwrites":
			a.Overwrites, ok = value.([]any)
		default:
			ok = false
		}
		if !ok {
			return Action{}, fmt.Errorf("%s: %s: not a member of an action, or a value of another kind", a.ID, key)
		}
	}
	if raw.Description == "" {
		return Action{}, fmt.Errorf("%s: no description: state the reason for the action", a.ID)
	}
	kinds := []bool{raw.Remove, !raw.Update.IsZero(), raw.Copy != ""}
	if len(slices.DeleteFunc(kinds, func(set bool) bool { return !set })) != 1 {
		return Action{}, fmt.Errorf("%s: want exactly one of update, remove and copy", a.ID)
	}
	for _, expression := range []string{raw.Target, raw.Copy, a.SatisfiedWhen} {
		if _, err := a.query(&yaml.Node{}, expression); err != nil {
			return Action{}, fmt.Errorf("%s: %q is not a JSONPath: %w", a.ID, expression, err)
		}
	}
	return a, nil
}

// query returns the nodes that a JSONPath matches, and none for an empty JSONPath.
func (a *Action) query(root *yaml.Node, expression string) ([]*yaml.Node, error) {
	if expression == "" {
		return nil, nil
	}
	p, err := a.document.NewPath(expression, nil)
	if err != nil {
		return nil, err
	}
	return p.Query(root), nil
}
