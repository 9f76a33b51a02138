package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/secret"
	"github.com/certuse/cloudflare-mtls/generated"
)

var uploadCertificate = operation{generated.UploadMTLSCertificateOperation, "upload mTLS certificate"}

const (
	// codeCertificateExists means that the account already has the certificate. It is
	// undocumented; the source is code of the vendor.
	codeCertificateExists = 1471
	// lookupTime limits the search for a certificate that may just have been uploaded:
	// the list can lag behind.
	lookupTime = 30 * time.Second
)

// CertificateUpload is a certificate to upload. Its JSON does not hold the private key.
type CertificateUpload struct {
	// Name is a description for people; it may be empty.
	Name string
	// CA reports whether it is the certificate of a certificate authority.
	CA bool
	// PEM is the certificate, optionally followed by the certificates of its issuers,
	// each issued by the next.
	PEM string
	// Key is the private key of the first certificate. The zero value means none. A CA
	// needs a key only for Gateway TLS inspection.
	Key PrivateKey
}

// PrivateKey holds a private key. Make it with [PrivateKeyPEM]. Printing, logging or
// marshalling it shows nothing of the key. It is immutable and safe for concurrent
// use.
type PrivateKey struct {
	reveal func() string // a closure for the same reason as in Credentials
}

// PrivateKeyPEM returns the private key in a PEM text: one block with an
// unencrypted key in the form PKCS #8, PKCS #1 or SEC 1. [Client.Upload] checks it.
func PrivateKeyPEM(text string) PrivateKey {
	return PrivateKey{func() string { return text }}
}

// String hides the key.
func (k PrivateKey) String() string {
	if k.reveal == nil {
		return "no private key"
	}
	return "private key " + redacted
}

// Format prints the same as String for every verb of package fmt.
func (k PrivateKey) Format(s fmt.State, _ rune) { _, _ = fmt.Fprint(s, k.String()) }

// MarshalText returns the same as String, for JSON and other encoders.
func (k PrivateKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// LogValue returns the same as String, for log/slog.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// text returns the PEM text, "" if there is no key.
func (k PrivateKey) text() string {
	if k.reveal == nil {
		return ""
	}
	return k.reveal()
}

// Upload adds a certificate to the account's store and returns it as stored. The error
// is an [*Error]. Nothing is sent, and the error is [ErrInvalidArgument], if the
// certificate fails the checks of [CertificateUpload.Validate].
//
// If the account already has the certificate, Upload finds it in the list by the digest
// of its first certificate and returns it as stored; its Name, CA and issuers may
// differ, and it may have no private key. If the list does not show it within 30
// seconds, or cannot be read, the error is the API's, with the code 1471. A delay of the
// first request for the list by the limiter, up to 5 minutes, is added.
//
// If a request may have arrived and no response shows its outcome, Upload searches the
// list in the same way, and the error is [ErrOutcomeUnknown] if the list does not show
// the certificate or cannot be read. The call can then be repeated: it returns the
// certificate, uploaded or found. If the caller's context has ended, the error also
// matches the context's error.
//
// The private key is sent in the body of the request and is in no log and no error.
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/mtls_certificates/methods/create/.
func (c *Client) Upload(ctx context.Context, accountID string, cert CertificateUpload) (*Certificate, error) {
	invalid := errors.Join(validateID("account id", accountID, maxAccountIDLength), cert.validate(time.Now()))
	if err := c.check(ctx, invalid); err != nil {
		return nil, invalidArgument(uploadCertificate.text, err.Error())
	}
	c = c.redactingKey(cert)
	digest, _ := (&Certificate{PEM: cert.PEM}).SHA256() // validate has parsed it
	var got object[generated.Certificate, *generated.Certificate]
	r, fail := c.do(ctx, uploadCertificate, callPolicy{admission: ctx}, func(ctx context.Context, edit editor) (*http.Response, error) {
		return c.generated.UploadMTLSCertificate(ctx, accountID, generated.CertificateRequest{
			Ca: cert.CA, Certificates: cert.PEM, Name: cert.Name, PrivateKey: cert.Key.text(),
		}, edit)
	}, &got)
	if fail == nil {
		stored, err := newCertificate(accountID, got.value, got.malformed)
		if sum, _ := stored.SHA256(); err == nil && sum != digest { // zero if it is unreadable
			err = errAnotherCertificate
		}
		if err == nil {
			return &stored, nil
		}
		fail = r.fail(ErrUnexpectedResponse, err.Error())
		fail.unclear = true
	}
	exists := hasCode(fail.Details, codeCertificateExists)
	if !exists && !fail.unclear {
		return nil, fail
	}
	stored, note := c.find(ctx, accountID, digest)
	if stored != nil {
		return stored, nil
	}
	if fail.unclear {
		fail.addKind(ErrOutcomeUnknown, "the outcome is unknown: "+note)
	} else {
		fail.note = note
	}
	return nil, c.withContextErrors(ctx, fail)
}

// find reads the list until it shows the certificate, until lookupTime is over, or
// until the API refuses the request. The note states why the certificate was not found.
func (c *Client) find(ctx context.Context, accountID string, digest [sha256.Size]byte) (found *Certificate, note string) {
	note = "there was no time to read the list"
	poll(ctx, c.timeToCheck(lookupTime), func(ctx context.Context) (bool, time.Duration) {
		var fail *Error
		found, fail = c.search(ctx, accountID, func(cert *Certificate) bool {
			got, _ := cert.SHA256() // zero if it is unreadable
			return got == digest
		})
		switch {
		case fail == nil:
			note = "the list does not show the certificate"
		case ctx.Err() == nil:
			note = "the list could not be read: " + fail.Error()
		}
		return found != nil || fail != nil && (fail.Is(ErrForbidden) || fail.Is(ErrUnauthorized)), 0
	})
	return found, note
}

// search returns the first certificate of the list that matches, or nil.
func (c *Client) search(ctx context.Context, accountID string, matches func(*Certificate) bool) (*Certificate, *Error) {
	for cert, err := range c.certificates(ctx, accountID, seriesPolicy(ctx)) {
		switch {
		case err != nil:
			return nil, asError(err)
		case matches(&cert):
			return &cert, nil
		}
	}
	return nil, nil
}

// redactingKey returns a client that also redacts each text of a server or transport
// that has a part of the private key, unless the certificate has that part too.
func (c *Client) redactingKey(cert CertificateUpload) *Client {
	block, _ := pem.Decode([]byte(cert.Key.text()))
	if block == nil {
		return c
	}
	out := *c
	out.redact = c.redact.withDetector(secret.QuoteDetector(base64.StdEncoding.EncodeToString(block.Bytes), cert.PEM))
	return &out
}
