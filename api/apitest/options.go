package apitest

import (
	"errors"
	"fmt"
	"strings"
)

// DefaultAPIToken is the token that a server accepts by default. It is not secret.
const DefaultAPIToken = "apitest-token"

// Option configures a [Server].
type Option func(*Server) error

// WithAPIToken sets the API token that the server accepts, in place of
// [DefaultAPIToken].
func WithAPIToken(token string) Option {
	return func(s *Server) error {
		if token == "" || strings.ContainsAny(token, " \t\r\n") {
			return errors.New("apitest: the API token is empty or has white space")
		}
		s.token = token
		return nil
	}
}

// defaultPageSize is the page size in the vendor's examples for certificates.
const defaultPageSize = 50

// WithPageSize limits the items of a page of a list, also if a request has a larger
// per_page. The default is 50.
func WithPageSize(n int) Option {
	return func(s *Server) error {
		if n < 1 {
			return fmt.Errorf("apitest: a page cannot have %d items", n)
		}
		s.pageSize = n
		return nil
	}
}

// WithAPIKey sets the email and key that the server accepts besides the token,
// and makes [Server.Client] use them. Without it, no key is accepted.
func WithAPIKey(email, key string) Option {
	return func(s *Server) error {
		if email == "" || key == "" {
			return errors.New("apitest: the email or the key is empty")
		}
		s.email, s.key = email, key
		return nil
	}
}
