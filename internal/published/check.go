package published

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// vendorHost is where the vendor's API is in production.
const vendorHost = "api.cloudflare.com"

// check refuses an operation that this library would not serve by being generated
// anew: it needs a decision, and code, of people. canonical is the canonical form of
// a document that describes the operation alone, and at its place in the source.
func check(canonical spec.Object, op spec.Operation, at string) error {
	if err := checkServer(canonical); err != nil {
		return fmt.Errorf("%s/servers: %w", at, err)
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

// checkServer demands the vendor's production host as the first server that applies
// to the operation. A document about another host is about another API.
func checkServer(canonical spec.Object) error {
	servers := spec.List(canonical, "servers")
	if len(servers) == 0 {
		return fmt.Errorf("no server, want the vendor's production host %s", vendorHost)
	}
	address := spec.Text(spec.Child(servers[0]), "url")
	if strings.ContainsAny(address, "{}") {
		return fmt.Errorf("%.200q has variables, which this library would not fill in", address)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host != vendorHost || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%.200q is not the vendor's production host, https://%s", address, vendorHost)
	}
	return nil
}
