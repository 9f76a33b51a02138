package secret

import "testing"

func TestQuotesAreFoundFromSixteenCharactersOn(t *testing.T) {
	t.Parallel()
	const text, public = "MIIBVwIBADANBgkq hkiG9w0BAQEFAASC", "x hkiG9w0BAQEFAASC y"
	quotes := Quotes(text, public)
	for s, want := range map[string]bool{
		"":                             false,
		"x IIBVwIBADANBgkq z":          false, // 15
		"x MIIBVwIBADANBgkq z":         true,
		"MIIBVwIBA\\nDANBgkq":          true,
		"%4DIIBVwIBADANBgkq":           true,
		"m-i-i-b-v-w-i-b-a-d-a-n-bgkq": true,
		"hkiG9w0BAQEFAASC":             false, // public
	} {
		if got := quotes(s); got != want {
			t.Errorf("%q: %t, want %t", s, got, want)
		}
	}
	if Quotes("", "")("anything that is long enough") {
		t.Error("nothing is quoted")
	}
}
