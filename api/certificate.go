package api

import "fmt"

// Bounds on the ids. The contract says at most 32 characters for both, but the
// certificate ids that the API hands out are 32 or 36 characters long, so the
// larger number is a bound against abuse and no claim about the format.
const (
	maxAccountIDLength     = 32
	maxCertificateIDLength = 64
)

// CertificateRef names one mTLS certificate of one account. The fields are
// named so that the two ids cannot be swapped silently. It is comparable and
// can be the key of a map.
//
// Both ids are checked before anything is sent: they must not be empty, may
// hold only ASCII letters, digits, '-' and '_', and are limited to 32
// characters (account) and 64 characters (certificate). A reference that
// breaks these rules gives [ErrInvalidArgument] and no request.
type CertificateRef struct {
	// AccountID is the id of the account that owns the certificate.
	AccountID string `json:"account_id"`
	// ID is the id of the certificate.
	ID string `json:"id"`
}

// Validate checks a reference without sending anything, so that a long list can
// be checked before its first request. The error is an [*Error] that matches
// [ErrInvalidArgument]; it does not repeat the ids.
func (r CertificateRef) Validate() error {
	if err := r.validate(); err != nil {
		return invalidArgument("certificate reference", err.Error())
	}
	return nil
}

func (r CertificateRef) validate() error {
	if err := validateID("CertificateRef.AccountID", r.AccountID, maxAccountIDLength); err != nil {
		return err
	}
	return validateID("CertificateRef.ID", r.ID, maxCertificateIDLength)
}

// validateID does not repeat the id in its error: what was passed by mistake
// may be a secret.
func validateID(field, id string, limit int) error {
	if id == "" {
		return fmt.Errorf("%s is empty", field)
	}
	if len(id) > limit {
		return fmt.Errorf("%s has %d bytes, more than %d", field, len(id), limit)
	}
	for i := range len(id) {
		if !isIDByte(id[i]) {
			return fmt.Errorf("%s has %q at position %d; only letters, digits, '-' and '_' are allowed", field, id[i:i+1], i+1)
		}
	}
	return nil
}

func isIDByte(b byte) bool {
	switch {
	case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '_':
		return true
	}
	return false
}
