package strictjson

import (
	"bytes"
	"math"
	"strconv"
)

// ParseInt reads a JSON number that is whole and within int64, however it is
// written: 1000, 1000.0, 1e3 and 10000e-1 are the same number, and JSON Schema
// says that each is an integer. It is exact: it never goes through a float.
func ParseInt(number []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		return n, true
	}
	number, negative := bytes.CutPrefix(number, []byte("-"))
	exponent := 0
	mantissa := number
	if at := bytes.IndexAny(number, "eE"); at >= 0 {
		mantissa = number[:at]
		var err error
		if exponent, err = strconv.Atoi(string(number[at+1:])); err != nil || max(exponent, -exponent) > math.MaxInt32 {
			exponent = math.MaxInt32 // beyond int64 as well, for all but 0
		}
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	digits := bytes.TrimLeft(append(append([]byte{}, whole...), fraction...), "0")
	if len(digits) == 0 {
		return 0, true
	}
	// The value is digits times ten to the power of zeros.
	zeros := exponent - len(fraction)
	significant := bytes.TrimRight(digits, "0")
	zeros += len(digits) - len(significant)
	if zeros < 0 || len(significant)+zeros > len("9223372036854775807") {
		return 0, false
	}
	text := append(significant[:len(significant):len(significant)], bytes.Repeat([]byte("0"), zeros)...)
	if negative {
		text = append([]byte("-"), text...)
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil
}
