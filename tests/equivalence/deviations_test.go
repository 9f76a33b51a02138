package equivalence

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
)

// deviation is one intended difference between the published schema and that of the
// contract. repair changes a document so that both schemas accept it, and reports whether
// the document used the deviation.
type deviation struct {
	action string // of overlays/
	repair func(document map[string]any) bool
}

// wider returns the deviations that make the contract accept more.
func wider(k kind) []deviation {
	out := []deviation{{"2-contract/20-envelope.yaml#codes-below-1000", eachInfo(func(info map[string]any) bool {
		code, _ := info["code"].(float64)
		if code >= 1000 {
			return false
		}
		info["code"] = 1000.0
		return true
	})}}
	if k.success || len(k.published.Properties["success"].Value.Enum) > 0 {
		out = append(out, deviation{"2-contract/20-envelope.yaml#success-is-a-boolean", func(document map[string]any) bool {
			if document["success"] == k.success {
				return false
			}
			document["success"] = k.success
			return true
		}})
	}
	if k.success {
		return append(out, deviation{"2-contract/20-envelope.yaml#result-is-optional", addMissing(map[string]any{"result": []any{}})})
	}
	return append(out, deviation{
		"2-contract/20-envelope.yaml#failure-without-messages-or-result", addMissing(map[string]any{"result": nil, "messages": []any{}}),
	})
}

// stricter returns the deviations that make the contract accept less: types of fields
// that the published text does not describe, and no result in a failure.
func stricter(k kind) []deviation {
	out := []deviation{
		{"2-contract/20-envelope.yaml#documentation-url", eachInfo(dropUnless[string]("documentation_url"))},
		{"2-contract/20-envelope.yaml#source-pointer", eachInfo(func(info map[string]any) bool {
			if source, isObject := info["source"].(map[string]any); isObject {
				return dropUnless[string]("pointer")(source)
			}
			return dropUnless[map[string]any]("source")(info)
		})},
	}
	if k.success {
		return append(out, deviation{"2-contract/20-envelope.yaml#result-info-has-numbers", func(document map[string]any) bool {
			info, _ := document["result_info"].(map[string]any)
			return dropUnless[float64]("total_pages")(info)
		}})
	}
	return append(out, withoutResult(k)...)
}

// withoutResult returns the deviation of failures whose published result is any object.
// For other kinds it returns nil.
func withoutResult(k kind) []deviation {
	if k.success || len(k.published.Properties["result"].Value.Enum) > 0 {
		return nil
	}
	return []deviation{{"2-contract/20-envelope.yaml#failure-without-a-result", func(document map[string]any) bool {
		result, present := document["result"]
		if result == nil || !present {
			return false
		}
		document["result"] = nil
		return true
	}}}
}

// repairAll repairs the document and returns the overlay actions of its deviations.
func repairAll(document any, deviations []deviation) (actions []string) {
	object, _ := document.(map[string]any)
	for _, d := range deviations {
		if object != nil && d.repair(object) {
			actions = append(actions, d.action)
		}
	}
	return actions
}

// eachInfo returns a function that applies repair to each entry of errors and messages.
func eachInfo(repair func(map[string]any) bool) func(map[string]any) bool {
	return func(document map[string]any) (repaired bool) {
		for _, list := range []string{"errors", "messages"} {
			infos, _ := document[list].([]any)
			for _, info := range infos {
				if object, ok := info.(map[string]any); ok && repair(object) {
					repaired = true
				}
			}
		}
		return repaired
	}
}

func addMissing(members map[string]any) func(map[string]any) bool {
	return func(document map[string]any) (repaired bool) {
		for name, value := range members {
			if _, present := document[name]; !present {
				document[name] = value
				repaired = true
			}
		}
		return repaired
	}
}

// dropUnless returns a function that removes the named member unless its value is a T.
func dropUnless[T any](name string) func(map[string]any) bool {
	return func(object map[string]any) bool {
		value, present := object[name]
		if _, isT := value.(T); isT || !present {
			return false
		}
		delete(object, name)
		return true
	}
}

func clone(t interface{ Fatal(...any) }, document any) (out any) {
	text, err := json.Marshal(document)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDeviationsNameOverlayActions(t *testing.T) {
	t.Parallel()
	overlays, err := normalize.ReadOverlays(os.DirFS(moduleRoot))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, action := range slices.Concat(overlays.Published, overlays.Contract) {
		known[action.ID] = true
	}
	for _, k := range kinds(t) {
		for _, d := range slices.Concat(wider(k), stricter(k)) {
			if !known[d.action] {
				t.Errorf("no overlay action is called %s", d.action)
			}
		}
	}
}
