// Package faults tests the promises about a network and a server that fail: each fault
// in each situation, over real sockets. The table of faults in table_test.go is the
// specification.
package faults

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for sockets and timers, not for the processor.
	if err := flag.Set("test.parallel", "64"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
