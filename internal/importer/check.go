package importer

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/canon"
	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

const (
	// vendorHost is where the vendor's API is in production.
	vendorHost = "api.cloudflare.com"
	// maxHops bounds a chain of references to references.
	maxHops = 100
)

// checkOperation refuses an operation that this library would not serve by
// being generated anew: it needs a decision, and code, of people.
func checkOperation(doc specdoc.Object, found canon.Found) error {
	for _, member := range slices.Sorted(maps.Keys(found.Item)) {
		switch {
		case slices.Contains([]string{"get", "parameters", "servers", "summary", "description"}, member), strings.HasPrefix(member, "x-"):
		default: // also a method that later versions of OpenAPI know
			return fmt.Errorf("%s/%s: a new method: this library covers GET alone", found.ItemPointer(), specdoc.Escape(member))
		}
	}
	for _, member := range []string{"requestBody", "callbacks"} {
		if _, ok := found.Operation[member]; ok {
			return fmt.Errorf("%s/%s: not supported for an operation that lists", found.Pointer(), member)
		}
	}
	if err := checkServers(doc, found); err != nil {
		return err
	}
	if err := checkParameters(doc, found.Item, found.ItemPointer()); err != nil {
		return err
	}
	return checkParameters(doc, found.Operation, found.Pointer())
}

// checkServers demands the vendor's production host as the first server of the
// operation. A document about another host is about another API.
func checkServers(doc specdoc.Object, found canon.Found) error {
	at, holder := "", doc
	switch {
	case found.Operation["servers"] != nil:
		at, holder = found.Pointer(), found.Operation
	case found.Item["servers"] != nil:
		at, holder = found.ItemPointer(), found.Item
	}
	servers, _ := holder["servers"].([]any)
	if len(servers) == 0 {
		return fmt.Errorf("%s/servers: no server, want the vendor's production host %s", at, vendorHost)
	}
	first, _ := servers[0].(specdoc.Object)
	address, _ := first["url"].(string)
	if strings.ContainsAny(address, "{}") {
		return fmt.Errorf("%s/servers/0/url: %.200q has variables, which this library would not fill in", at, address)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host != vendorHost || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s/servers/0/url: %.200q is not the vendor's production host, https://%s", at, address, vendorHost)
	}
	return nil
}

// checkSecurity refuses an operation that takes none of the credentials that
// the client sends: the overlays state what the documentation page promises, and
// would hide it. canonical is the canonical form.
func checkSecurity(canonical specdoc.Object, found canon.Found) error {
	var op specdoc.Object
	for _, item := range canonical["paths"].(specdoc.Object) {
		op, _ = item.(specdoc.Object)["get"].(specdoc.Object)
	}
	requirements, _ := op["security"].([]any)
	for _, r := range requirements {
		switch ways := slices.Sorted(maps.Keys(r.(specdoc.Object))); {
		case slices.Equal(ways, []string{canon.APIToken}), slices.Equal(ways, []string{canon.APIEmail, canon.APIKey}):
			return nil
		}
	}
	return fmt.Errorf("%s/security: neither an API token nor email and key are enough any more: this library sends nothing else", found.Pointer())
}

// checkParameters refuses a parameter, other than those of the path, that
// requests would have to carry.
func checkParameters(doc, holder specdoc.Object, at string) error {
	parameters, _ := holder["parameters"].([]any)
	for i, p := range parameters {
		parameter := follow(doc, p)
		if parameter["required"] == true && parameter["in"] != "path" {
			return fmt.Errorf("%s/parameters/%d: a new required parameter, %.100q in %.20q: this library would not send it",
				at, i, parameter["name"], parameter["in"])
		}
	}
	return nil
}

// follow returns what v refers to, or v itself. What is wrong with a reference
// is found later, where its place is known.
func follow(doc specdoc.Object, v any) specdoc.Object {
	object, _ := v.(specdoc.Object)
	for range maxHops {
		ref, ok := object["$ref"].(string)
		if !ok {
			break
		}
		target, err := canon.Lookup(doc, ref)
		if err != nil {
			break
		}
		object, _ = target.(specdoc.Object)
	}
	return object
}
