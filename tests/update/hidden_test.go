package update

import (
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/internal/update"
)

// A change is documentation if an overlay action lists the new value in x-overwrites.
// Other changes of existing parts keep their class although an action hides them. So do
// changes that show only after merging.
func TestHiddenChangesKeepTheirClassUnlessTheyAreExpected(t *testing.T) {
	t.Parallel()
	for shape, edits := range map[string]map[string]struct {
		edits []string
		want  compare.Class
	}{
		"09-root-security.yaml": {
			"listed limit of ids":          {[]string{"maxLength: 36", "maxLength: 32"}, compare.Documentation},
			"unlisted limit of ids":        {[]string{"maxLength: 36", "maxLength: 16"}, compare.Breaking},
			"success may be false":         {[]string{"enum: [true]", "enum: [true, false]"}, compare.Breaking},
			"API tokens are not accepted":  {[]string{", {api_token: []}", ""}, compare.Breaking},
			"another example of a service": {[]string{"example: tunnel", "example: other"}, compare.Documentation},
		},
		"11-openapi31.yaml": {
			"definitions beside properties": {[]string{"    use:\n", "    use:\n      $defs: {x: {type: string}}\n"}, compare.None},
			"null beside a part without a type": {[]string{
				"        status: {\"$ref\": \"#/components/schemas/status\"}", "        status: {\"$ref\": \"#/components/schemas/status\", maxLength: 99}",
				"type: string, examples: [rolling_out]", "type: [string, \"null\"], examples: [rolling_out]",
			}, compare.Breaking},
			"null beside a type and a part": {[]string{
				"items: {\"$ref\": \"#/components/schemas/use\"}", "items: {type: [object, \"null\"], allOf: [{\"$ref\": \"#/components/schemas/use\"}]}",
			}, compare.Breaking},
			"null in one of two parts with the member": {[]string{
				"        - {properties: {result: {type: array,", "        - {properties: {result: {maxItems: 99}}}\n        - {properties: {result: {type: [array, \"null\"],",
			}, compare.Breaking},
		},
	} {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			root := seededTree(t)
			take(t, root, shape, read(t, shapes+shape))
			for name, tt := range edits {
				plan, err := update.Prepare(t.Context(), request(root, "edited.yaml", edited(t, shapes+shape, tt.edits...)))
				if err != nil {
					t.Errorf("%s: %v", name, err)
				} else if plan.Report.Class != tt.want {
					t.Errorf("%s: class %v, want %v: %+v", name, plan.Report.Class, tt.want, plan.Report.Operations)
				}
			}
		})
	}
}
