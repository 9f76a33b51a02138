package canon

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// CanonicalPath is the operation's path in canonical documents. It carries the
// parameter names of the first published form.
const CanonicalPath = "/accounts/{account_identifier}/mtls_certificates/{identifier}/associations"

var (
	// ErrNotFound reports a document that does not describe the operation.
	ErrNotFound = errors.New("the operation GET /accounts/{…}/mtls_certificates/{…}/associations is not in the document")

	operationPath = regexp.MustCompile(`^/accounts/\{([^{}/]+)\}/mtls_certificates/\{([^{}/]+)\}/associations$`)
)

// Found is the operation as it stands in a published document.
type Found struct {
	Path      string
	Names     [2]string // names of the path parameters, in the order of the path
	Item      specdoc.Object
	Operation specdoc.Object
}

// ItemPointer is the JSON pointer of the path item.
func (f Found) ItemPointer() string { return "/paths/" + specdoc.Escape(f.Path) }

// Pointer is the JSON pointer of the operation.
func (f Found) Pointer() string { return f.ItemPointer() + "/get" }

// Find returns the operation, whatever its path parameters are called.
func Find(doc specdoc.Object) (Found, error) {
	paths, ok := doc["paths"].(specdoc.Object)
	if !ok || len(paths) == 0 {
		return Found{}, fmt.Errorf("/paths: missing or empty: %w", ErrNotFound)
	}
	var matches []string
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if operationPath.MatchString(path) {
			matches = append(matches, path)
		}
	}
	switch len(matches) {
	case 0:
		return Found{}, fmt.Errorf("/paths: %w", ErrNotFound)
	case 1:
	default:
		return Found{}, fmt.Errorf("/paths: the operation is described %d times: %s", len(matches), strings.Join(matches, ", "))
	}
	path := matches[0]
	names := operationPath.FindStringSubmatch(path)
	found := Found{Path: path, Names: [2]string{names[1], names[2]}}
	if found.Item, ok = paths[path].(specdoc.Object); !ok {
		return Found{}, fmt.Errorf("%s: not an object", found.ItemPointer())
	}
	if _, ok := found.Item["$ref"]; ok {
		return Found{}, fmt.Errorf("%s: a path item by reference is not supported", found.ItemPointer())
	}
	if found.Operation, ok = found.Item["get"].(specdoc.Object); !ok {
		return Found{}, fmt.Errorf("%s: no GET: %w", found.ItemPointer(), ErrNotFound)
	}
	return found, nil
}

func unescape(token string) string {
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
}
