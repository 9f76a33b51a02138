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
	// codeCertificateExists refuses the upload of a certificate that the account
	// already has. It is not documented; it comes from code of the vendor.
	codeCertificateExists = 1471
	// lookupTime bounds the search for a certificate that may just have been
	// uploaded: the list can lag behind.
	lookupTime = 30 * time.Second
)

// CertificateUpload is a certificate to be uploaded. It cannot be read back from its
// JSON, which does not show the private key.
type CertificateUpload struct {
	// Name helps people; it may be empty.
	Name string
	// CA says that the certificate is that of a certificate authority.
	CA bool
	// PEM is the certificate, followed by the certificates of its issuers if they
	// are to be stored too, each issued by the next.
	PEM string
	// Key is the private key of the first certificate. The zero value stands for
	// none. A CA needs one only for Gateway TLS inspection.
	Key PrivateKey
}

// PrivateKey holds a private key. Make it with [PrivateKeyPEM]. Printing, logging or
// marshalling it shows nothing of the key. It is immutable and safe for concurrent
// use.
type PrivateKey struct {
	reveal func() string // a closure for the reason given at Credentials
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

// Format does the same for every verb of package fmt.
func (k PrivateKey) Format(s fmt.State, _ rune) { _, _ = fmt.Fprint(s, k.String()) }

// MarshalText does the same for JSON and other encoders.
func (k PrivateKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// LogValue does the same for log/slog.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// text is the PEM text, "" if there is no key.
func (k PrivateKey) text() string {
	if k.reveal == nil {
		return ""
	}
	return k.reveal()
}

// Upload puts a certificate into the account's store and returns it as stored. The
// error is an [*Error]. Nothing is sent, and the error is [ErrInvalidArgument], if
// the certificate fails the checks of [CertificateUpload.Validate].
//
// A certificate that the account already has is not stored again. It is looked up
// by the digest of its first certificate and returned as it is, which may be with
// another Name or CA, or other issuers. If the list does not show it within 30
// seconds, or cannot be read, the error is the API's refusal, with the code 1471.
//
// The request is sent again only if nothing can have arrived: the connection was
// not made, or the API answered 429. If it may have arrived and no response says
// what became of it, the certificate is looked up in the same way, and the error is
// [ErrOutcomeUnknown] if the list does not show it or cannot be read. The same call
// can then be made again: it returns the certificate, uploaded or found. When the
// caller's context has ended, the error also matches that of the context.
//
// The private key is sent in the body of the request and is in no log and no error.
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/mtls_certificates/methods/create/.
func (c *Client) Upload(ctx context.Context, accountID string, cert CertificateUpload) (*Certificate, error) {
	invalid := validateID("account id", accountID, maxAccountIDLength)
	if invalid == nil {
		invalid = cert.validate(time.Now())
	}
	if err := c.check(ctx, invalid); err != nil {
		return nil, invalidArgument(uploadCertificate.text, err.Error())
	}
	c = c.hiding(cert)
	digest, _ := (&Certificate{PEM: cert.PEM}).SHA256() // validate has parsed it
	var got object[generated.Certificate, *generated.Certificate]
	r, fail := c.do(ctx, uploadCertificate, callPolicy{admission: ctx}, func(ctx context.Context, edit generated.RequestEditorFn) (*http.Response, error) {
		return c.generated.UploadMTLSCertificate(ctx, accountID, generated.CertificateRequest{
			Ca: cert.CA, Certificates: cert.PEM, Name: cert.Name, PrivateKey: cert.Key.text(),
		}, edit)
	}, &got)
	if fail == nil {
		stored, err := newCertificate(accountID, got.value, got.malformed)
		if other, unreadable := stored.SHA256(); err == nil && unreadable == nil && other != digest {
			err = errAnotherCertificate
		}
		if err == nil {
			return &stored, nil
		}
		fail = r.fail(uploadCertificate, ErrUnexpectedResponse, err.Error())
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
		fail.add(ErrOutcomeUnknown, "the outcome is unknown: "+note)
	} else {
		fail.note = note
	}
	if !errors.Is(fail, ctx.Err()) {
		fail.causes = append(fail.causes, c.contextErrors(ctx)...)
	}
	return nil, fail
}

// find looks for a certificate in the list until it is there, until lookupTime is
// over, or until the API refuses the list. Otherwise the note says what is known.
func (c *Client) find(ctx context.Context, accountID string, digest [sha256.Size]byte) (found *Certificate, note string) {
	note = "there was no time to read the list"
	poll(ctx, lookupTime, func(ctx context.Context) (bool, time.Duration) {
		for cert, err := range c.certificates(ctx, accountID, patient(ctx), nil) {
			if err != nil {
				if ctx.Err() == nil {
					note = "the list could not be read: " + err.Error()
				}
				return errors.Is(err, ErrForbidden) || errors.Is(err, ErrUnauthorized), 0
			}
			if got, unreadable := cert.SHA256(); unreadable == nil && got == digest {
				found = &cert
				return true, 0
			}
		}
		note = "the list does not show the certificate"
		return false, 0
	})
	return found, note
}

// hiding returns a client that also withholds each text of a server or a transport
// that repeats a part of the private key. A part of the key that is in the
// certificate as well is not secret.
func (c *Client) hiding(cert CertificateUpload) *Client {
	block, _ := pem.Decode([]byte(cert.Key.text()))
	if block == nil {
		return c
	}
	out := *c
	out.redact = c.redact.withholding(secret.Quotes(base64.StdEncoding.EncodeToString(block.Bytes), cert.PEM))
	return &out
}
