package api

import "encoding/json"

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

// MarshalJSON gives the certificate, the usage as text, the list, and the text
// of the error; what is not there is left out.
func (r AuditResult) MarshalJSON() ([]byte, error) {
	out := struct {
		Certificate CertificateRef   `json:"certificate"`
		Usage       Usage            `json:"usage"`
		List        *AssociationList `json:"list,omitempty"`
		Error       string           `json:"error,omitempty"`
	}{Certificate: r.Certificate, Usage: r.Usage(), List: r.List}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return json.Marshal(out)
}
