package api

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/generated"
)

var (
	listCertificates = operation{generated.ListMTLSCertificatesOperation, "list mTLS certificates"}
	getCertificate   = operation{generated.GetMTLSCertificateOperation, "get mTLS certificate"}
)

var errAnotherCertificate = errors.New("the response is about another certificate")

// ListOption configures [Client.Certificates].
type ListOption func(*listOptions) error

type listOptions struct{ types []string }

// WithTypes lists only certificates of these types, such as "custom". The API filters
// the list; the total of a response may then include all types, so the number of pages
// decides where the list ends. A list with a certificate of another type is
// [ErrUnexpectedResponse]. No type, or an empty one, is invalid.
func WithTypes(types ...string) ListOption {
	types = slices.Clone(types)
	return func(o *listOptions) error {
		if len(types) == 0 || slices.Contains(types, "") {
			return errors.New("WithTypes: no types, or an empty one")
		}
		o.types = types
		return nil
	}
}

// Certificates lists the certificates of an account, page by page.
//
// An error is an [*Error] and comes last, with a zero Certificate. It is
// [ErrUnexpectedResponse] if a response has another page than the requested one, has no
// new items although another page follows, contains errors or comes from a cache. It is
// [ErrTruncated] if not all certificates were received, for example because the list
// changed while it was read, or if a list of 10 or more certificates has no page
// numbers to show that all were received. A loop without an error has seen every
// certificate once, unless the list changed between two pages without a change of its
// total.
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/mtls_certificates/methods/list/.
func (c *Client) Certificates(ctx context.Context, accountID string, opts ...ListOption) iter.Seq2[Certificate, error] {
	return c.certificates(ctx, accountID, callPolicy{admission: ctx}, opts...)
}

func (c *Client) certificates(ctx context.Context, accountID string, policy callPolicy, opts ...ListOption) iter.Seq2[Certificate, error] {
	var options listOptions
	invalid := errors.Join(configure(&options, opts), validateID("account id", accountID, maxAccountIDLength))
	page := list[generated.Certificate, Certificate, *generated.Certificate]{convert: func(cert *generated.Certificate, malformed []string) (Certificate, error) {
		if len(options.types) > 0 && !slices.Contains(options.types, cert.Type) {
			return Certificate{}, errors.New("a certificate of another type than requested")
		}
		return newCertificate(accountID, cert, malformed)
	}}
	pages := paged{operation: listCertificates, filtered: len(options.types) > 0, invalid: invalid, send: func(ctx context.Context, number, perPage float64, edit editor) (*http.Response, error) {
		params := generated.ListMTLSCertificatesParams{Type: options.types, Page: number, PerPage: perPage}
		return c.generated.ListMTLSCertificates(ctx, accountID, &params, edit)
	}}
	return allPages(ctx, c, policy, pages, page, func(cert Certificate) string { return cert.Ref.ID })
}

// Certificate returns one certificate. The error is an [*Error]. An [ErrNotFound] does
// not prove that the certificate is gone: a wrong account or base URL gives it too.
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/mtls_certificates/methods/get/.
func (c *Client) Certificate(ctx context.Context, cert CertificateRef) (*Certificate, error) {
	if err := c.check(ctx, cert.validate()); err != nil {
		return nil, invalidArgument(getCertificate.text, err.Error())
	}
	return withError(c.certificate(ctx, cert, callPolicy{admission: ctx}))
}

func (c *Client) certificate(ctx context.Context, cert CertificateRef, policy callPolicy) (*Certificate, *Error) {
	var got object[generated.Certificate, *generated.Certificate]
	r, fail := c.do(ctx, getCertificate, policy, func(ctx context.Context, edit editor) (*http.Response, error) {
		return c.generated.GetMTLSCertificate(ctx, cert.AccountID, cert.ID, edit)
	}, &got)
	if fail != nil {
		return nil, fail
	}
	out, err := newCertificate(cert.AccountID, got.value, got.malformed)
	switch {
	case err != nil:
		return nil, r.fail(ErrUnexpectedResponse, err.Error())
	case !strings.EqualFold(out.Ref.ID, cert.ID):
		return nil, r.fail(ErrUnexpectedResponse, errAnotherCertificate.Error())
	}
	return &out, nil
}
