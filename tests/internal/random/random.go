// Package random sets the seed of random tests: TEST_SEED, or 1, so that test runs are
// repeatable. TEST_SEED=random takes a new seed, as in make fuzz; a failing test prints
// it. Use TEST_SEED with -count=1: go test may print a cached result of another seed.
//
// A test package that uses rapid must import this package to set rapid's seed. The
// flag -rapid.seed overrides the seed of rapid, but not [Seed].
package random

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"

	_ "pgregory.net/rapid" // registers the flag
)

// Seed is the seed of this run. It is not 0, which rapid replaces by a new one.
var Seed = seed(os.Getenv("TEST_SEED"))

func init() {
	if err := flag.Set("rapid.seed", strconv.FormatUint(Seed, 10)); err != nil {
		panic(err)
	}
}

func seed(text string) uint64 {
	if text == "random" {
		return max(1, rand.Uint64())
	}
	s, err := strconv.ParseUint(cmp.Or(text, "1"), 10, 64)
	if err != nil || s == 0 {
		panic(fmt.Sprintf("TEST_SEED=%s: want a number above 0, or random", text))
	}
	return s
}
