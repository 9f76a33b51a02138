package spec

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// CheckText refuses texts and names with control characters other than white
// space: they would end up in source code, and hide what a report says.
func CheckText(tree any) error { return checkText(tree, "") }

func checkText(v any, at string) error {
	switch v := v.(type) {
	case string:
		if i := strings.IndexFunc(v, isForbidden); i >= 0 {
			return fmt.Errorf("%s: a control character in the text, at byte %d", at, i)
		}
	case Object:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if strings.ContainsFunc(key, isForbidden) {
				return fmt.Errorf("%s: a control character in the name %q", at, key)
			}
			if err := checkText(v[key], at+"/"+Escape(key)); err != nil {
				return err
			}
		}
	case []any:
		for i, element := range v {
			if err := checkText(element, at+"/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func isForbidden(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r'
}
