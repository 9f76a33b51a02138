package api

import (
	"encoding/json"
	"fmt"
)

// AuditResult is what an audit found out about one certificate. Exactly one of
// List and Err is set.
type AuditResult struct {
	// Certificate is the element of the input that the result is about.
	Certificate CertificateRef
	// List is the answer, nil when there is an error.
	List *AssociationList
	// Err is an [*Error], or nil.
	Err error
}

// Usage is that of the list, and [UsageUnknown] when there is an error.
func (r AuditResult) Usage() Usage {
	if r.Err != nil {
		return UsageUnknown
	}
	return r.List.Usage()
}

// String gives the certificate's id, and the list or the error in short.
func (r AuditResult) String() string {
	if r.Err != nil {
		return fmt.Sprintf("%s: %v: %v", r.Certificate.ID, UsageUnknown, r.Err)
	}
	return fmt.Sprintf("%s: %v", r.Certificate.ID, r.List)
}

// resultJSON is the form of a result in JSON.
type resultJSON struct {
	Certificate CertificateRef   `json:"certificate"`
	Usage       Usage            `json:"usage"`
	List        *AssociationList `json:"list,omitempty"`
	Error       string           `json:"error,omitempty"`
}

// MarshalJSON gives the certificate, the usage as text, the list, and the text
// of the error; what is not there is left out.
func (r AuditResult) MarshalJSON() ([]byte, error) {
	out := resultJSON{Certificate: r.Certificate, Usage: r.Usage(), List: r.List}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return json.Marshal(out)
}

// UnmarshalJSON replaces the whole result, with nothing kept of what it held
// before. A result that was read from JSON proves nothing: its Usage is
// [UsageUnknown], whatever the text says, and its Err has the text of the error
// and no more.
func (r *AuditResult) UnmarshalJSON(text []byte) error {
	*r = AuditResult{}
	// The usage is not read: it may be of a later version.
	var read struct {
		resultJSON
		Usage json.RawMessage `json:"usage"`
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	r.Certificate, r.List = read.Certificate, read.List
	if read.Error != "" {
		r.Err = &Error{text: read.Error}
	}
	return nil
}
