package canon

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// canonicalResponses spells response ranges with capital letters.
func canonicalResponses(op specdoc.Object, at string) error {
	responses, ok := op["responses"].(specdoc.Object)
	if !ok {
		return fmt.Errorf("%s/responses: missing", at)
	}
	out := make(specdoc.Object, len(responses))
	for _, key := range slices.Sorted(maps.Keys(responses)) {
		canonical := key
		if len(key) == 3 && strings.EqualFold(key[1:], "xx") {
			canonical = key[:1] + "XX"
		}
		if _, twice := out[canonical]; twice {
			return fmt.Errorf("%s/responses: %s is there in two spellings", at, canonical)
		}
		out[canonical] = responses[key]
	}
	op["responses"] = out
	return nil
}

// canonicalParameters names the path parameters by their place in the path and
// puts them first, in that order.
func canonicalParameters(op specdoc.Object, found Found) error {
	at := found.Pointer() + "/parameters"
	all, _ := op["parameters"].([]any)
	canonical := operationPath.FindStringSubmatch(CanonicalPath)[1:]
	inPath := make([]any, len(canonical))
	var others []any
	for i, p := range all {
		param, ok := p.(specdoc.Object)
		if !ok {
			return fmt.Errorf("%s/%d: not an object", at, i)
		}
		if param["in"] != "path" {
			others = append(others, param)
			continue
		}
		name, _ := param["name"].(string)
		place := slices.Index(found.Names[:], name)
		if place < 0 || inPath[place] != nil {
			return fmt.Errorf("%s/%d: path parameter %q does not belong to %s exactly once", at, i, name, found.Path)
		}
		param["name"] = canonical[place]
		inPath[place] = param
	}
	if place := slices.Index(inPath, nil); place >= 0 {
		return fmt.Errorf("%s: path parameter %q of %s is not described", at, found.Names[place], found.Path)
	}
	op["parameters"] = slices.Concat(inPath, others)
	return nil
}

// canonicalSecurity gives the operation the security that applies to it, under
// canonical scheme names, and returns the schemes that it uses.
func canonicalSecurity(doc, op specdoc.Object, at string) (specdoc.Object, error) {
	requirements, ok := inherited("security", op, doc).([]any)
	if !ok || len(requirements) == 0 {
		return nil, fmt.Errorf("%s/security: the operation allows anonymous access", at)
	}
	components, _ := doc["components"].(specdoc.Object)
	published, _ := components["securitySchemes"].(specdoc.Object)
	schemes := specdoc.Object{}
	out := make([]any, len(requirements))
	for i, r := range requirements {
		requirement, ok := r.(specdoc.Object)
		if !ok || len(requirement) == 0 {
			return nil, fmt.Errorf("%s/security/%d: the operation allows anonymous access", at, i)
		}
		renamed := specdoc.Object{}
		for _, name := range slices.Sorted(maps.Keys(requirement)) {
			value, err := newInliner(doc).inline(published[name], "/components/securitySchemes/"+specdoc.Escape(name))
			if err != nil {
				return nil, err
			}
			scheme, ok := value.(specdoc.Object)
			if !ok {
				return nil, fmt.Errorf("%s/security/%d: scheme %q is not defined", at, i, name)
			}
			canonical := schemeName(name, scheme)
			if _, twice := renamed[canonical]; twice {
				return nil, fmt.Errorf("%s/security/%d: two schemes send the same header as %q", at, i, name)
			}
			if other, taken := schemes[canonical]; taken && schemeName("", other.(specdoc.Object)) != schemeName("", scheme) {
				return nil, fmt.Errorf("%s/security/%d: two different schemes would be called %q", at, i, canonical)
			}
			renamed[canonical] = requirement[name]
			schemes[canonical] = scheme
		}
		out[i] = renamed
	}
	op["security"] = out
	return schemes, nil
}

// The names of the schemes whose credentials the client sends.
const (
	APIToken = "api_token" // Authorization: Bearer
	APIEmail = "api_email" // X-Auth-Email, together with APIKey
	APIKey   = "api_key"   // X-Auth-Key, together with APIEmail
)

// schemeName names a scheme after what it sends.
func schemeName(published string, scheme specdoc.Object) string {
	text := func(key string) string {
		s, _ := scheme[key].(string)
		return strings.ToLower(s)
	}
	switch {
	case text("type") == "http" && text("scheme") == "bearer":
		return APIToken
	case text("type") == "apiKey" || text("type") == "apikey":
		switch text("in") + " " + text("name") {
		case "header x-auth-email":
			return APIEmail
		case "header x-auth-key":
			return APIKey
		case "header x-auth-user-service-key":
			return "user_service_key"
		}
	}
	if published == APIToken || published == APIEmail || published == APIKey {
		// The name is taken by what the overlays and the client know under it.
		return "other_" + published
	}
	return published
}
