package published

import (
	"fmt"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// vendor is the address of the vendor's production API.
const vendor = "https://api.cloudflare.com/"

// check refuses an operation that needs changes of this library beyond generation.
// canonical is the canonical form of a document that describes the operation alone;
// at is its place in the source.
func check(canonical spec.Object, op spec.Operation, at string) error {
	address, _ := spec.At(canonical, "/servers/0/url")
	server, _ := address.(string)
	// Another host means another API.
	if !strings.HasPrefix(server+"/", vendor) || strings.ContainsAny(server, "{}?#") {
		return fmt.Errorf("%s/servers: the first server, %.200q, is not at %s, or its address has variables or a query", at, server, vendor)
	}
	for l := range spec.All(canonical) {
		if _, ok := l.Operation["callbacks"]; ok {
			return fmt.Errorf("%s/callbacks: not supported", at)
		}
		for _, p := range spec.List(l.Operation, "parameters") {
			parameter := spec.Child(p)
			name := spec.Text(parameter, "name")
			sent := parameter["in"] == "path" || parameter["in"] == "query" && slices.Contains(op.Query, name)
			if parameter["required"] == true && !sent {
				return fmt.Errorf("%s/parameters: a new required parameter, %.100q in %.20q: this library would not send it", at, name, parameter["in"])
			}
		}
		accepted := func(requirement any) bool {
			schemes := spec.SortedKeys(spec.Child(requirement))
			return slices.Equal(schemes, []string{normalize.APIToken}) || slices.Equal(schemes, []string{normalize.APIEmail, normalize.APIKey})
		}
		if !slices.ContainsFunc(spec.List(l.Operation, "security"), accepted) {
			return fmt.Errorf("%s/security: neither an API token nor email and key are enough any more: this library sends nothing else", at)
		}
	}
	return nil
}
