package specdoc

import "strings"

// Escape writes a name as one token of a JSON pointer.
func Escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
