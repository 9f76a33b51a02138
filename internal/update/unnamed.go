package update

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// unnamed returns the JSON members of the contract's objects that the generator
// may find no Go name for: it makes names of letters that have an upper case, and
// of digits. It fails on others in words about its own output.
func unnamed(contract spec.Object) []string {
	components, _ := contract["components"].(spec.Object)
	schemas, _ := components["schemas"].(spec.Object)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		schema, _ := schemas[name].(spec.Object)
		properties, _ := schema["properties"].(spec.Object)
		for _, member := range slices.Sorted(maps.Keys(properties)) {
			property, _ := properties[member].(spec.Object)
			if _, named := property["x-go-name"]; !named && strings.ContainsFunc(member, hasNoCase) {
				out = append(out, fmt.Sprintf("%.100q of %s", member, name))
			}
		}
	}
	return out
}

func hasNoCase(r rune) bool { return unicode.IsOneOf([]*unicode.RangeTable{unicode.Lo, unicode.Lm}, r) }

// ungenerated words an error of the generator for a reader of the contract.
func ungenerated(contract spec.Object, err error) error {
	if members := unnamed(contract); len(members) > 0 {
		return fmt.Errorf("no Go code can be generated from the new contract: the JSON member %s needs an x-go-name: %w", strings.Join(members, ", "), err)
	}
	return fmt.Errorf("no Go code can be generated from the new contract: %w", err)
}
