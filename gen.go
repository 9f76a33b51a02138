// Package cloudflaremtls is the root of the module and holds no code: import
// github.com/certuse/cloudflare-mtls/api.
//
// This file is the table of contents of the generation pipeline, run by
// 'make generate' (or 'go generate .'):
//
//  1. openapi/ holds the operation as published; internal/canon brings it into
//     one canonical form without changing its meaning.
//  2. overlays/ hold every change of meaning, each with its reason;
//     internal/overlay applies them in order, strictly.
//  3. internal/flatten merges allOf; internal/naming gives the objects names.
//  4. internal/codegen writes the normalised contract and, with oapi-codegen,
//     the client and the types to generated/. internal/goview leaves out what
//     the Go code need not know.
//
// internal/pipeline joins the stages; internal/cmd/specgen is the command. All
// files of generated/ are replaced together, or none is.
package cloudflaremtls

//go:generate go run ./internal/cmd/specgen generate
