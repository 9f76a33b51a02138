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

// ListOption changes what [Client.Certificates] lists. A wrong one sends nothing and
// is an [ErrInvalidArgument] that names it.
type ListOption func(*listOptions) error

type listOptions struct{ types []string }

// WithTypes lists only certificates of these types, such as "custom". The API
// does the filtering; the total of the response may then be that of all types, and
// its number of pages says where the list ends.
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

// Certificates lists the certificates of an account, page by page. Each range
// over it asks anew; the first request is made when the loop begins.
//
// An error comes last, with a zero Certificate: that of a call, an [*Error];
// [ErrUnexpectedResponse] when a server answers another page than the one that
// was asked for, or a response that carries errors or comes from a cache;
// [ErrTruncated] when not all certificates came, for example because the list
// changed while it was read, and when the page numbers of the responses do not
// show that all came. A list of fewer than 10 needs no numbers. A loop that ends
// without an error has seen all certificates, each once; the exception are changes
// between two pages that leave the total as it is.
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/mtls_certificates/methods/list/.
func (c *Client) Certificates(ctx context.Context, accountID string, opts ...ListOption) iter.Seq2[Certificate, error] {
	return c.certificates(ctx, accountID, callPolicy{admission: ctx}, nil, opts...)
}

func (c *Client) certificates(ctx context.Context, accountID string, policy callPolicy, onPage func(int64, *ResultInfo), opts ...ListOption) iter.Seq2[Certificate, error] {
	var options listOptions
	invalid := errors.Join(configure(&options, opts), validateID("account id", accountID, maxAccountIDLength))
	return paged[generated.Certificate, Certificate, *generated.Certificate]{
		operation: listCertificates,
		rows: list[generated.Certificate, Certificate, *generated.Certificate]{convert: func(cert *generated.Certificate, malformed []string) (Certificate, error) {
			return newCertificate(accountID, cert, malformed)
		}},
		id:       func(cert Certificate) string { return cert.Ref.ID },
		filtered: len(options.types) > 0,
		send: func(ctx context.Context, number, perPage float64, edit generated.RequestEditorFn) (*http.Response, error) {
			params := generated.ListMTLSCertificatesParams{Type: options.types, Page: number, PerPage: perPage}
			return c.generated.ListMTLSCertificates(ctx, accountID, &params, edit)
		},
	}.all(ctx, c, policy, invalid, onPage)
}

// Certificate returns one certificate. The error is an [*Error]; [ErrNotFound]
// also when the account or the base URL is wrong.
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/mtls_certificates/methods/get/.
func (c *Client) Certificate(ctx context.Context, cert CertificateRef) (*Certificate, error) {
	if err := c.check(ctx, cert.validate()); err != nil {
		return nil, invalidArgument(getCertificate.text, err.Error())
	}
	return returned(c.certificate(ctx, cert, callPolicy{admission: ctx}))
}

func (c *Client) certificate(ctx context.Context, cert CertificateRef, policy callPolicy) (*Certificate, *Error) {
	var got object[generated.Certificate, *generated.Certificate]
	r, fail := c.do(ctx, getCertificate, policy, func(ctx context.Context, edit generated.RequestEditorFn) (*http.Response, error) {
		return c.generated.GetMTLSCertificate(ctx, cert.AccountID, cert.ID, edit)
	}, &got)
	if fail != nil {
		return nil, fail
	}
	out, err := newCertificate(cert.AccountID, got.value, got.malformed)
	switch {
	case err != nil:
		return nil, r.fail(getCertificate, ErrUnexpectedResponse, err.Error())
	case !strings.EqualFold(out.Ref.ID, cert.ID):
		return nil, r.fail(getCertificate, ErrUnexpectedResponse, errAnotherCertificate.Error())
	}
	return &out, nil
}
