// Package canon rewrites a published document into one canonical form without
// changing its meaning: the operation alone, references replaced by what they
// refer to, and one spelling where OpenAPI or the vendor's history knows
// several. Whatever changes the meaning belongs to an overlay.
//
// Each rewrite is a function of its own with an equivalence test. What is
// rewritten, and why that keeps the meaning:
//
//   - Only the operation and what it uses is kept: other paths, components and
//     tags say nothing about it.
//   - References are replaced by their targets: a reference means its target.
//   - Parameters of the path item move into the operation, security and
//     servers of the root too: the operation inherits them anyway.
//   - Path parameters take the names of the first published form, in the order
//     of the path: their names are never sent.
//   - Response ranges are spelled with capital letters (4XX), the only
//     spelling that OpenAPI defines for what the vendor meant by 4xx.
//   - Extensions are left out, except the vendor's own (x-cf… and
//     x-api-token-group): they assert nothing, and generators take some of them
//     for instructions.
//   - Discriminators are left out: the alternatives that they choose from stay,
//     and one of them has to match with or without the hint.
//   - OpenAPI 3.1 is written as 3.0 where 3.0 can say the same.
//   - Security schemes take the name that belongs to what they send: the name
//     of a scheme is never sent.
//   - Base URLs end without a slash: the path that follows begins with one.
package canon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// TokenPermissions is the vendor's extension that lists the permissions of API
// tokens, each of which is enough for the operation.
const TokenPermissions = "x-api-token-group"

// Canonicalize returns the canonical form of doc, which is not changed.
func Canonicalize(doc specdoc.Object) (specdoc.Object, error) {
	if err := CheckVersion(doc); err != nil {
		return nil, err
	}
	found, err := Find(doc)
	if err != nil {
		return nil, err
	}
	op, err := operation(doc, found)
	if err != nil {
		return nil, err
	}
	if is31(doc) {
		if err := downgrade(op, found.Pointer()); err != nil {
			return nil, err
		}
	}
	schemes, err := canonicalSecurity(doc, op, found.Pointer())
	if err != nil {
		return nil, err
	}
	if err := canonicalResponses(op, found.Pointer()); err != nil {
		return nil, err
	}
	if err := canonicalParameters(op, found); err != nil {
		return nil, err
	}
	servers := inherited("servers", op, found.Item, doc)
	delete(op, "servers")

	out := specdoc.Object{
		"openapi":    Version,
		"info":       canonicalInfo(doc),
		"paths":      specdoc.Object{CanonicalPath: specdoc.Object{"get": op}},
		"components": specdoc.Object{"securitySchemes": schemes},
	}
	if servers != nil {
		out["servers"] = canonicalServers(servers)
	}
	return out, nil
}

// canonicalServers writes base URLs without the slash at their end: paths begin
// with one.
func canonicalServers(published any) any {
	servers := specdoc.Clone(published)
	list, _ := servers.([]any)
	for _, s := range list {
		if server, ok := s.(specdoc.Object); ok {
			if address, ok := server["url"].(string); ok {
				server["url"] = strings.TrimRight(address, "/")
			}
		}
	}
	return servers
}

// operation returns a copy of the operation with every reference replaced and
// the parameters of its path item merged in.
func operation(doc specdoc.Object, found Found) (specdoc.Object, error) {
	in := newInliner(doc)
	value, err := in.inline(found.Operation, found.Pointer())
	if err != nil {
		return nil, err
	}
	op, ok := value.(specdoc.Object)
	if !ok {
		return nil, fmt.Errorf("%s: not an object", found.Pointer())
	}
	shared, ok := found.Item["parameters"]
	if !ok {
		return op, nil
	}
	value, err = in.inline(shared, found.ItemPointer()+"/parameters")
	if err != nil {
		return nil, err
	}
	common, _ := value.([]any)
	own, _ := op["parameters"].([]any)
	op["parameters"] = mergeParameters(common, own)
	return op, nil
}

// mergeParameters puts the path item's parameters before the operation's, which
// win where name and place are the same.
func mergeParameters(common, own []any) []any {
	key := func(p any) [2]any {
		o, _ := p.(specdoc.Object)
		return [2]any{o["in"], o["name"]}
	}
	out := slices.DeleteFunc(slices.Clone(common), func(c any) bool {
		return slices.ContainsFunc(own, func(o any) bool { return key(o) == key(c) })
	})
	return append(out, own...)
}

// inherited returns the value of key from the first level that has it.
func inherited(key string, levels ...specdoc.Object) any {
	for _, level := range levels {
		if v, ok := level[key]; ok {
			return v
		}
	}
	return nil
}
