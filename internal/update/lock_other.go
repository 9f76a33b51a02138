//go:build !unix

package update

// lock does nothing where the standard library has no advisory locks.
func lock(string) (release func() error, err error) { return func() error { return nil }, nil }
