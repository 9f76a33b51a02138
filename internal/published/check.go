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

// checkOperation refuses an operation that this library would not serve by being
// generated anew: it needs a decision, and code, of people.
func checkOperation(doc spec.Object, op spec.Operation, found spec.Located) error {
	if _, ok := found.Operation["callbacks"]; ok {
		return fmt.Errorf("%s/callbacks: not supported", found.Pointer())
	}
	if err := checkServers(doc, found); err != nil {
		return err
	}
	if err := checkParameters(doc, op, found.Item, found.ItemPointer()); err != nil {
		return err
	}
	return checkParameters(doc, op, found.Operation, found.Pointer())
}

// checkServers demands the vendor's production host as the first server of the
// operation. A document about another host is about another API.
func checkServers(doc spec.Object, found spec.Located) error {
	at, holder := "", doc
	switch {
	case found.Operation["servers"] != nil:
		at, holder = found.Pointer(), found.Operation
	case found.Item["servers"] != nil:
		at, holder = found.ItemPointer(), found.Item
	}
	servers := spec.List(holder, "servers")
	if len(servers) == 0 {
		return fmt.Errorf("%s/servers: no server, want the vendor's production host %s", at, vendorHost)
	}
	address := spec.Text(spec.Child(servers[0]), "url")
	if strings.ContainsAny(address, "{}") {
		return fmt.Errorf("%s/servers/0/url: %.200q has variables, which this library would not fill in", at, address)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host != vendorHost || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s/servers/0/url: %.200q is not the vendor's production host, https://%s", at, address, vendorHost)
	}
	return nil
}

// checkParameters refuses a required parameter that requests would not carry.
func checkParameters(doc spec.Object, op spec.Operation, holder spec.Object, at string) error {
	for i, p := range spec.List(holder, "parameters") {
		parameter := spec.Follow(doc, p)
		name := spec.Text(parameter, "name")
		sent := parameter["in"] == "path" || parameter["in"] == "query" && slices.Contains(op.Query, name)
		if parameter["required"] == true && !sent {
			return fmt.Errorf("%s/parameters/%d: a new required parameter, %.100q in %.20q: this library would not send it",
				at, i, name, parameter["in"])
		}
	}
	return nil
}

// checkSecurity refuses an operation that takes none of the credentials that the
// client sends. canonical is the canonical form.
func checkSecurity(canonical spec.Object, found spec.Located) error {
	for l := range spec.All(canonical) {
		for _, requirement := range spec.List(l.Operation, "security") {
			ways := spec.SortedKeys(spec.Child(requirement))
			if slices.Equal(ways, []string{normalize.APIToken}) || slices.Equal(ways, []string{normalize.APIEmail, normalize.APIKey}) {
				return nil
			}
		}
	}
	return fmt.Errorf("%s/security: neither an API token nor email and key are enough any more: this library sends nothing else", found.Pointer())
}
