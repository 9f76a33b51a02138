// Package report tells what a new revision of the published document changes,
// and for whom.
//
// Two documents of the same normal form are compared place by place, so that
// only differences in meaning, and in prose, are left to tell: component names,
// references, key order and the arrangement of allOf are gone already. A
// difference that no rule knows counts as breaking.
package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// Class says how far a change reaches. Larger is worse.
type Class int

// The classes of changes.
const (
	None          Class = iota // nothing changed
	Documentation              // prose and other things that assert nothing
	Compatible                 // users may ignore it
	Breaking                   // what users rely on may not hold any more
	Refused                    // the document cannot be used at all
)

var classNames = [...]string{"none", "documentation", "compatible", "breaking", "refused"}

func (c Class) String() string { return classNames[c] }

// MarshalText returns the name of the class.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Change is one difference between two documents.
type Change struct {
	Class Class `json:"class"`
	// Pointer is the JSON pointer of the place in the normal form of the
	// documents, in which references are replaced and allOf is merged.
	Pointer string `json:"pointer"`
	// Place is the same for people, What the difference, Meaning what it means
	// for users of the library.
	Place   string `json:"place"`
	What    string `json:"what"`
	Meaning string `json:"meaning"`
}

// Worst returns the largest class among changes.
func Worst(changes []Change) Class {
	worst := None
	for _, c := range changes {
		worst = max(worst, c.Class)
	}
	return worst
}

// order sorts changes: the worst first, then by place.
func order(changes []Change) {
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(b.Class, a.Class), cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.What, b.What))
	})
}

// spot is a place in two documents at once.
type spot struct{ pointer, place string }

func (s spot) keyword(name string) spot {
	return spot{s.pointer + "/" + specdoc.Escape(name), s.place}
}

func (s spot) property(name string) spot {
	separator := "."
	if !strings.Contains(s.place, ": ") {
		separator = ": "
	}
	return spot{s.pointer + "/properties/" + specdoc.Escape(name), s.place + separator + name}
}

func (s spot) element() spot {
	return spot{s.pointer + "/items", s.place + "[]"}
}
