package api

import (
	"context"
	"fmt"
	"iter"
	"net/http"

	"github.com/certuse/cloudflare-mtls/generated"
)

var listAssociations = operation{generated.ListMTLSCertificateAssociationsOperation, "list mTLS certificate associations"}

// associations calls the operation for one certificate.
func (c *Client) associations(ctx context.Context, cert CertificateRef, policy callPolicy) (*AssociationList, *Error) {
	rows := associationRows()
	r, fail := c.do(ctx, listAssociations, policy, func(ctx context.Context, edit generated.RequestEditorFn) (*http.Response, error) {
		return c.generated.ListMTLSCertificateAssociations(ctx, cert.AccountID, cert.ID, edit)
	}, &rows)
	if fail != nil {
		return nil, fail
	}
	l := &AssociationList{
		Associations: rows.items, Info: r.info, Errors: r.errors, Messages: r.messages, Malformed: r.malformed,
		Truncated: isTruncated(len(rows.items), r.info, r.more), Stale: r.stale,
		RayID: r.rayID, ReceivedAt: r.receivedAt, Body: r.body, incomplete: r.whole(listAssociations, len(rows.items)),
	}
	l.verdict = verdictOf(l)
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
// The list is non-nil exactly when the error is nil, and the error is an [*Error].
// Decide by [AssociationList.Usage]: a valid response can still prove nothing.
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/mtls_certificates/subresources/associations/methods/get/.
func (c *Client) Associations(ctx context.Context, cert CertificateRef) (*AssociationList, error) {
	if err := c.check(ctx, cert.validate()); err != nil {
		return nil, invalidArgument(listAssociations.text, err.Error())
	}
	return returned(c.associations(ctx, cert, callPolicy{admission: ctx}))
}

// AllAssociations iterates over the associations of the certificate. Each range over it
// sends a new request when the loop begins.
//
// An error comes last, with a zero Association: that of the call; [ErrTruncated] if
// more associations exist, or may exist, than were received; and
// [ErrUnexpectedResponse] if a success contains errors or is stale. A loop without an
// error has seen all of them.
//
// The operation has no pages today, so there is one request; if the vendor adds pages,
// the loop will request them.
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
			note: fmt.Sprintf("not asked: the API refused the account %d times", maxRefusals)}
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
