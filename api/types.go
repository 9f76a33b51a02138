package api

import (
	"fmt"
	"time"
)

// Association is one use of a certificate. It is comparable. Service and
// Status are open sets: values that this version does not know pass through
// unchanged, and either may be empty, as the contract makes both optional.
type Association struct {
	// Service is the service that uses the certificate, for example "gateway".
	Service string `json:"service"`
	// Status is the state of the deployment for that service, for example
	// "pending_deployment".
	Status string `json:"status"`
}

// AssociationList is one answer of the API. [AssociationList.Usage] says what
// follows from it; an empty Associations alone proves nothing.
//
// A list belongs to its caller, who may change it; Usage then keeps to what
// was received. It is safe for concurrent reading.
type AssociationList struct {
	// Associations are the uses that were delivered, never nil in a list that
	// came from a [Client].
	Associations []Association `json:"result"`
	// Info is the paging information, nil when the API sent none.
	Info *ResultInfo `json:"result_info,omitempty"`
	// Errors are errors that came with the answer although it says success, at most
	// 100 of them. With any of them Usage is never [Unused].
	Errors []ErrorDetail `json:"errors,omitempty"`
	// Messages are remarks of the API, such as a deprecation; at most 100 of them.
	Messages []Notice `json:"messages,omitempty"`
	// Truncated reports that more associations exist, or may exist, than were
	// delivered. With Truncated set, Usage is never [Unused].
	Truncated bool `json:"truncated"`
	// Stale reports that the response says, in its Age or Warning header, that
	// it is or may be an old one. Every request asks for a current one. With
	// Stale set, Usage is never [Unused].
	Stale bool `json:"stale"`
	// Malformed names, as JSON pointers into the body, the members that do not
	// fit the contract and were left zero, at most 100 of them. None of them
	// decides what the answer means.
	Malformed []string `json:"malformed,omitempty"`
	// RayID is the vendor's id of the exchange, from the CF-Ray header; quote
	// it when asking the vendor's support. Empty when there was none.
	RayID string `json:"ray_id,omitempty"`
	// ReceivedAt is when the answer was complete, by the local clock.
	ReceivedAt time.Time `json:"received_at"`
	// Body is the answer as received, after decompression, for fields that
	// this version does not know. Should the server have echoed the client's
	// own credentials, escaped or not, they are replaced by "[redacted]" when
	// they have 12 characters or more. It is left out of JSON.
	Body []byte `json:"-"`

	// verdict is what the answer proved when it was received. Only this
	// package can set it, so a list made by hand proves nothing.
	verdict Usage
	// incomplete is why the list may not be all there is, or nil.
	incomplete *Error
}

// String gives the usage and the number of associations.
func (l AssociationList) String() string {
	return fmt.Sprintf("%v: %s", l.Usage(), counted(len(l.Associations), "association"))
}

// Notice is a remark of the API on a successful or failed call.
type Notice struct {
	// Code is the API's number for the remark, 0 when it sent none.
	Code int `json:"code"`
	// Message is the remark for people. It may change: do not parse it.
	Message string `json:"message"`
	// DocumentationURL is where the vendor explains the remark, as it was
	// sent; empty when it was not. It is not checked.
	DocumentationURL string `json:"documentation_url,omitempty"`
	// Pointer is the JSON pointer to the part of the request that is meant.
	Pointer string `json:"pointer,omitempty"`
}

// ErrorDetail is one error of the API. The vendor publishes no full list of
// codes; unknown ones are kept as they come.
type ErrorDetail struct {
	// Code is the API's number for the error, 0 when it sent none, or none that
	// is an integer.
	Code int `json:"code"`
	// Message is the text for people. It may change: do not parse it.
	Message string `json:"message"`
	// DocumentationURL is where the vendor explains the error, as it was sent;
	// empty when it was not. It is not checked.
	DocumentationURL string `json:"documentation_url,omitempty"`
	// Pointer is the JSON pointer to the part of the request that is meant.
	Pointer string `json:"pointer,omitempty"`
	// Chain holds the errors behind this one. It is not in the published
	// contract but does occur, as error_chain.
	Chain []ErrorDetail `json:"error_chain,omitempty"`
}

// ResultInfo is the paging information of an answer. A number that the API
// did not send is 0. The operation takes no page parameters, so these numbers
// can only show that an answer is incomplete, not get the rest.
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
