package contract

import (
	"fmt"
	"slices"
)

// Class is the kind of a [Violation].
type Class int

// The classes, the most severe first.
const (
	// BadRequest is a request that the contract does not allow.
	BadRequest Class = iota + 1
	// BadResponse is a response that the contract does not allow.
	BadResponse
	// Drift is something that the contract does not forbid, but that it does not document
	// or that clients refuse.
	Drift
	// Unchecked is a request or response that was not checked in full.
	Unchecked
	// Outside is a request to something that the contract does not describe.
	Outside
)

var classes = []string{"", "bad request", "bad response", "drift", "unchecked", "outside"}

// String returns the class in lower case, as printed by [Violation.String].
func (c Class) String() string {
	if c < BadRequest || c > Outside {
		return fmt.Sprintf("Class(%d)", int(c))
	}
	return classes[c]
}

// Breach reports whether violations of the class break the contract. In mode [Fail],
// only these cause an [*Error].
func (c Class) Breach() bool { return c == BadRequest || c == BadResponse }

// MarshalText returns the text of [Class.String].
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the texts of the five classes and refuses others.
func (c *Class) UnmarshalText(text []byte) error {
	class := slices.Index(classes[BadRequest:], string(text))
	if class < 0 {
		return fmt.Errorf("contract: unknown class %.50q", text)
	}
	*c = BadRequest + Class(class)
	return nil
}

// Violation is one difference from the contract. Its texts are redacted and limited in
// length.
type Violation struct {
	// Class is the kind of the violation; this package never returns a zero one.
	Class Class `json:"class"`
	// Pointer is the JSON pointer (RFC 6901) into the body of a response; empty for the
	// whole body, and for the violation that counts the unlisted ones. For other parts of
	// a request or response it is /path, /path/NAME, /query, /query/NAME, /security,
	// /status, /header/NAME, or /body and the pointer into the body of a request.
	Pointer string `json:"pointer"`
	// Message describes the violation for people. It may change: do not parse it.
	Message string `json:"message"`
	// Expected is what the contract requires; it may be empty.
	Expected string `json:"expected,omitempty"`
	// Excerpt is what was found; it may be empty.
	Excerpt string `json:"excerpt,omitempty"`
	// StatusCode is the status of the response; 0 for a request.
	StatusCode int `json:"status_code,omitempty"`
	// RayID is the vendor's id of the response, for a support ticket.
	RayID string `json:"ray_id,omitempty"`
}

// String returns the violation in one line.
func (v Violation) String() string {
	s := v.Class.String()
	switch {
	case v.StatusCode != 0 && v.RayID != "":
		s += fmt.Sprintf(" (status %d, ray %s)", v.StatusCode, v.RayID)
	case v.StatusCode != 0:
		s += fmt.Sprintf(" (status %d)", v.StatusCode)
	}
	if v.Pointer != "" {
		s += " at " + v.Pointer
	}
	s += ": " + v.Message
	if v.Expected != "" {
		s += "; expected " + v.Expected
	}
	if v.Excerpt != "" {
		s += "; found " + v.Excerpt
	}
	return s
}

// Error is the error of a breach in mode [Fail].
type Error struct {
	// Violations are the breaches of one request or response, at least one, in the order
	// in which the handler gets them.
	Violations []Violation
}

// Error names the first breach and the number of the others.
func (e *Error) Error() string {
	if len(e.Violations) == 0 {
		return "contract: broken"
	}
	if n := len(e.Violations) - 1; n > 0 {
		return fmt.Sprintf("contract: %v (and %d more)", e.Violations[0], n)
	}
	return fmt.Sprintf("contract: %v", e.Violations[0])
}
