package contract

import (
	"errors"
	"fmt"
	"strings"
)

// Mode says what a [Transport] does about a breach of the contract.
type Mode int

// The modes. In both, every violation goes to the handler.
const (
	// Report changes nothing for the caller. It is the default.
	Report Mode = iota
	// Fail refuses a request that breaks the contract instead of sending it, and
	// ends the body of such a response with an [*Error] in place of [io.EOF]. A
	// client that retries takes either for a network fault and asks again: turn
	// its retries off, as with api.WithMaxAttempts(1), unless that is wanted.
	Fail
)

// DefaultMaxBytes is how much of a response body a [Transport] keeps in order to
// check it, unless [WithMaxBytes] says otherwise.
const DefaultMaxBytes = 1 << 20

// Option configures a [Transport].
type Option func(*settings) error

type settings struct {
	mode     Mode
	handler  func(Violation)
	basePath string
	maxBytes int
	known    map[string]map[string]bool
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

// WithHandler sets the function that is told of every violation. Its calls never
// overlap, so it needs no lock of its own; it must not send a request through
// the transport that it serves. Without a handler, violations are dropped, which
// is of use only in mode [Fail].
func WithHandler(handle func(Violation)) Option {
	return func(s *settings) error {
		if handle == nil {
			return errors.New("contract: handler is nil")
		}
		s.handler = handle
		return nil
	}
}

// WithBasePath sets the path under which the API is served, such as "/" for a
// mock that has none. The default is the path of the contract's own server,
// /client/v4, at any host.
func WithBasePath(path string) Option {
	return func(s *settings) error {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
			return fmt.Errorf("contract: base path %q is not an absolute path", path)
		}
		s.basePath = strings.TrimRight(path, "/")
		return nil
	}
}

// WithMaxBytes sets how many bytes of a response body are kept in order to check
// it, after decompression as well. A longer body is passed on in full and
// reported as [Unchecked]. While a body is checked, the decoded form takes a
// multiple of its size.
func WithMaxBytes(n int) Option {
	return func(s *settings) error {
		if n < 1 {
			return fmt.Errorf("contract: %d bytes are too few to check a body", n)
		}
		s.maxBytes = n
		return nil
	}
}

// WithKnownValues adds values of an enum-like field of an association, "service"
// or "status", that are no drift.
func WithKnownValues(field string, values ...string) Option {
	return func(s *settings) error {
		if _, ok := s.known[field]; !ok {
			return fmt.Errorf("contract: %q is not an enum-like field of an association", field)
		}
		for _, value := range values {
			s.known[field][value] = true
		}
		return nil
	}
}
