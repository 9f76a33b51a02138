// Package contract tests the promises about the traffic: every request of
// the client and every documented answer keeps to the contract, nothing that the
// contract declares is lost on the way to the user, and breaking any of it is
// caught.
package contract

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/certuse/cloudflare-mtls/tests/internal/jsongen"
)

// TestMain draws more documents than the library's default of 100, so that each
// outcome occurs in every run, and looks for leaked goroutines.
func TestMain(m *testing.M) {
	if err := jsongen.Checks("1000"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
