package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// vendorQuota is how many requests the vendor allows in a rateLimitWindow, for
// all tools of a user together.
const vendorQuota = 1200

// flagError says what is wrong with a flag's value in words of the command
// line; the flag library quotes the functions of Go that could not read it.
func flagError(_ *cobra.Command, err error) error {
	wrong, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	problem := "is not true or false"
	if wrong.GetFlag().Value.Type() == "int" {
		_, noNumber := strconv.ParseFloat(wrong.GetValue(), 64)
		switch {
		case errors.Is(err, strconv.ErrRange):
			problem = "is out of range"
		case noNumber == nil:
			problem = "is not a whole number"
		default:
			problem = "is not a number"
		}
	}
	return fmt.Errorf("--%s: %q %s", wrong.GetFlag().Name, wrong.GetValue(), problem)
}

// quotaWarning is empty for a rate limit that keeps the vendor's quota.
func quotaWarning(limit int) string {
	switch {
	case limit == 0:
		return fmt.Sprintf("warning: --rate-limit 0 is no limit, but the vendor allows %s requests in five minutes for all tools together", count(vendorQuota))
	case limit > vendorQuota:
		return fmt.Sprintf("warning: --rate-limit %d is more than the vendor allows: %s requests in five minutes for all tools together", limit, count(vendorQuota))
	default:
		return ""
	}
}
