package overlay

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// contradiction reports a place where an update put another type in place of
// the one that the text states. An action that was written when the text said
// nothing there would hide what the text says now; one that means to replace a
// type removes it first. A number in place of an integer hides nothing: it
// allows every integer.
func contradiction(before, after any, at []string) error {
	switch before := before.(type) {
	case spec.Object:
		after, ok := after.(spec.Object)
		if !ok {
			return nil
		}
		said, stated := before["type"].(string)
		if says, ok := after["type"].(string); ok && stated && says != said && (said != "integer" || says != "number") {
			return fmt.Errorf("%s: the text says type %q, the action %q", pointer(at), said, says)
		}
		for _, key := range slices.Sorted(maps.Keys(before)) {
			if err := contradiction(before[key], after[key], append(at, key)); err != nil {
				return err
			}
		}
	case []any:
		after, _ := after.([]any)
		for i := range min(len(before), len(after)) {
			if err := contradiction(before[i], after[i], append(at, strconv.Itoa(i))); err != nil {
				return err
			}
		}
	}
	return nil
}
