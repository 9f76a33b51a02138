package api

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/certuse/cloudflare-mtls/generated"
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
// conclusion; an empty Associations alone proves nothing, because the response may be
// truncated or stale, or hold errors.
//
// A list belongs to its caller and is safe for concurrent reading.
type AssociationList struct {
	// Associations are the received uses, never nil in a list from a [Client].
	Associations []Association `json:"result"`
	// Info is the paging information, nil when the API sent none.
	Info *ResultInfo `json:"result_info,omitempty"`
	// Errors are the errors in a successful response, at most 100 of them.
	Errors []ErrorDetail `json:"errors,omitempty"`
	// Messages are notices of the API, such as a deprecation, at most 100 of them.
	Messages []Notice `json:"messages,omitempty"`
	// Truncated reports that more associations exist, or may exist, than were received.
	Truncated bool `json:"truncated"`
	// Stale reports that the response is or may be out of date, by the headers of a
	// cache; see Responses in the package documentation.
	Stale bool `json:"stale"`
	// Malformed names, as JSON pointers into the body, the members that do not fit the
	// contract and were left zero, at most 100 of them. None of them decides what the
	// response means.
	Malformed []string `json:"malformed,omitempty"`
	// RayID is the vendor's id of the response, for a support ticket, from the CF-Ray
	// header; empty if there was none.
	RayID string `json:"ray_id,omitempty"`
	// ReceivedAt is when the response was complete, by the local clock.
	ReceivedAt time.Time `json:"received_at"`
	// Body is the response as received, after decompression, for fields that this
	// version does not know. Credentials of the client with 12 characters or more,
	// escaped or not, are replaced by "[redacted]" in it. It is left out of JSON.
	Body []byte `json:"-"`

	// proven is the usage that the response proved. Only this package can set it, so a
	// list made by the caller proves nothing.
	proven Usage
	// incomplete is why the list may be incomplete, or nil.
	incomplete *Error
}

// String returns the usage and the number of associations.
func (l AssociationList) String() string {
	return fmt.Sprintf("%v: %s", l.Usage(), pluralize(len(l.Associations), "association"))
}

var listAssociations = operation{generated.ListMTLSCertificateAssociationsOperation, "list mTLS certificate associations"}

func (c *Client) associations(ctx context.Context, cert CertificateRef, policy callPolicy) (*AssociationList, *Error) {
	rows := associationRows()
	r, fail := c.do(ctx, listAssociations, policy, func(ctx context.Context, edit editor) (*http.Response, error) {
		return c.generated.ListMTLSCertificateAssociations(ctx, cert.AccountID, cert.ID, edit)
	}, &rows)
	if fail != nil {
		return nil, fail
	}
	l := &AssociationList{
		Associations: rows.items, Info: r.info, Errors: r.errors, Messages: r.messages, Malformed: r.malformed,
		Truncated: isTruncated(len(rows.items), r.info, r.more), Stale: r.stale,
		RayID: r.rayID, ReceivedAt: r.receivedAt, Body: r.body, incomplete: r.completenessError(len(rows.items)),
	}
	l.proven = l.conclude()
	return l, nil
}

func associationRows() list[generated.Association, Association, *generated.Association] {
	return list[generated.Association, Association, *generated.Association]{
		// Not a conversion: a member that the vendor adds must not break the build.
		convert: func(a *generated.Association, _ []string) (Association, error) {
			return Association{Service: a.Service, Status: a.Status}, nil
		},
	}
}

// Associations returns the services that use the certificate. It sends one request, and
// retries as the package documentation describes.
//
// The list is nil if and only if there is an error, which is an [*Error].
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/mtls_certificates/subresources/associations/methods/get/.
func (c *Client) Associations(ctx context.Context, cert CertificateRef) (*AssociationList, error) {
	if err := c.check(ctx, cert.validate()); err != nil {
		return nil, invalidArgument(listAssociations.text, err.Error())
	}
	return withError(c.associations(ctx, cert, callPolicy{admission: ctx}))
}

// AllAssociations iterates over the associations of the certificate.
//
// An error comes last, with a zero Association: the error of the call; [ErrTruncated] if
// more associations exist, or may exist, than were received; and
// [ErrUnexpectedResponse] if a success contains errors or is stale.
//
// The operation has no pages today, so there is one request. If the vendor adds pages,
// the loop ends with [ErrTruncated] until a later version of this package requests
// them.
func (c *Client) AllAssociations(ctx context.Context, cert CertificateRef) iter.Seq2[Association, error] {
	return func(yield func(Association, error) bool) {
		list, err := c.Associations(ctx, cert)
		if err != nil {
			yield(Association{}, err)
			return
		}
		for _, a := range list.Associations {
			if !yield(a, nil) {
				return
			}
		}
		if list.incomplete != nil {
			yield(Association{}, list.incomplete)
		}
	}
}

const (
	// maxRefusals is the number of 403s of the API itself, without a success between
	// them, after which the associations of an account are no longer requested.
	maxRefusals = 3
	// maxRefusedAccounts limits the memory for accounts with refusals.
	maxRefusedAccounts = 4096
)

// associations requests the associations of a certificate, unless the API has refused
// its account maxRefusals times.
func (s *series) associations(c *Client, cert CertificateRef, policy callPolicy) (*AssociationList, *Error) {
	s.mu.Lock()
	refusals := s.refusals[cert.AccountID]
	s.mu.Unlock()
	if refusals >= maxRefusals {
		return nil, &Error{operation: listAssociations.text, permission: listAssociations.Permission, kinds: []error{ErrNotAsked, ErrForbidden},
			note: fmt.Sprintf("not sent: the API refused the account %d times", maxRefusals)}
	}
	list, fail := c.associations(s.ctx, cert, policy)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case fail == nil:
		delete(s.refusals, cert.AccountID)
	case fail.missingPermission() != "":
		if len(s.refusals) == maxRefusedAccounts {
			clear(s.refusals) // costs a few more requests
		}
		s.refusals[cert.AccountID]++
	}
	return list, fail
}

// readAssociations reads [SourceAssociations] for a certificate and adds its uses to e.
func (v *inventory) readAssociations(cert Certificate, e *Evidence) SourceResult {
	f := findings{source: SourceAssociations, scope: "services that the API reports"}
	list, failure := v.associations(v.client, cert.Ref, v.policy())
	if failure != nil && failure.Is(ErrNotAsked) {
		v.expect(-1)
	}
	f.fail(failure)
	if list != nil {
		for _, a := range list.Associations {
			e.Uses = append(e.Uses, Use{Source: SourceAssociations, Name: a.Service, Status: a.Status})
		}
		f.fail(list.incomplete)
	}
	return f.result()
}
