package random

import (
	"flag"
	"strconv"
	"testing"
)

func TestSeedIsFixedByDefault(t *testing.T) {
	t.Parallel()
	if first, second := seed(""), seed(""); first != 1 || second != 1 {
		t.Errorf("seeds %d and %d, want 1", first, second)
	}
	if got := seed("7"); got != 7 {
		t.Errorf("seed %d, want 7", got)
	}
	if first, second := seed("random"), seed("random"); first == second {
		t.Errorf("seed %d twice", first)
	}
}

func TestRapidTakesTheSeed(t *testing.T) {
	t.Parallel()
	if got := flag.Lookup("rapid.seed").Value.String(); got == "0" || got != strconv.FormatUint(Seed, 10) {
		t.Errorf("rapid.seed %s, want %d", got, Seed)
	}
}
