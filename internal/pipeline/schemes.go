package pipeline

import "github.com/certuse/cloudflare-mtls/internal/specdoc"

// dropUnusedSchemes removes the security schemes that no operation names, in
// place: the published security may name more than the overlays leave.
func dropUnusedSchemes(doc specdoc.Object) {
	components, _ := doc["components"].(specdoc.Object)
	schemes, _ := components["securitySchemes"].(specdoc.Object)
	used := map[string]bool{}
	paths, _ := doc["paths"].(specdoc.Object)
	for _, item := range paths {
		operations, _ := item.(specdoc.Object)
		for _, op := range operations {
			op, _ := op.(specdoc.Object)
			requirements, _ := op["security"].([]any)
			for _, r := range requirements {
				requirement, _ := r.(specdoc.Object)
				for name := range requirement {
					used[name] = true
				}
			}
		}
	}
	for name := range schemes {
		if !used[name] {
			delete(schemes, name)
		}
	}
}
