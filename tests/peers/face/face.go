// Package face is the common interface of the compared clients.
package face

import (
	"context"
	"net/http"
)

// Call returns the number of items in a list: the associations of a certificate or, if
// a function Page created the Call, the certificates of an account.
type Call func(ctx context.Context, account, id string) (int, error)

// New creates a client for the API at baseURL, which has no trailing slash. A nil
// transport means the client's own.
type New func(baseURL, token string, transport http.RoundTripper) (Call, error)
