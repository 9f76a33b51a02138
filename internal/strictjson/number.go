package strictjson

import (
	"bytes"
	"errors"
	"math"
	"strconv"
)

// maxDigits is the number of digits of the int64 limits.
const maxDigits = len("9223372036854775807")

// maxExponent limits exponents, so that the sums below fit a 32-bit int. The limit
// exceeds the number of digits of any text, so it changes no result.
const maxExponent = 1 << 30

// MaxExact is 2^53: float64 holds each integer up to it.
const MaxExact = 1 << 53

// ParseInt parses a JSON number that is whole and within int64, in any spelling:
// 1000, 1000.0, 1e3 and 10000e-1 are the same number, and by JSON Schema an integer.
// It is exact: it never uses a float.
func ParseInt(number []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		return n, true
	}
	number, negative := bytes.CutPrefix(number, []byte("-"))
	exponent := 0
	mantissa := number
	if at := bytes.IndexAny(number, "eE"); at >= 0 {
		mantissa = number[:at]
		parsed, err := strconv.ParseInt(string(number[at+1:]), 10, 64)
		if errors.Is(err, strconv.ErrSyntax) {
			return 0, false // no JSON number
		}
		// strconv.ParseInt has set an exponent beyond int64 to the limit of int64.
		exponent = int(min(max(parsed, -maxExponent), maxExponent))
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
	if zeros < 0 || zeros > maxDigits-len(significant) {
		return 0, false
	}
	text := append(significant[:len(significant):len(significant)], bytes.Repeat([]byte("0"), zeros)...)
	if negative {
		text = append([]byte("-"), text...)
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil
}

// parseFloat parses a JSON number. It refuses a fraction that float64 would round to a
// whole number, and a whole number within int64 that float64 would round to another.
// It rounds other fractions, and numbers beyond int64, where every float64 is whole.
func parseFloat(number []byte) (float64, bool) {
	if n, err := strconv.ParseInt(string(number), 10, 64); err == nil && int64(float64(n)) == n && n != math.MaxInt64 {
		return float64(n), true
	}
	f, err := strconv.ParseFloat(string(number), 64)
	if err != nil || f != math.Trunc(f) {
		return f, err == nil
	}
	const limit = 1 << 63
	if n, whole := ParseInt(number); whole {
		return f, f < limit && int64(f) == n
	}
	return f, math.Abs(f) >= limit
}
