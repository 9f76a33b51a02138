package api

import "fmt"

// Usage is the conclusion on which a decision about a certificate can rest.
type Usage int

// The three conclusions. The zero value is UsageUnknown.
const (
	// UsageUnknown: neither of the other two is shown.
	UsageUnknown Usage = iota
	// InUse: the list of [Client.Associations] has at least one association; for
	// [Evidence], a source names the certificate.
	InUse
	// Unused: the list of [Client.Associations] is complete, free of errors and
	// empty; for [Evidence], each source that applies was read in full and none
	// names the certificate.
	Unused
)

// String returns "unknown", "in_use" or "unused"; other values are "unknown".
func (u Usage) String() string {
	switch u {
	case InUse:
		return "in_use"
	case Unused:
		return "unused"
	default:
		return "unknown"
	}
}

// MarshalText gives the text of [Usage.String].
func (u Usage) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads the three texts of [Usage.String] and refuses others.
func (u *Usage) UnmarshalText(text []byte) error {
	for _, known := range []Usage{UsageUnknown, InUse, Unused} {
		if known.String() == string(text) {
			*u = known
			return nil
		}
	}
	return invalidArgument("read usage", fmt.Sprintf("%q is no usage", text))
}

// Usage says what the answer proves:
//
//   - [InUse]: at least one association was received.
//   - [Unused]: the answer was received by a [Client], its result is empty, it
//     is neither truncated nor stale and carries no errors. Any 2xx status will
//     do but 206, with which an answer is a part and never becomes a list.
//   - [UsageUnknown]: everything else, which includes a nil list and a list
//     that was made by hand or read from JSON.
//
// Changing the fields of a list never turns it into Unused.
func (l *AssociationList) Usage() Usage {
	if l == nil {
		return UsageUnknown
	}
	if l.verdict == Unused && verdictOf(l) != Unused {
		return UsageUnknown
	}
	return l.verdict
}

// UnmarshalJSON replaces the whole list, with nothing kept of what it held
// before: a list that was read from JSON proves nothing, and its Usage is
// [UsageUnknown]. After an error of this method the list is empty; encoding/json
// does not call it, and leaves the list as it is, if the text is not JSON.
func (l *AssociationList) UnmarshalJSON(text []byte) error {
	type fields AssociationList // without this method
	return unmarshal(text, l, func(read fields) AssociationList { return AssociationList(read) })
}

func verdictOf(l *AssociationList) Usage {
	switch {
	case len(l.Associations) > 0:
		return InUse
	case isTruncated(0, l.Info, l.Truncated) || l.Stale || len(l.Errors) > 0:
		return UsageUnknown
	default:
		return Unused
	}
}
