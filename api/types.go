package api

import (
	"fmt"
	"time"
)

// Association is one use of a certificate. It is comparable. Service and Status are
// open sets: unknown values are kept. Both are optional in the contract and may be
// empty.
type Association struct {
	// Service is the service that uses the certificate, for example "gateway".
	Service string `json:"service"`
	// Status is the state of the deployment for that service, for example
	// "pending_deployment".
	Status string `json:"status"`
}

// AssociationList is one response of the API. [AssociationList.Usage] returns the
// conclusion; an empty Associations alone proves nothing.
//
// A list belongs to its caller, who may change it; Usage still depends on what was
// received. It is safe for concurrent reading.
type AssociationList struct {
	// Associations are the received uses, never nil in a list from a [Client].
	Associations []Association `json:"result"`
	// Info is the paging information, nil when the API sent none.
	Info *ResultInfo `json:"result_info,omitempty"`
	// Errors are the errors in a successful response, at most 100 of them. With any of
	// them, Usage is never [Unused].
	Errors []ErrorDetail `json:"errors,omitempty"`
	// Messages are notices of the API, such as a deprecation, at most 100 of them.
	Messages []Notice `json:"messages,omitempty"`
	// Truncated reports that more associations exist, or may exist, than were received.
	// With Truncated set, Usage is never [Unused].
	Truncated bool `json:"truncated"`
	// Stale reports that the response is or may be out of date, by its Age or Warning
	// header. With Stale set, Usage is never [Unused].
	Stale bool `json:"stale"`
	// Malformed names, as JSON pointers into the body, the members that do not fit the
	// contract and were left zero, at most 100 of them. None of them decides what the
	// response means.
	Malformed []string `json:"malformed,omitempty"`
	// RayID is the vendor's id of the response, from the CF-Ray header, for its support;
	// empty if there was none.
	RayID string `json:"ray_id,omitempty"`
	// ReceivedAt is when the response was complete, by the local clock.
	ReceivedAt time.Time `json:"received_at"`
	// Body is the response as received, after decompression, for fields that this
	// version does not know. Credentials of the client with 12 characters or more,
	// escaped or not, are replaced by "[redacted]" in it. It is left out of JSON.
	Body []byte `json:"-"`

	// verdict is the usage that the response proved. Only this package can set it, so a
	// list made by the caller proves nothing.
	verdict Usage
	// incomplete is why the list may be incomplete, or nil.
	incomplete *Error
}

// String returns the usage and the number of associations.
func (l AssociationList) String() string {
	return fmt.Sprintf("%v: %s", l.Usage(), pluralize(len(l.Associations), "association"))
}

// Notice is a message of the API about a successful or failed call.
type Notice struct {
	// Code is the API's number for the notice, 0 if it sent none.
	Code int `json:"code"`
	// Message is the text for people. It may change: do not parse it.
	Message string `json:"message"`
	// DocumentationURL is where the vendor explains the notice, as it was sent; it may
	// be empty. It is not checked.
	DocumentationURL string `json:"documentation_url,omitempty"`
	// Pointer is a JSON pointer to the part of the request that the text is about.
	Pointer string `json:"pointer,omitempty"`
}

// ErrorDetail is one error of the API. The vendor publishes no full list of codes;
// unknown ones are kept.
type ErrorDetail struct {
	// Code is the API's number for the error, 0 if it sent none or one that is not an
	// integer.
	Code int `json:"code"`
	// Message is the text for people. It may change: do not parse it.
	Message string `json:"message"`
	// DocumentationURL is where the vendor explains the error, as it was sent; it may be
	// empty. It is not checked.
	DocumentationURL string `json:"documentation_url,omitempty"`
	// Pointer is a JSON pointer to the part of the request that the text is about.
	Pointer string `json:"pointer,omitempty"`
	// Chain holds the causes of this error, from error_chain. It is not in the published
	// contract, but the API sends it.
	Chain []ErrorDetail `json:"error_chain,omitempty"`
}

// ResultInfo is the paging information of a response. A number that the API did not
// send is 0. The operation has no page parameters, so the numbers can only show that a
// list is incomplete.
type ResultInfo struct {
	// Count is the number of associations on this page.
	Count int64 `json:"count"`
	// Page is the number of this page; the first is 1.
	Page int64 `json:"page"`
	// PerPage is how many associations fit on a page.
	PerPage int64 `json:"per_page"`
	// TotalCount is the number of associations on all pages.
	TotalCount int64 `json:"total_count"`
	// TotalPages is the number of pages.
	TotalPages int64 `json:"total_pages"`
}
