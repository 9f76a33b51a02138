package canon

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

const (
	maxDepth = 500
	// maxValues and maxText bound what references may expand to. The real
	// operation has some 400 values and 10 kB of text.
	maxValues = 20_000
	maxText   = 1 << 20
	// maxExact is the largest number up to which a reader of JSON can be
	// expected to be exact.
	maxExact = 1 << 53
)

// inliner replaces references by copies of their targets. It follows
// references within the document only and never reads a file or a URL.
type inliner struct {
	doc    specdoc.Object
	values int
	text   int
	active []string // references being expanded, outermost first
}

func newInliner(doc specdoc.Object) *inliner { return &inliner{doc: doc} }

func (in *inliner) inline(v any, at string) (any, error) {
	return in.walk(v, at, specdoc.Fields, 0)
}

// leftOut tells the fields that assert nothing: extensions that are not the
// vendor's own, of which code generators obey some, and discriminators, which
// name components that are components no more and only say sooner which of the
// alternatives it is that matches.
func leftOut(key string, place specdoc.Place) bool {
	return place == specdoc.Fields &&
		(key == "discriminator" || strings.HasPrefix(key, "x-") && !strings.HasPrefix(key, "x-cf") && key != TokenPermissions)
}

func (in *inliner) walk(v any, at string, place specdoc.Place, depth int) (any, error) {
	if err := in.count(v, at, depth); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case specdoc.Object:
		if ref, ok := v["$ref"].(string); ok && place == specdoc.Fields {
			return in.reference(ref, v, at, depth)
		}
		out := make(specdoc.Object, len(v))
		for _, key := range specdoc.SortedKeys(v) {
			if leftOut(key, place) {
				continue
			}
			value, err := in.walk(v[key], at+"/"+specdoc.Escape(key), place.Child(key), depth+1)
			if err != nil {
				return nil, err
			}
			out[key] = value
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			value, err := in.walk(child, at+"/"+strconv.Itoa(i), place, depth+1)
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

// count charges a value to the limits.
func (in *inliner) count(v any, at string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: nested deeper than %d levels", abbreviate(at), maxDepth)
	}
	if in.values++; in.values > maxValues {
		return fmt.Errorf("%s: the operation expands to more than %d values", abbreviate(at), maxValues)
	}
	switch v := v.(type) {
	case string:
		in.text += len(v)
	case specdoc.Object:
		for key := range v {
			in.text += len(key)
		}
	case float64:
		if math.Abs(v) > maxExact {
			return fmt.Errorf("%s: the number %g is too large to be exact", abbreviate(at), v)
		}
	}
	if in.text > maxText {
		return fmt.Errorf("%s: the operation expands to more than %d bytes of text", abbreviate(at), maxText)
	}
	return nil
}

// reference returns what a reference means. OpenAPI 3.0 ignores its siblings;
// in 3.1 they add to the target.
func (in *inliner) reference(ref string, holder specdoc.Object, at string, depth int) (any, error) {
	target, err := in.follow(ref, at, depth)
	if err != nil || !is31(in.doc) {
		return target, err
	}
	siblings := maps.Clone(holder)
	for _, prose := range []string{"$ref", "summary", "description"} {
		delete(siblings, prose)
	}
	if len(siblings) == 0 {
		return target, nil
	}
	value, err := in.walk(siblings, at, specdoc.Fields, depth+1)
	if err != nil {
		return nil, err
	}
	return specdoc.Object{"allOf": []any{target, value}}, nil
}

func (in *inliner) follow(ref, at string, depth int) (any, error) {
	if slices.Contains(in.active, ref) {
		return nil, fmt.Errorf("%s: %.100q refers to itself (%s)", abbreviate(at), ref, abbreviate(strings.Join(append(in.active, ref), " → ")))
	}
	target, err := Lookup(in.doc, ref)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", abbreviate(at), err)
	}
	in.active = append(in.active, ref)
	defer func() { in.active = in.active[:len(in.active)-1] }()
	return in.walk(target, strings.TrimPrefix(ref, "#"), specdoc.Fields, depth+1)
}

// ComponentName returns the section and the name of the component that a
// reference of the form #/components/SECTION/NAME points to.
func ComponentName(ref string) (section, name string, err error) {
	tokens := strings.Split(strings.TrimPrefix(ref, "#/components/"), "/")
	if len(tokens) != 2 || !strings.HasPrefix(ref, "#/components/") {
		return "", "", fmt.Errorf("reference %.100q is not to a component", ref)
	}
	if tokens[1], err = url.PathUnescape(tokens[1]); err != nil {
		return "", "", fmt.Errorf("reference %.100q is not valid: %w", ref, err)
	}
	return tokens[0], unescape(tokens[1]), nil
}

// Lookup returns what a reference within the document points to.
func Lookup(doc specdoc.Object, ref string) (any, error) {
	fragment, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil, fmt.Errorf("reference %.100q leaves the document: only references within it are followed", ref)
	}
	fragment, err := url.PathUnescape(fragment)
	if err != nil {
		return nil, fmt.Errorf("reference %.100q is not valid: %w", ref, err)
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
			return nil, fmt.Errorf("reference %.100q points to nothing", ref)
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
