package contract

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

// Mode controls what a [Transport] does on a breach of the contract.
type Mode int

// The modes. In both, every violation goes to the handler.
const (
	// Report changes nothing for the caller. It is the default.
	Report Mode = iota
	// Fail does not send a request that breaks the contract, and returns an [*Error]. If a
	// response breaks the contract, its body ends with an [*Error] in place of [io.EOF]. A
	// client that retries treats both as network errors: turn retries off, for example
	// with api.WithMaxAttempts(1).
	Fail
)

// DefaultMaxBytes is the limit of [WithMaxBytes] when that option is not used.
const DefaultMaxBytes = 1 << 20

// Option configures a [Transport], or [CheckRequest] and [CheckResponse].
type Option func(*settings) error

type settings struct {
	mode     Mode
	handler  func(Violation)
	basePath string
	maxBytes int
	known    map[string][]string // values by their [apispec.Place]
}

// WithMode sets what happens on a breach of the contract.
func WithMode(mode Mode) Option {
	return func(s *settings) error {
		if mode != Report && mode != Fail {
			return fmt.Errorf("contract: unknown mode %d", int(mode))
		}
		s.mode = mode
		return nil
	}
}

// WithHandler sets the function that is called with every violation. The RoundTrip,
// Read or Close that found the violation waits for the handler. The calls of one
// [Transport] never overlap, so a handler that only one transport calls needs no lock.
// A handler must not send a request through the same transport. Without a handler,
// violations are dropped, which is useful only in mode [Fail].
func WithHandler(handle func(Violation)) Option {
	return func(s *settings) error {
		if handle == nil {
			return errors.New("contract: handler is nil")
		}
		s.handler = handle
		return nil
	}
}

// WithBasePath sets the path under which the API is served, such as "/" for a mock
// without one. The default is the path of the contract's server, /client/v4, at any
// host.
func WithBasePath(path string) Option {
	return func(s *settings) error {
		u, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
			return fmt.Errorf("contract: base path %q is not an absolute path", path)
		}
		s.basePath = strings.TrimRight(u.EscapedPath(), "/") // as in requests
		return nil
	}
}

// WithMaxBytes limits how many bytes of the body of a request or response are kept to
// check it. The limit also applies after decompression. A longer body is passed on in
// full and reported as [Unchecked]. During the check, the decoded form takes a multiple
// of the body's size.
func WithMaxBytes(n int) Option {
	return func(s *settings) error {
		if n < 1 {
			return fmt.Errorf("contract: %d bytes are too few to check a body", n)
		}
		s.maxBytes = min(n, math.MaxInt-1) // one byte more is kept
		return nil
	}
}

// WithKnownValues makes values of a response member known, and so not [Drift]. The
// operation is an operationId of the contract. The place is a JSON pointer into the
// body, with * for any item of an array and any member of a map. If no values are
// documented at the place, the error lists the operations and places with some.
//
//	contract.WithKnownValues("listMTLSCertificateAssociations", "/result/*/service", "workers")
func WithKnownValues(operation, place string, values ...string) Option {
	return func(s *settings) error {
		key := apispec.Place(operation, place)
		known, ok := s.known[key]
		if !ok {
			have := slices.Sorted(maps.Keys(s.known))
			return fmt.Errorf("contract: no known values are documented at %q of %q; they are at: %s", place, operation, strings.Join(have, ", "))
		}
		s.known[key] = slices.Concat(known, values)
		return nil
	}
}
