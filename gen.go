// Package cloudflaremtls is the root of the module and holds no code: import
// github.com/certuse/cloudflare-mtls/api.
//
// 'make generate' (or 'go generate .') generates code in these steps:
//
//  1. openapi/operations.yaml lists the operations; openapi/*.json hold their
//     texts as published, which internal/published reads.
//  2. internal/normalize turns the texts into the contract: canonical form,
//     overlays/1-published, merged allOf, overlays/2-contract, names. All
//     changes of meaning are in the overlays, each with its reason, and
//     internal/overlay applies them strictly.
//  3. internal/generate makes the files of generated/: the contract, the list of
//     operations and, with oapi-codegen, the client and the types.
//
// One program does all of it, since the files of generated/ are replaced together
// or not at all. internal/update takes a new revision of the texts, and
// internal/compare reports what the revision changes; see CONTRIBUTING.md.
package cloudflaremtls

//go:generate go run ./internal/cmd/specgen generate
