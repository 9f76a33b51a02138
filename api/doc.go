// Package api lists the associations of Cloudflare mTLS certificates: which
// services use a certificate, and so whether it can be deleted.
//
// It makes one call of the vendor's API, "List mTLS certificate associations",
// through a client generated from the vendor's OpenAPI document, and adds what
// a decision needs: answers are checked in full, failures are typed, and an
// empty list counts as "unused" only when the API has really said so.
package api
