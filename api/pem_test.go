package api_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"time"
)

// The certificates and keys of the upload tests. caCert has issued all leaf
// certificates except edLeafPEM.
var (
	caSigner, caCert = newCA(newECDSA(), "CA")
	caPEM, caKey     = block("CERTIFICATE", caCert.Raw), pkcs8(caSigner)
	_, otherCA       = newCA(newECDSA(), "CA") // of the same name
	otherCAPEM       = block("CERTIFICATE", otherCA.Raw)
	edSigner, edCert = newCA(newEd25519(), "Ed25519 CA")
	edPEM            = block("CERTIFICATE", edCert.Raw)
	leafSigner       = newECDSA()
	leafPEM, leafKey = issue(leafSigner, caSigner, caCert, validity{}), pkcs8(leafSigner)
	leafKeySEC1      = block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(leafSigner)))
	edLeafPEM        = issue(newECDSA(), edSigner, edCert, validity{})
	rsaSigner        = must(rsa.GenerateKey(rand.Reader, 2048))
	rsaPEM, rsaKey   = issue(rsaSigner, caSigner, caCert, validity{}), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaSigner))
	expiredPEM       = issue(newECDSA(), caSigner, caCert, validity{until: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)})
	futurePEM        = issue(newECDSA(), caSigner, caCert, validity{from: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)})
	ecdhKey          = block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(must(ecdh.X25519().GenerateKey(rand.Reader)))))
	keyParts         = secretParts(caPEM+leafPEM+rsaPEM, caKey, leafKey, leafKeySEC1, rsaKey)
)

// validity is a period. A zero from means 1990, and a zero until 2200: the clock of
// synctest begins in 2000.
type validity struct{ from, until time.Time }

func newECDSA() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func newEd25519() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return must(key, err)
}

func template(name string, v validity) *x509.Certificate {
	if v.from.IsZero() {
		v.from = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if v.until.IsZero() {
		v.until = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: v.from, NotAfter: v.until}
}

func newCA[K crypto.Signer](key K, name string) (K, *x509.Certificate) {
	ca := template(name, validity{})
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	return key, must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key))))
}

func issue(key, issuer crypto.Signer, parent *x509.Certificate, v validity) string {
	return block("CERTIFICATE", must(x509.CreateCertificate(rand.Reader, template("leaf", v), parent, key.Public(), issuer)))
}

func pkcs8(key any) string { return block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// base64Of returns the Base64 text of a block without line ends.
func base64Of(text string) string { return strings.Join(linesOf(text), "") }

// linesOf returns the lines between the frames of PEM texts.
func linesOf(texts ...string) (lines []string) {
	for _, text := range texts {
		all := strings.Split(strings.TrimSpace(text), "\n")
		lines = append(lines, all[1:len(all)-1]...)
	}
	return lines
}

// secretParts returns texts of 20 characters from the keys. It omits those that the
// certificates contain too, because they are public.
func secretParts(certificates string, keys ...string) (parts []string) {
	public := strings.Join(strings.Fields(certificates), "")
	for _, key := range keys {
		text := base64Of(key)
		for i := 0; i+20 <= len(text); i += 5 {
			if part := text[i : i+20]; !strings.Contains(public, part) {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
