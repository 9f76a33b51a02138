package canon

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

const (
	maxDepth = 500
	// maxValues bounds what references may expand to. The real operation has
	// some 400 values.
	maxValues = 100_000
)

// inliner replaces references by copies of their targets. It follows
// references within the document only and never reads a file or a URL.
type inliner struct {
	doc    specdoc.Object
	values int
	active []string // references being expanded, outermost first
}

func newInliner(doc specdoc.Object) *inliner { return &inliner{doc: doc} }

func (in *inliner) inline(v any, at string) (any, error) {
	return in.walk(v, at, 0)
}

// isData tells the keys whose values are instances, not schemas: a $ref in an
// example is not a reference. Below properties, keys are names of the vendor's.
func isData(key, parent string) bool {
	switch key {
	case "example", "examples", "enum", "default":
		return parent != "properties"
	default:
		return false
	}
}

func (in *inliner) walk(v any, at string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s: nested deeper than %d levels", abbreviate(at), maxDepth)
	}
	if in.values++; in.values > maxValues {
		return nil, fmt.Errorf("%s: the operation expands to more than %d values", abbreviate(at), maxValues)
	}
	switch v := v.(type) {
	case specdoc.Object:
		if ref, ok := v["$ref"].(string); ok {
			return in.follow(ref, at, depth)
		}
		out := make(specdoc.Object, len(v))
		parent := at[strings.LastIndexByte(at, '/')+1:]
		for _, key := range slices.Sorted(maps.Keys(v)) {
			child := v[key]
			if isData(key, parent) {
				out[key] = specdoc.Clone(child)
				continue
			}
			value, err := in.walk(child, at+"/"+escape(key), depth+1)
			if err != nil {
				return nil, err
			}
			out[key] = value
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			value, err := in.walk(child, at+"/"+strconv.Itoa(i), depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = value
		}
		return out, nil
	default:
		return v, nil
	}
}

func (in *inliner) follow(ref, at string, depth int) (any, error) {
	if slices.Contains(in.active, ref) {
		return nil, fmt.Errorf("%s: %q refers to itself (%s)", abbreviate(at), ref, strings.Join(append(in.active, ref), " → "))
	}
	target, err := Lookup(in.doc, ref)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", abbreviate(at), err)
	}
	in.active = append(in.active, ref)
	defer func() { in.active = in.active[:len(in.active)-1] }()
	return in.walk(target, strings.TrimPrefix(ref, "#"), depth+1)
}

// Lookup returns what a reference within the document points to.
func Lookup(doc specdoc.Object, ref string) (any, error) {
	fragment, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil, fmt.Errorf("reference %q leaves the document: only references within it are followed", ref)
	}
	fragment, err := url.PathUnescape(fragment)
	if err != nil {
		return nil, fmt.Errorf("reference %q is not valid: %w", ref, err)
	}
	var current any = doc
	for token := range strings.SplitSeq(fragment, "/") {
		switch node := current.(type) {
		case specdoc.Object:
			current, ok = node[unescape(token)]
		case []any:
			var i int
			i, err = strconv.Atoi(token)
			if ok = err == nil && i >= 0 && i < len(node); ok {
				current = node[i]
			}
		default:
			ok = false
		}
		if !ok {
			return nil, fmt.Errorf("reference %q points to nothing", ref)
		}
	}
	return current, nil
}

// abbreviate keeps one-line errors one line, even for a pointer of thousands of
// tokens.
func abbreviate(pointer string) string {
	const longest = 200
	if len(pointer) <= longest {
		return pointer
	}
	return pointer[:longest/2] + "…" + pointer[len(pointer)-longest/2:]
}
