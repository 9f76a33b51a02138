package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/certuse/cloudflare-mtls/generated"
)

var listHostnames = operation{generated.ListHostnameAssociationsOperation, "list hostname associations"}

// HostnamesRef names a certificate in a zone.
type HostnamesRef struct {
	// ZoneID is the id of the zone, with the limits of [CertificateRef.AccountID].
	ZoneID string `json:"zone_id"`
	// CertificateID is the id of a certificate of the account's store, as the API writes
	// it: 32 lower-case hexadecimal digits and 4 hyphens. Other forms are
	// [ErrInvalidArgument], because the API may compare ids as text and return no
	// hostnames. An empty id is invalid too: for it, the API returns the hostnames of the
	// certificate authority that the vendor manages for the zone.
	CertificateID string `json:"certificate_id"`
}

func (r HostnamesRef) validate() error {
	return errors.Join(validateID("HostnamesRef.ZoneID", r.ZoneID, maxAccountIDLength),
		validateStoredID("HostnamesRef.CertificateID", r.CertificateID))
}

// validateStoredID requires the form in which the API writes an id.
func validateStoredID(field, id string) error {
	form := strings.Map(func(c rune) rune {
		if strings.ContainsRune("0123456789abcdef", c) {
			return '0'
		}
		return c
	}, id)
	if form != "00000000-0000-0000-0000-000000000000" {
		return fmt.Errorf("%s does not have the form 2458ce5a-0c35-4c7f-82c7-8e9487d3ff60", field)
	}
	return nil
}

// Hostnames returns the hostnames of a zone for which client certificates of a CA are
// checked, in the API's order. The list is empty, not nil, if there are none. The error
// is an [*Error]. A response without a list of hostnames, from a cache, or with errors
// is [ErrUnexpectedResponse]; one that refers to further hostnames is [ErrTruncated].
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/certificate_authorities/subresources/hostname_associations/methods/get/.
func (c *Client) Hostnames(ctx context.Context, ref HostnamesRef) ([]string, error) {
	if err := c.check(ctx, ref.validate()); err != nil {
		return nil, invalidArgument(listHostnames.text, err.Error())
	}
	return withError(c.hostnames(ctx, ref, callPolicy{admission: ctx}))
}

// hostnames also returns the hostnames of a response that may be incomplete.
func (c *Client) hostnames(ctx context.Context, ref HostnamesRef, policy callPolicy) ([]string, *Error) {
	params := generated.ListHostnameAssociationsParams{MTLSCertificateID: ref.CertificateID}
	var got object[generated.HostnameAssociations, *generated.HostnameAssociations]
	r, fail := c.do(ctx, listHostnames, policy, func(ctx context.Context, edit editor) (*http.Response, error) {
		return c.generated.ListHostnameAssociations(ctx, ref.ZoneID, &params, edit)
	}, &got)
	if fail != nil {
		return nil, fail
	}
	fail = r.completenessError(0)
	if fail == nil && got.value.Hostnames == nil {
		fail = r.fail(ErrUnexpectedResponse, "the result has no hostnames")
	}
	return got.value.Hostnames, fail
}
