package api

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/generated"
)

// Limits of the ids, as in the contract. The ids of certificates have 36 characters;
// the rest is a reserve for another format.
const (
	maxAccountIDLength     = 32
	maxCertificateIDLength = 64
)

// CertificateRef names one mTLS certificate of one account. It is comparable and can be
// the key of a map.
//
// Both ids must not be empty, may hold only ASCII letters, digits, '-' and '_', and are
// limited to 32 characters (account) and 64 characters (certificate). Otherwise nothing
// is sent and the error is [ErrInvalidArgument].
type CertificateRef struct {
	// AccountID is the id of the account that owns the certificate.
	AccountID string `json:"account_id"`
	// ID is the id of the certificate.
	ID string `json:"certificate_id"`
}

// Validate checks a reference without sending anything. The error is an [*Error] that
// matches [ErrInvalidArgument]; its text omits the ids.
func (r CertificateRef) Validate() error {
	if err := r.validate(); err != nil {
		return invalidArgument("certificate reference", err.Error())
	}
	return nil
}

func (r CertificateRef) validate() error {
	return errors.Join(validateID("CertificateRef.AccountID", r.AccountID, maxAccountIDLength),
		validateID("CertificateRef.ID", r.ID, maxCertificateIDLength))
}

// Certificate describes a certificate of the account's store. It never holds a private
// key.
type Certificate struct {
	// Ref names the certificate. The same certificate, uploaded again after its
	// deletion, gets the same id.
	Ref CertificateRef `json:"-"`
	// Name is the name given at the upload; it may be empty.
	Name string `json:"name"`
	// Type is an open set, such as "custom", "gateway_managed" or "access_managed", and
	// "" if the API did not send it.
	Type string `json:"type"`
	// CA is true for a CA certificate and false for a leaf certificate; nil if the API
	// did not send it.
	CA *bool `json:"ca"`
	// Issuer, SerialNumber (decimal) and SignatureAlgorithm are as the API wrote them,
	// "" if it did not. For the fields of the certificate itself, see ParseChain.
	Issuer             string `json:"issuer"`
	SerialNumber       string `json:"serial_number"`
	SignatureAlgorithm string `json:"signature_algorithm"`
	// UploadedOn and ExpiresOn are zero if the API did not send them or sent an invalid
	// date. Malformed names the members with an invalid date.
	UploadedOn time.Time `json:"uploaded_on,omitzero"`
	ExpiresOn  time.Time `json:"expires_on,omitzero"`
	// PEM is the certificate as stored, which may be a chain.
	PEM string `json:"certificates,omitempty"`
	// Malformed names, as JSON pointers, the members of the certificate that do
	// not fit the contract and were left zero. None of them is the id, ca or type.
	Malformed []string `json:"malformed,omitempty"`
}

// String returns the id, the name and the type, without the PEM text. Names and types
// are quoted, and cut after 60 characters. Do not parse the text; it may change.
func (c Certificate) String() string {
	return fmt.Sprintf("%s: %.60q, type %.60q", c.Ref.ID, c.Name, c.Type)
}

type certificateJSON struct {
	AccountID     string `json:"account_id"`
	CertificateID string `json:"certificate_id"`
	certificateFields
}

// certificateFields is a certificate without its methods.
type certificateFields Certificate

func (c Certificate) json() certificateJSON {
	c.UploadedOn, c.ExpiresOn = c.UploadedOn.UTC().Truncate(time.Second), c.ExpiresOn.UTC().Truncate(time.Second)
	return certificateJSON{c.Ref.AccountID, c.Ref.ID, certificateFields(c)}
}

// MarshalJSON returns the fields. The ids are account_id and certificate_id, and times
// are in UTC with whole seconds.
func (c Certificate) MarshalJSON() ([]byte, error) { return json.Marshal(c.json()) }

// UnmarshalJSON replaces the whole certificate.
func (c *Certificate) UnmarshalJSON(text []byte) error {
	return unmarshal(text, c, certificateJSON.certificate)
}

func (in certificateJSON) certificate() Certificate {
	in.Ref = CertificateRef{in.AccountID, in.CertificateID}
	return Certificate(in.certificateFields)
}

// ParseChain parses PEM. It returns the certificates in their order. PEM without a
// certificate, or with a block that is not a valid one, is an error.
func (c *Certificate) ParseChain() ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode([]byte(c.PEM)); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 || len(chain) != strings.Count(c.PEM, pemBegin) { // Decode skips malformed blocks
		return nil, errors.New("no certificate in the PEM text, or a malformed one")
	}
	return chain, nil
}

// confirmedCA returns CA, or nil if the first certificate of PEM contradicts it.
func (c *Certificate) confirmedCA() *bool {
	if block, _ := pem.Decode([]byte(c.PEM)); block != nil && c.CA != nil {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && cert.IsCA != *c.CA {
			return nil
		}
	}
	return c.CA
}

// SHA256 returns the digest of the first certificate of PEM, in DER. It identifies the
// certificate, unlike the text, which the vendor may rewrite. If the first block of PEM
// is not a certificate, the digest is zero and there is an error.
func (c *Certificate) SHA256() (digest [sha256.Size]byte, err error) {
	block, rest := pem.Decode([]byte(c.PEM))
	if block == nil || block.Type != pemCertificate || strings.Count(c.PEM[:len(c.PEM)-len(rest)], pemBegin) != 1 {
		return digest, errors.New("no certificate in the PEM text")
	}
	return sha256.Sum256(block.Bytes), nil
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

// date parses a date of the API. An invalid date is zero and malformed. So is one whose
// year in UTC is not within 0 to 9999, because it cannot be written as JSON.
func (c *Certificate) date(pointer, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if year := t.UTC().Year(); err != nil || year < 0 || year > 9999 {
		c.Malformed = append(c.Malformed, pointer)
		return time.Time{}
	}
	return t
}

// validateID checks an id. Its error omits the id, which may be a secret that was
// passed by mistake.
func validateID(field, id string, limit int) error {
	if id == "" {
		return fmt.Errorf("%s is empty", field)
	}
	if len(id) > limit {
		return fmt.Errorf("%s has %d bytes, more than %d", field, len(id), limit)
	}
	if at := strings.IndexFunc(id, isNotInID); at >= 0 {
		return fmt.Errorf("%s has %q at position %d; only letters, digits, '-' and '_' are allowed", field, id[at:at+1], at+1)
	}
	return nil
}

// isNotInID reports whether an id cannot contain c.
func isNotInID(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
}
