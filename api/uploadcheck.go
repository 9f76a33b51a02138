package api

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	pemBegin       = "-----BEGIN "
	pemCertificate = "CERTIFICATE"
)

// acceptedAlgorithms are the signatures of CA certificates that the vendor accepts:
// https://developers.cloudflare.com/ssl/client-certificates/byo-ca/.
var acceptedAlgorithms = []x509.SignatureAlgorithm{
	x509.SHA1WithRSA, x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
	x509.ECDSAWithSHA1, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512,
}

// Validate checks, without sending anything, that:
//
//   - PEM holds certificates and nothing else: no key, no certificate signing
//     request, no text between the blocks.
//   - Each certificate is issued by the next one, and is valid now.
//   - The first certificate is a CA, by its basic constraints, if and only if CA is
//     true; the others are CAs.
//   - CA certificates are signed by RSA or ECDSA, with SHA-1, SHA-256, SHA-384 or
//     SHA-512, and have an RSA or ECDSA key.
//   - Key, if set, is one unencrypted private key that matches the first certificate.
//   - Name holds no PEM.
//
// The error is an [*Error] that matches [ErrInvalidArgument]. It names the field, the
// block of PEM and the reason, and holds no part of the key.
func (u CertificateUpload) Validate() error {
	if err := u.validate(time.Now()); err != nil {
		return invalidArgument(uploadCertificate.text, err.Error())
	}
	return nil
}

func (u CertificateUpload) validate(now time.Time) error {
	if strings.Contains(u.Name, pemBegin) {
		return errors.New("Name holds a PEM block; certificates belong in PEM, keys in Key")
	}
	chain, err := parseChain(u.PEM)
	if err != nil {
		return err
	}
	for i, cert := range chain {
		if err := checkCertificate(cert, u.CA || i > 0, now); err != nil {
			return fmt.Errorf("PEM: block %d %w", i+1, err)
		}
	}
	if u.Key.reveal == nil {
		return nil
	}
	return checkKey(u.Key.text(), chain[0])
}

// parseChain reads certificates, each issued by the next.
func parseChain(text string) ([]*x509.Certificate, error) {
	blocks, err := pemBlocks("PEM", text)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for i, block := range blocks {
		switch {
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return nil, fmt.Errorf("PEM: block %d is a private key; it belongs in Key", i+1)
		case strings.HasSuffix(block.Type, "CERTIFICATE REQUEST"):
			return nil, fmt.Errorf("PEM: block %d is a certificate signing request, not a certificate", i+1)
		case block.Type != pemCertificate:
			return nil, fmt.Errorf("PEM: block %d is not a certificate", i+1)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("PEM: block %d is not a valid certificate: %w", i+1, err)
		}
		chain = append(chain, cert)
	}
	for i := range len(chain) - 1 {
		if !issued(chain[i+1], chain[i]) {
			return nil, fmt.Errorf("PEM: block %d is not issued by block %d; the leaf comes first, then its issuer, and so on", i+1, i+2)
		}
	}
	return chain, nil
}

// issued reports whether issuer has signed cert. It verifies SHA-1, which the vendor
// accepts. It accepts a signature that crypto/x509 refuses as insecure, such as MD5,
// without verifying it.
func issued(issuer, cert *x509.Certificate) bool {
	if !slices.Equal(cert.RawIssuer, issuer.RawSubject) {
		return false
	}
	err := issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	_, insecure := errors.AsType[x509.InsecureAlgorithmError](err)
	return err == nil || insecure
}

// checkCertificate checks the type, algorithms and validity of a certificate.
func checkCertificate(cert *x509.Certificate, ca bool, now time.Time) error {
	isCA := cert.BasicConstraintsValid && cert.IsCA
	switch {
	case ca && !isCA:
		return errors.New("is not a CA certificate by its basic constraints")
	case !ca && isCA:
		return errors.New("is a CA certificate by its basic constraints, but CA is false")
	case isCA && !slices.Contains(acceptedAlgorithms, cert.SignatureAlgorithm):
		return fmt.Errorf("is signed with %v, which the API refuses; use RSA or ECDSA with SHA-256, SHA-384 or SHA-512", cert.SignatureAlgorithm)
	case isCA && cert.PublicKeyAlgorithm != x509.RSA && cert.PublicKeyAlgorithm != x509.ECDSA:
		return fmt.Errorf("has a key for %v, which the API refuses; use RSA or ECDSA", cert.PublicKeyAlgorithm)
	case now.After(cert.NotAfter):
		return fmt.Errorf("expired on %s", cert.NotAfter.UTC().Format(time.DateTime))
	case now.Before(cert.NotBefore):
		return fmt.Errorf("is not valid before %s", cert.NotBefore.UTC().Format(time.DateTime))
	}
	return nil
}

// checkKey checks the private key. It does not return the errors of the parsers, which
// can repeat bytes of the key.
func checkKey(text string, cert *x509.Certificate) error {
	blocks, err := pemBlocks("Key", text)
	if err != nil {
		return err
	}
	block := blocks[0]
	switch {
	case block.Type == pemCertificate:
		return errors.New("Key: block 1 is a certificate; it belongs in PEM")
	case len(blocks) > 1:
		return fmt.Errorf("Key: %d blocks instead of 1", len(blocks))
	case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return errors.New("Key: block 1 is not a private key")
	case strings.HasPrefix(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "":
		return errors.New("Key: block 1 is encrypted; decrypt it first")
	}
	public, ok := publicKey(block.Bytes).(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case !ok:
		return errors.New("Key: block 1 is not a valid private key (PKCS #8, PKCS #1 or SEC 1)")
	case !public.Equal(cert.PublicKey):
		return errors.New("Key: the private key does not match the certificate in block 1 of PEM")
	}
	return nil
}

// publicKey returns the public key of a private key, or nil.
func publicKey(der []byte) crypto.PublicKey {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		key, err = x509.ParsePKCS1PrivateKey(der)
	}
	if err != nil {
		key, err = x509.ParseECPrivateKey(der)
	}
	if signer, ok := key.(crypto.Signer); ok && err == nil {
		return signer.Public()
	}
	return nil
}

// pemBlocks reads a text of one or more PEM blocks and nothing else.
func pemBlocks(field, text string) ([]*pem.Block, error) {
	var blocks []*pem.Block
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		if !strings.HasPrefix(text, pemBegin) {
			if len(blocks) == 0 {
				return nil, fmt.Errorf("%s: the text does not begin with a PEM block", field)
			}
			return nil, fmt.Errorf("%s: there is text after block %d that is not PEM", field, len(blocks))
		}
		block, rest := pem.Decode([]byte(text))
		// Decode skips a block that is malformed.
		if block == nil || strings.Count(text[:len(text)-len(rest)], pemBegin) != 1 {
			return nil, fmt.Errorf("%s: block %d is malformed PEM", field, len(blocks)+1)
		}
		blocks = append(blocks, block)
		text = string(rest)
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("%s is empty", field)
	}
	return blocks, nil
}
