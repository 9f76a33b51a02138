package api

import "fmt"

// Usage is the conclusion about the use of a certificate.
type Usage int

// The three conclusions. The zero value is UsageUnknown.
const (
	// UsageUnknown means that neither of the other two is proven.
	UsageUnknown Usage = iota
	// InUse means that something uses the certificate.
	InUse
	// Unused means that nothing uses the certificate, as far as [AssociationList.Usage]
	// or [Evidence.Usage] shows.
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

// MarshalText returns the text of [Usage.String].
func (u Usage) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads the three texts of [Usage.String] and refuses others.
func (u *Usage) UnmarshalText(text []byte) error {
	for _, known := range []Usage{UsageUnknown, InUse, Unused} {
		if known.String() == string(text) {
			*u = known
			return nil
		}
	}
	return invalidArgument("read usage", fmt.Sprintf("%q is not a usage", text))
}

// Usage returns what the response proves:
//
//   - [InUse]: at least one association was received.
//   - [Unused]: the list is from a [Client] and empty, neither truncated nor stale, and
//     has no errors.
//   - [UsageUnknown]: everything else, including a nil list and a list that was made by
//     the caller or read from JSON.
//
// Changing the fields of a list never turns it into Unused.
func (l *AssociationList) Usage() Usage {
	if l == nil || l.proven == Unused && l.conclude() != Unused {
		return UsageUnknown
	}
	return l.proven
}

// UnmarshalJSON replaces the whole list. After an error the list is empty; if the text
// is not JSON, encoding/json does not call this method and leaves the list unchanged.
func (l *AssociationList) UnmarshalJSON(text []byte) error {
	type fields AssociationList // without this method
	return unmarshal(text, l, func(read fields) AssociationList { return AssociationList(read) })
}

// conclude returns the usage by the exported fields.
func (l *AssociationList) conclude() Usage {
	switch {
	case len(l.Associations) > 0:
		return InUse
	case isTruncated(0, l.Info, l.Truncated) || l.Stale || len(l.Errors) > 0:
		return UsageUnknown
	default:
		return Unused
	}
}
