package jsongen

import "flag"

// Checks sets how many documents each property draws, unless -rapid.checks is given.
// It is for TestMain.
func Checks(n string) error {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "rapid.checks" })
	if chosen {
		return nil
	}
	return flag.Set("rapid.checks", n)
}
