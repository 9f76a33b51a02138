// Package overlay applies OpenAPI Overlay documents strictly.
//
// An action must change the document. One that matches nothing, or whose change is
// already present, is an error unless the caller lists it as satisfied upstream; a
// listed action that changes something is an error too. A library implements the
// overlay language itself.
package overlay

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	upstream "github.com/speakeasy-api/openapi/overlay"
	"gopkg.in/yaml.v3"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

const (
	// idKey is the extension with the permanent name of an action, which the list of
	// satisfied actions uses.
	idKey = "x-id"
	// provenKey is the extension that holds a JSONPath. An action that matches
	// nothing is satisfied upstream only if this path matches.
	provenKey = "x-satisfied-when"
	// expectsKey is the extension that lists the values that an action means to
	// overwrite; a change from one to another is expected.
	expectsKey = "x-overwrites"
)

var (
	validID = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	// extension matches the extensions of a contract that this project and
	// oapi-codegen read.
	extension = regexp.MustCompile(`^x-(decides|known-values|partial|accepted-permissions|go-[a-z-]+)$`)
)

// Overlay is one overlay document.
type Overlay struct {
	File    string
	Title   string
	Actions []Action

	document upstream.Overlay
}

// Action is one action of an overlay.
type Action struct {
	ID            string // FILE#x-id
	Description   string // the reason
	Target        string
	SatisfiedWhen string
	Overwrites    []any // values that the action means to overwrite

	action upstream.Action
}

// Load reads the overlay documents in dir in the order of their names. File is their
// path from the parent of dir. Any other file, such as one that ends in .yml, is an
// error.
func Load(fsys fs.FS, dir string) ([]Overlay, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	var overlays []Overlay
	for _, entry := range entries { // sorted by name
		file := path.Join(dir, entry.Name())
		if path.Ext(file) == ".md" {
			continue
		}
		if entry.IsDir() || path.Ext(file) != ".yaml" {
			return nil, fmt.Errorf("%s: not an overlay document: their names end in .yaml", file)
		}
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		o, err := Parse(path.Join(path.Base(dir), entry.Name()), data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		overlays = append(overlays, o)
	}
	if len(overlays) == 0 {
		return nil, fmt.Errorf("%s: no overlay documents", dir)
	}
	return overlays, nil
}

// Parse reads one overlay document and checks this project's requirements: version
// 1.1.0, a reason and an id for each action, and paths that parse.
func Parse(file string, data []byte) (_ Overlay, err error) {
	defer spec.Guard(&err, "parsing the overlay document")
	o := Overlay{File: file}
	if err := spec.ParseYAML(data, false, &o.document); err != nil {
		return Overlay{}, fmt.Errorf("not an overlay document: %w", err)
	}
	if err := o.document.Validate(); err != nil {
		return Overlay{}, fmt.Errorf("not a valid overlay document: %w", err)
	}
	if o.document.Version != upstream.Version110 {
		return Overlay{}, fmt.Errorf("overlay version %q, want %s", o.document.Version, upstream.Version110)
	}
	o.Title = o.document.Info.Title
	for i, raw := range o.document.Actions {
		a, err := o.parseAction(raw)
		if err != nil {
			return Overlay{}, fmt.Errorf("action %d: %w", i+1, err)
		}
		if slices.ContainsFunc(o.Actions, func(other Action) bool { return other.ID == a.ID }) {
			return Overlay{}, fmt.Errorf("two actions have the id %s", a.ID)
		}
		o.Actions = append(o.Actions, a)
	}
	return o, nil
}

func (o *Overlay) parseAction(raw upstream.Action) (Action, error) {
	id, _ := raw.Extensions[idKey].(string)
	a := Action{ID: o.File + "#" + id, Description: raw.Description, Target: raw.Target, action: raw}
	if !validID.MatchString(id) {
		return Action{}, fmt.Errorf("%s %q: want lower-case words joined by hyphens", idKey, id)
	}
	for _, key := range spec.SortedKeys(raw.Extensions) {
		ok := true
		switch value := raw.Extensions[key]; key {
		case idKey:
		case provenKey:
			a.SatisfiedWhen, ok = value.(string)
		case expectsKey:
			a.Overwrites, ok = asInDocuments(value).([]any)
		default:
			ok = false
		}
		if !ok {
			return Action{}, fmt.Errorf("%s: %s: not a member of an action, or a value of another kind", a.ID, key)
		}
	}
	if a.Description == "" {
		return Action{}, fmt.Errorf("%s: no description: state the reason for the action", a.ID)
	}
	kinds := []bool{raw.Remove, !raw.Update.IsZero(), raw.Copy != ""}
	if len(slices.DeleteFunc(kinds, func(set bool) bool { return !set })) != 1 {
		return Action{}, fmt.Errorf("%s: want exactly one of update, remove and copy", a.ID)
	}
	for _, expression := range []string{raw.Target, raw.Copy, a.SatisfiedWhen} {
		if expression == "" {
			continue
		}
		if _, err := o.document.NewPath(expression, nil); err != nil {
			return Action{}, fmt.Errorf("%s: %q is not a JSONPath: %w", a.ID, expression, err)
		}
	}
	return a, spec.Visit(asInDocuments(raw.Update), spec.Fields, "", func(o spec.Object, at string) error {
		for _, key := range spec.SortedKeys(o) {
			if strings.HasPrefix(key, "x-") && !extension.MatchString(key) {
				return fmt.Errorf("%s: update: %s/%s: unknown extension", a.ID, at, key)
			}
		}
		return nil
	})
}

// asInDocuments converts a value that yaml read to the types of documents, such as
// float64 for every number. It is nil for what JSON lacks.
func asInDocuments(value any) any {
	var node yaml.Node
	if node.Encode(value) != nil {
		return nil
	}
	tree, _ := spec.FromYAML(&node)
	return tree
}

// single returns an overlay with one action of o, so that its effect can be observed.
func (o *Overlay) single(a Action) *upstream.Overlay {
	one := o.document
	one.Actions = []upstream.Action{a.action}
	return &one
}

func (o *Overlay) query(root *yaml.Node, expression string) ([]*yaml.Node, error) {
	p, err := o.document.NewPath(expression, nil)
	if err != nil {
		return nil, err
	}
	return p.Query(root), nil
}
