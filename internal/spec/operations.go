package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// OperationsFile is the path of the list of operations from the root of the module.
const OperationsFile = "openapi/operations.yaml"

// Operation is an entry of the list of operations.
type Operation struct {
	Name       string   `yaml:"name"`       // operationId in the contract, and method of the generated client
	Method     string   `yaml:"method"`     // HTTP method, in capital letters
	Path       string   `yaml:"path"`       // template, with the names that the parameters get
	Document   string   `yaml:"document"`   // file in openapi/ with the published text
	Noun       string   `yaml:"noun"`       // name of an item of the result; the names of objects derive from it
	Query      []string `yaml:"query"`      // query parameters that the library sends
	Permission string   `yaml:"permission"` // permission that an API token needs, as the vendor names it
	// Names holds Go names for objects whose derived name would be long or wrong, by
	// their place in the response, such as "result[].source".
	Names map[string]string `yaml:"names"`
}

// Operations is the list of operations that the library covers.
type Operations []Operation

var (
	operationName = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
	goTypeName    = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	pathTemplate  = regexp.MustCompile(`^(/([A-Za-z0-9_.-]+|\{[A-Za-z0-9_]+\}))+$`)
	pathParameter = regexp.MustCompile(`\{([^{}/]*)\}`)
	permission    = regexp.MustCompile(`^(Account|Zone): ([A-Z]\w*( \w+)*: )?[A-Z]\w*(,? \w+)* (Read|Write)$`)
)

// ReadOperations reads the list of the module in fsys. Unknown members, missing
// required ones and duplicate operations are errors.
func ReadOperations(fsys fs.FS) (Operations, error) {
	data, err := fs.ReadFile(fsys, OperationsFile)
	if err != nil {
		return nil, err
	}
	var list struct {
		Operations Operations `yaml:"operations"`
	}
	if err := ParseYAML(data, true, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", OperationsFile, err)
	}
	if len(list.Operations) == 0 {
		return nil, fmt.Errorf("%s: no operations", OperationsFile)
	}
	seen := map[string]bool{}
	for i, op := range list.Operations {
		if err := op.check(); err != nil {
			return nil, fmt.Errorf("%s: operation %d (%s): %w", OperationsFile, i+1, op.Name, err)
		}
		for _, key := range []string{op.Name, op.Method + " " + shape(op.Path), op.Document} {
			if seen[key] {
				return nil, fmt.Errorf("%s: operation %d (%s): %s occurs twice", OperationsFile, i+1, op.Name, key)
			}
			seen[key] = true
		}
	}
	return list.Operations, nil
}

func (op Operation) check() error {
	switch {
	case !operationName.MatchString(op.Name):
		return errors.New("name: want letters and digits, the first a small letter")
	case !slices.Contains(methods, strings.ToLower(op.Method)) || op.Method != strings.ToUpper(op.Method):
		return fmt.Errorf("method %q: want an HTTP method in capital letters", op.Method)
	case !pathTemplate.MatchString(op.Path):
		return fmt.Errorf("path %q: want segments, each a text or a {parameter}", op.Path)
	case len(slices.Compact(slices.Sorted(slices.Values(PathParameters(op.Path))))) < len(PathParameters(op.Path)):
		return fmt.Errorf("path %q: a parameter occurs twice", op.Path)
	case op.Document != path.Base(op.Document) || path.Ext(op.Document) != ".json":
		return fmt.Errorf("document %q: want the name of a .json file", op.Document)
	case !goTypeName.MatchString(op.Noun):
		return fmt.Errorf("noun %q: want a Go name", op.Noun)
	case !permission.MatchString(op.Permission):
		return fmt.Errorf("permission %q: want Account or Zone, a colon, and a name that ends in Read or Write", op.Permission)
	}
	for place, name := range op.Names {
		if !goTypeName.MatchString(name) {
			return fmt.Errorf("names: %s: %q is not a Go name", place, name)
		}
	}
	return nil
}

// PathParameters returns the parameter names of a path template, in their order.
func PathParameters(template string) []string {
	var names []string
	for _, match := range pathParameter.FindAllStringSubmatch(template, -1) {
		names = append(names, match[1])
	}
	return names
}

// Title returns the method and the path, such as "GET /zones".
func (op Operation) Title() string { return op.Method + " " + op.Path }

// shape returns a path template without the names of its parameters.
func shape(template string) string { return pathParameter.ReplaceAllString(template, "{}") }

// ErrNotFound reports a document that does not describe an operation.
var ErrNotFound = errors.New("is not in the document")

// Find returns the operation in doc, where its path parameters may have other names.
// The error wraps [ErrNotFound] if doc has no such operation.
func (op Operation) Find(doc Object) (Located, error) {
	paths := Child(doc, "paths")
	matches := slices.DeleteFunc(SortedKeys(paths), func(template string) bool { return shape(template) != shape(op.Path) })
	method := strings.ToLower(op.Method)
	if len(matches) > 1 { // each may have other methods
		matches = slices.DeleteFunc(matches, func(template string) bool { return Child(paths, template, method) == nil })
	}
	switch {
	case len(matches) == 0:
		return Located{}, fmt.Errorf("/paths: the operation %s %w", op.Title(), ErrNotFound)
	case len(matches) > 1:
		return Located{}, fmt.Errorf("/paths: the path of %s occurs %d times: %s", op.Title(), len(matches), strings.Join(matches, ", "))
	}
	found := Located{Path: matches[0], Method: method, Item: Child(paths, matches[0])}
	if found.Item == nil {
		return Located{}, fmt.Errorf("%s: not an object", found.ItemPointer())
	}
	if _, ok := found.Item["$ref"]; ok {
		return Located{}, fmt.Errorf("%s/$ref: a path item by reference is not supported", found.ItemPointer())
	}
	if found.Operation = Child(found.Item, found.Method); found.Operation == nil {
		return Located{}, fmt.Errorf("%s: no %s: the operation %s %w", found.ItemPointer(), op.Method, op.Title(), ErrNotFound)
	}
	return found, nil
}
