// Package generated holds the client and the response types that oapi-codegen
// writes from the normalised contract. It follows the vendor's document and
// carries no compatibility promise: import package api instead.
package generated
