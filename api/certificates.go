package api

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/generated"
)

var (
	listCertificates = operation{generated.ListMTLSCertificatesOperation, "list mTLS certificates"}
	getCertificate   = operation{generated.GetMTLSCertificateOperation, "get mTLS certificate"}
)

// Certificate is what the account's store says about one certificate. It never
// holds a private key.
type Certificate struct {
	// Ref names the certificate. The same certificate, uploaded again after its
	// deletion, gets the same id.
	Ref CertificateRef `json:"ref"`
	// Name is the name given at the upload; it may be empty.
	Name string `json:"name"`
	// Type is "custom", "gateway_managed" or "access_managed". It is an open set,
	// and "" when the API did not say.
	Type string `json:"type"`
	// CA tells a CA certificate from a leaf certificate; nil when the API did not
	// say.
	CA *bool `json:"ca"`
	// Issuer, SerialNumber (decimal) and SignatureAlgorithm are as the API wrote
	// them. For the fields of the certificate itself, see ParseChain.
	Issuer             string `json:"issuer"`
	SerialNumber       string `json:"serial_number"`
	SignatureAlgorithm string `json:"signature_algorithm"`
	// UploadedOn and ExpiresOn are zero when the API did not say, or wrote
	// something that cannot be read; then Malformed names it.
	UploadedOn time.Time `json:"uploaded_on,omitzero"`
	ExpiresOn  time.Time `json:"expires_on,omitzero"`
	// PEM is the certificate as stored, which may be a chain.
	PEM string `json:"pem"`
	// Malformed names, as JSON pointers, the members of the certificate that do
	// not fit the contract and were left zero. None of them is the id, ca or type.
	Malformed []string `json:"malformed,omitempty"`
}

// ParseChain parses PEM. It returns the certificates in their order, at least
// one, or an error.
func (c *Certificate) ParseChain() ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	rest := []byte(c.PEM)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		return nil, errors.New("no certificate in the PEM text")
	}
	return chain, nil
}

// ListOption changes what [Client.Certificates] lists.
type ListOption func(*generated.ListMTLSCertificatesParams)

// WithTypes lists only certificates of these types, such as "custom". The API
// does the filtering.
func WithTypes(types ...string) ListOption {
	return func(p *generated.ListMTLSCertificatesParams) { p.Type = slices.Clone(types) }
}

// Certificates lists the certificates of an account, page by page. Each range
// over it asks anew; the first request is made when the loop begins.
//
// An error comes last, with a zero Certificate: that of a call, an [*Error];
// [ErrUnexpectedResponse] when a server answers another page than the one that
// was asked for; [ErrTruncated] when not all certificates came, for example
// because the list changed while it was read. So a loop that ends without an
// error has seen all of them, each once.
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/mtls_certificates/methods/list/.
func (c *Client) Certificates(ctx context.Context, accountID string, opts ...ListOption) iter.Seq2[Certificate, error] {
	return func(yield func(Certificate, error) bool) {
		if err := c.check(ctx, validateID("account id", accountID, maxAccountIDLength)); err != nil {
			yield(Certificate{}, invalidArgument(listCertificates.text, err.Error()))
			return
		}
		var params generated.ListMTLSCertificatesParams
		for _, opt := range opts {
			opt(&params)
		}
		get := func(ctx context.Context, number, perPage int64) (*page[Certificate], *Error) {
			params := params
			params.Page, params.PerPage = float64(number), float64(perPage)
			rows := list[generated.Certificate, Certificate, *generated.Certificate]{
				size: 1024,
				convert: func(cert *generated.Certificate, malformed []string) (Certificate, error) {
					return newCertificate(accountID, cert, malformed)
				},
			}
			r, fail := c.do(ctx, listCertificates, callPolicy{admission: ctx}, func(ctx context.Context, edit generated.RequestEditorFn) (*http.Response, error) {
				return c.generated.ListMTLSCertificates(ctx, accountID, &params, edit)
			}, &rows)
			return &page[Certificate]{r, rows.items}, fail
		}
		pages(ctx, listCertificates, 0, get, func(cert Certificate) string { return cert.Ref.ID })(yield)
	}
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
	var got object[generated.Certificate, *generated.Certificate]
	r, fail := c.do(ctx, getCertificate, callPolicy{admission: ctx}, func(ctx context.Context, edit generated.RequestEditorFn) (*http.Response, error) {
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
		return nil, r.fail(getCertificate, ErrUnexpectedResponse, "the response is about another certificate")
	}
	return &out, nil
}

func newCertificate(accountID string, cert *generated.Certificate, malformed []string) (Certificate, error) {
	out := Certificate{
		Ref: CertificateRef{AccountID: accountID, ID: cert.ID}, Name: cert.Name, Type: cert.Type, CA: cert.Ca,
		Issuer: cert.Issuer, SerialNumber: cert.SerialNumber, SignatureAlgorithm: cert.Signature,
		PEM: cert.Certificates, Malformed: malformed,
	}
	out.UploadedOn = out.date("/uploaded_on", cert.UploadedOn)
	out.ExpiresOn = out.date("/expires_on", cert.ExpiresOn)
	return out, validateID("the certificate's id", cert.ID, maxCertificateIDLength)
}

// date parses a date of the API. One that cannot be read is zero and malformed.
func (c *Certificate) date(pointer, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		c.Malformed = append(c.Malformed, pointer)
		return time.Time{}
	}
	return t
}
