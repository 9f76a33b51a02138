package normalize

import (
	"fmt"
	"maps"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// The names of the schemes whose credentials the client sends.
const (
	APIToken = "api_token" // Authorization: Bearer
	APIEmail = "api_email" // X-Auth-Email, together with APIKey
	APIKey   = "api_key"   // X-Auth-Key, together with APIEmail
)

// canonicalSecurity gives the operation its effective security, under canonical
// scheme names, and returns the schemes that it uses.
func canonicalSecurity(doc, op spec.Object, at string) (spec.Object, error) {
	requirements, ok := inherited("security", op, doc).([]any)
	if !ok || len(requirements) == 0 {
		return nil, fmt.Errorf("%s/security: the operation allows anonymous access", at)
	}
	published := spec.Child(doc, "components", "securitySchemes")
	schemes := spec.Object{}
	out := make([]any, len(requirements))
	for i, r := range requirements {
		requirement, ok := r.(spec.Object)
		if !ok || len(requirement) == 0 {
			return nil, fmt.Errorf("%s/security/%d: the operation allows anonymous access", at, i)
		}
		renamed := spec.Object{}
		for name, scopes := range spec.Children(requirement) {
			value, err := newCopier(doc).Copy(published[name], "/components/securitySchemes/"+spec.Escape(name))
			if err != nil {
				return nil, err
			}
			scheme, ok := value.(spec.Object)
			if !ok {
				return nil, fmt.Errorf("%s/security/%d: scheme %q is not defined", at, i, name)
			}
			canonical := schemeName(name, scheme)
			if _, twice := renamed[canonical]; twice {
				return nil, fmt.Errorf("%s/security/%d: two schemes send the same header as %q", at, i, name)
			}
			if other, taken := schemes[canonical]; taken && Sent(spec.Child(other)) != Sent(scheme) {
				return nil, fmt.Errorf("%s/security/%d: two different schemes would be called %q", at, i, canonical)
			}
			renamed[canonical] = scopes
			schemes[canonical] = scheme
		}
		out[i] = renamed
	}
	op["security"] = out
	return schemes, nil
}

// Sent describes what a scheme adds to a request. Its name is not sent, and the form
// of a token is not checked.
func Sent(scheme spec.Object) string {
	text := func(key string) string { return strings.ToLower(spec.Text(scheme, key)) }
	switch kind := text("type"); kind {
	case "apikey":
		return text("in") + " " + text("name")
	case "http":
		return text("scheme") + " authorization"
	default:
		return kind + " " + shapeOf(scheme)
	}
}

var schemeNames = map[string]string{
	"bearer authorization":           APIToken,
	"header x-auth-email":            APIEmail,
	"header x-auth-key":              APIKey,
	"header x-auth-user-service-key": "user_service_key",
}

// schemeName returns the canonical name of a scheme, derived from what it sends.
func schemeName(published string, scheme spec.Object) string {
	if name, ok := schemeNames[Sent(scheme)]; ok {
		return name
	}
	if published == APIToken || published == APIEmail || published == APIKey {
		// The overlays and the client use the name for another scheme.
		return "other_" + published
	}
	return published
}

// dropUnusedSchemes removes, in place, security schemes that no operation names;
// overlays may have dropped their uses.
func dropUnusedSchemes(doc spec.Object) {
	used := spec.Object{}
	for l := range spec.All(doc) {
		for _, requirement := range spec.List(l.Operation, "security") {
			maps.Copy(used, spec.Child(requirement))
		}
	}
	maps.DeleteFunc(spec.Child(doc, "components", "securitySchemes"), func(name string, _ any) bool {
		_, ok := used[name]
		return !ok
	})
}
