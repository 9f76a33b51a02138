package normalize

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// The names of the schemes whose credentials the client sends.
const (
	apiToken = "api_token" // Authorization: Bearer
	apiEmail = "api_email" // X-Auth-Email, together with apiKey
	apiKey   = "api_key"   // X-Auth-Key, together with apiEmail
)

// canonicalSecurity sets the effective security of the operation op, under canonical
// scheme names, and adds the used schemes to out. It refuses anonymous access, and an
// operation that needs other credentials than the client sends.
func canonicalSecurity(c *spec.Copier, out, op spec.Object, at string) error {
	requirements, _ := cmp.Or(op["security"], c.Doc["security"]).([]any)
	published, schemes := spec.Child(c.Doc, "components", "securitySchemes"), spec.Child(out, "components", "securitySchemes")
	usable := false
	security := make([]any, len(requirements))
	for i, r := range requirements {
		renamed := spec.Object{}
		for name, scopes := range spec.Children(r) {
			value, err := c.Copy(published[name], "/components/securitySchemes/"+spec.Escape(name))
			if err != nil {
				return err
			}
			scheme, ok := value.(spec.Object)
			if !ok {
				return fmt.Errorf("%s/security/%d: scheme %q is not defined", at, i, name)
			}
			canonical := schemeName(scheme)
			if _, twice := renamed[canonical]; twice {
				return fmt.Errorf("%s/security/%d: another scheme sends the same as %q", at, i, name)
			}
			schemes[canonical] = cmp.Or(schemes[canonical], value)
			renamed[canonical] = scopes
		}
		if len(renamed) == 0 {
			return fmt.Errorf("%s/security/%d: the operation allows anonymous access", at, i)
		}
		names := spec.SortedKeys(renamed)
		usable = usable || slices.Equal(names, []string{apiToken}) || slices.Equal(names, []string{apiEmail, apiKey})
		security[i] = renamed
	}
	if len(requirements) == 0 {
		return fmt.Errorf("%s/security: the operation allows anonymous access", at)
	}
	if !usable {
		return fmt.Errorf("%s/security: neither an API token nor email and key are enough any more: this library sends nothing else", at)
	}
	op["security"] = security
	return nil
}

// Sent describes what a scheme adds to a request. The scheme's name is left out because
// it is not sent, the format of a token because it is not checked.
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

var schemeNames = map[string]string{"bearer authorization": apiToken, "header x-auth-email": apiEmail, "header x-auth-key": apiKey}

// notInNames matches characters that the names of components cannot have.
var notInNames = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

// schemeName returns the canonical name of a scheme, which depends only on [Sent].
func schemeName(scheme spec.Object) string {
	sent := Sent(scheme)
	return cmp.Or(schemeNames[sent], notInNames.ReplaceAllString(sent, "_"))
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
