// Package contract tests the promises about the traffic: every request of the client
// and every documented response matches the contract, no declared member is lost on
// the way to the user, and package api/contract reports what the client refuses.
package contract

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/certuse/cloudflare-mtls/tests/internal/jsongen"
)

// TestMain draws more documents than rapid's default of 100, so that each outcome
// occurs in every run, and looks for leaked goroutines.
func TestMain(m *testing.M) {
	if err := jsongen.Checks("1000"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
