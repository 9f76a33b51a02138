package strictjson

import (
	"math/big"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestParseIntIsExact(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "-0e5": "0", "0e999999999999999999999": "0", "0.000e-99": "0",
		"1000": "1000", "1000.0": "1000", "1e3": "1000", "1E+3": "1000", "10000e-1": "1000", "0.001e6": "1000", "-1.50e2": "-150",
		"9223372036854775807": "9223372036854775807", "-9223372036854775808": "-9223372036854775808",
		"9223372036854775807.000": "9223372036854775807", "922337203685477580.7e1": "9223372036854775807",
		"9007199254740993.0":                      "9007199254740993",
		"0." + strings.Repeat("0", 400) + "7e401": "7", "7" + strings.Repeat("0", 400) + "e-400": "7",
		"0e-999999999999999999999": "0",

		// Fractions, and numbers beyond int64, are refused.
		"1.5": "", "0.1": "", "1e-1": "", "1.00000000000000000001": "", "1e-400": "", "-1E-400": "",
		"9223372036854775808": "", "-9223372036854775809": "", "9223372036854775807.1": "", "1e19": "", "1e400": "",
		"1e999999999999999999999": "", "1e-999999999999999999999": "", "1e2147483647": "", "1e-2147483648": "", "1e2147483648": "", "1e9999999999": "", "0.1e-2147483648": "", "10e-2147483648": "",
		"1e19999999": "",
	} {
		got := ""
		if n, ok := ParseInt([]byte(number)); ok {
			got = strconv.FormatInt(n, 10)
		}
		if got != want {
			t.Errorf("%.40s: got %q, want %q", number, got, want)
		}
	}
}

// The test is not parallel, because it counts the allocations of the process.
func TestParseIntDoesNotWriteOutLargeExponents(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, number := range []string{"1e2147483647", "1e1000000000", "1e10000000", "1e-1000000000"} {
		if n, ok := ParseInt([]byte(number)); ok {
			t.Errorf("%s was accepted as %d", number, n)
		}
	}
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 1<<20 {
		t.Errorf("%d bytes were allocated", bytes)
	}
}

// exactValue returns the value of a JSON number. ok is false for other texts, and for
// exponents of more than four characters, which would take math/big too long.
func exactValue(number string) (value *big.Rat, ok bool) {
	if v := jsontext.Value(number); !v.IsValid() || v.Kind() != jsontext.KindNumber || strings.TrimSpace(number) != number {
		return nil, false
	}
	if at := strings.IndexAny(number, "eE"); at >= 0 && len(number)-at > 5 {
		return nil, false
	}
	return new(big.Rat).SetString(number)
}

func FuzzParseInt(f *testing.F) {
	for _, number := range []string{"0", "-12.50e1", "1e18", "922337203685477580.7e1", "1E-3"} {
		f.Add(number)
	}
	f.Fuzz(func(t *testing.T, number string) {
		text := []byte(number)
		got, ok := ParseInt(text)
		if string(text) != number {
			t.Errorf("ParseInt changed %q to %q", number, text)
		}
		want, isNumber := exactValue(number)
		if !isNumber {
			return
		}
		if fits := want.IsInt() && want.Num().IsInt64(); ok != fits || ok && got != want.Num().Int64() {
			t.Errorf("%s: got %d, %v, want %s", number, got, ok, want.RatString())
		}
	})
}

func TestParseFloatRefusesRoundingToAnotherWholeNumber(t *testing.T) {
	t.Parallel()
	for number, exact := range map[string]bool{
		"0": true, "-0.0": true, "0.1": true, "1.5000000000000000000001": true, "1e3": true, "0e-400": true,
		"9007199254740992": true, "9007199254740994": true, "-9223372036854775808": true, "1e300": true, "9223372036854775808": true,
		"1.0000000000000001": false, "1e-400": false, "-0.99999999999999999999": false, "4503599627370496.00000001": false,
		"9007199254740993": false, "9007199254740992.5": false, "9223372036854775807": false, "9.007199254740993e15": false, "1e400": false,
	} {
		if f, ok := parseFloat([]byte(number)); ok != exact {
			t.Errorf("%s: got %v, %t, want %t", number, f, ok, exact)
		}
	}
}

func FuzzParseFloat(f *testing.F) {
	for _, number := range []string{"0", "1.0000000000000001", "-12.50e1", "9007199254740993", "1E-3", "1e-400"} {
		f.Add(number)
	}
	f.Fuzz(func(t *testing.T, number string) {
		got, ok := parseFloat([]byte(number))
		want, isNumber := exactValue(number)
		if !isNumber {
			return
		}
		rounded := new(big.Rat).SetFloat64(got)
		if rounded == nil || want.Num().BitLen() > want.Denom().BitLen()+62 {
			return // beyond float64 or int64, where rounding is allowed
		}
		if becameWhole := rounded.IsInt() && rounded.Cmp(want) != 0; ok == becameWhole {
			t.Errorf("%s: got %v, %t", number, got, ok)
		}
	})
}
