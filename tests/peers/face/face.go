// Package face is what every client of the comparison looks like.
package face

import (
	"context"
	"net/http"
)

// Call lists the associations of a certificate, or the certificates of an account,
// and counts them.
type Call func(ctx context.Context, account, id string) (int, error)

// New makes a client for the API at baseURL, which has no slash at its end. A
// nil transport means the one that the client brings along.
type New func(baseURL, token string, transport http.RoundTripper) (Call, error)
