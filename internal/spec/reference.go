package spec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-openapi/jsonpointer"
)

// Escape returns a name as a token of a JSON pointer.
func Escape(name string) string { return jsonpointer.Escape(name) }

// At returns the value at a JSON pointer below the root.
func At(doc any, pointer string) (value any, ok bool) {
	p, err := jsonpointer.New(pointer)
	if err != nil || p.IsEmpty() {
		return nil, false
	}
	value, _, err = p.Get(doc)
	return value, err == nil
}

// pointerOf returns the JSON pointer of a reference within the document.
func pointerOf(ref string) (string, error) {
	if !strings.HasPrefix(ref, "#/") {
		return "", fmt.Errorf("reference %.100q leaves the document or is no JSON pointer: only pointers within it are followed", ref)
	}
	pointer, err := url.PathUnescape(ref[1:])
	if err != nil {
		return "", fmt.Errorf("reference %.100q is not valid: %w", ref, err)
	}
	return pointer, nil
}

// ComponentName returns the section and the name of the component that a reference
// points to or into. ok is false for other references.
func ComponentName(ref string) (section, name string, ok bool) {
	pointer, err := pointerOf(ref)
	tokens := slices.Collect(jsontext.Pointer(pointer).Tokens())
	if err != nil || len(tokens) < 3 || tokens[0] != "components" {
		return "", "", false
	}
	return tokens[1], tokens[2], true
}

// Lookup returns the target of a reference within the document.
func Lookup(doc Object, ref string) (any, error) {
	pointer, err := pointerOf(ref)
	if err != nil {
		return nil, err
	}
	target, ok := At(doc, pointer)
	if !ok {
		return nil, fmt.Errorf("reference %.100q points to nothing", ref)
	}
	return target, nil
}

// Limits of a copy. The largest operation of the list has some 1,500 values and 21 kB
// of text.
const (
	maxCopyDepth  = 500
	maxCopyValues = 60_000
	maxCopyText   = 4 << 20
	// maxExact limits exact integers: float64 cannot tell 2^53 from 2^53+1.
	maxExact = 1<<53 - 1
)

// ErrInexact is in the error of a [Copier] about a number that is too large to be exact.
var ErrInexact = errors.New("too large to be exact")

// Copier copies parts of a document and handles the references in them. It follows
// references within the document only, and limits the expansion. It refuses numbers
// that are too large to be exact, marks of text direction, and control characters other
// than tab, line feed and carriage return.
type Copier struct {
	// Doc is the document that references point into.
	Doc Object
	// Reference returns what replaces a reference. It may call Expand. If it is unset,
	// each reference is replaced by a copy of its target.
	Reference func(c *Copier, ref Reference) (any, error)
	// Skip, if not nil, leaves members of objects out of the copy.
	Skip func(key string, value any, place Place, pointer string) bool

	values, text int
	active       []string // references being expanded, outermost first
}

// Reference is a reference found by a Copier.
type Reference struct {
	Target  string // the value of $ref
	Holder  Object // the object with $ref
	Pointer string // of Holder
	depth   int
}

// Copy returns a copy of v. pointer is the place of v.
func (c *Copier) Copy(v any, pointer string) (any, error) {
	return c.walk(v, pointer, Fields, 0)
}

// CopyBeside returns a copy of the members of a reference's holder other than $ref
// and those in without.
func (c *Copier) CopyBeside(ref Reference, without ...string) (Object, error) {
	siblings := maps.Clone(ref.Holder)
	for _, key := range append(without, "$ref") {
		delete(siblings, key)
	}
	v, err := c.walk(siblings, ref.Pointer, Fields, ref.depth+1)
	return Child(v), err
}

// Expand returns a copy of the target of a reference.
func (c *Copier) Expand(ref Reference) (any, error) {
	if slices.Contains(c.active, ref.Target) {
		return nil, fmt.Errorf("%.300s: %.100q refers to itself (%.300s)", ref.Pointer, ref.Target,
			strings.Join(append(c.active, ref.Target), " → "))
	}
	target, err := Lookup(c.Doc, ref.Target)
	if err != nil {
		return nil, fmt.Errorf("%.300s: %w", ref.Pointer, err)
	}
	c.active = append(c.active, ref.Target)
	defer func() { c.active = c.active[:len(c.active)-1] }()
	return c.walk(target, strings.TrimPrefix(ref.Target, "#"), Fields, ref.depth+1)
}

func (c *Copier) walk(v any, pointer string, place Place, depth int) (any, error) {
	if err := c.count(v, pointer, depth); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case Object:
		if target, ok := v["$ref"].(string); ok && place == Fields {
			ref := Reference{Target: target, Holder: v, Pointer: pointer, depth: depth}
			if c.Reference != nil {
				return c.Reference(c, ref)
			}
			return c.Expand(ref)
		}
		out := make(Object, len(v))
		for key, child := range Children(v) {
			at := pointer + "/" + Escape(key)
			if c.Skip != nil && c.Skip(key, child, place, at) {
				continue
			}
			value, err := c.walk(child, at, place.Child(key), depth+1)
			if err != nil {
				return nil, err
			}
			out[key] = value
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			value, err := c.walk(child, pointer+"/"+strconv.Itoa(i), place, depth+1)
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

// count counts a value towards the limits. It refuses control characters, because they
// could end up in source code and distort a report.
func (c *Copier) count(v any, pointer string, depth int) error {
	if depth > maxCopyDepth {
		return fmt.Errorf("%.300s: nested deeper than %d levels", pointer, maxCopyDepth)
	}
	if c.values++; c.values > maxCopyValues {
		return fmt.Errorf("%.300s: the operation expands to more than %d values", pointer, maxCopyValues)
	}
	var texts []string
	switch v := v.(type) {
	case string:
		texts = []string{v}
	case Object:
		texts = SortedKeys(v)
	case float64:
		if math.Abs(v) > maxExact {
			return fmt.Errorf("%.300s: the number %g is %w", pointer, v, ErrInexact)
		}
	}
	for _, text := range texts {
		c.text += len(text)
		if strings.ContainsFunc(text, func(r rune) bool {
			return unicode.In(r, unicode.Cc, unicode.Bidi_Control) && !strings.ContainsRune("\n\t\r", r)
		}) {
			return fmt.Errorf("%.300s: a control character in the text or name %.100q", pointer, text)
		}
	}
	if c.text > maxCopyText {
		return fmt.Errorf("%.300s: the operation expands to more than %d bytes of text", pointer, maxCopyText)
	}
	return nil
}
