package published

import (
	"regexp"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// NoAssertion is SPDX's word for a licence that is not known.
const NoAssertion = "NOASSERTION"

// spdx maps the usual names of licences, in lower case without punctuation, to
// their SPDX ids.
var spdx = map[string]string{
	"bsd3clause": "BSD-3-Clause", "bsd3clauselicense": "BSD-3-Clause", "bsd3clausenewlicense": "BSD-3-Clause",
	"bsd2clause": "BSD-2-Clause", "bsd2clauselicense": "BSD-2-Clause",
	"apache20": "Apache-2.0", "apachelicense20": "Apache-2.0", "apachelicenseversion20": "Apache-2.0", "apache2": "Apache-2.0",
	"mit": "MIT", "mitlicense": "MIT", "themitlicense": "MIT", "isc": "ISC", "mpl20": "MPL-2.0",
	"cc010": "CC0-1.0", "ccby40": "CC-BY-4.0", "ccbysa40": "CC-BY-SA-4.0",
}

var (
	punctuation = regexp.MustCompile(`[^a-z0-9]+`)
	// expression is the form of an SPDX id.
	expression = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$`)
)

// ValidLicense reports whether id has the form of an SPDX licence id.
func ValidLicense(id string) bool { return expression.MatchString(id) }

// license returns the SPDX id of the licence that info names and its words.
func license(info spec.Object) (id, text string) {
	object := spec.Child(info, "license")
	text = spec.Text(object, "name")
	if identifier := spec.Text(object, "identifier"); ValidLicense(identifier) {
		return identifier, text
	}
	if known, ok := spdx[punctuation.ReplaceAllString(strings.ToLower(text), "")]; ok {
		return known, text
	}
	return NoAssertion, text
}
