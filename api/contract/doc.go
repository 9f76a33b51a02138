// Package contract checks HTTP traffic against the contract of this module: the
// vendor's published operations for mTLS certificates and for objects that refer to
// them. It is for continuous integration and staging: wrap the transport of the client
// under test, run the job, and read the reported violations.
//
//	transport, err := contract.NewTransport(nil,
//		contract.WithHandler(func(v contract.Violation) { log.Print(v) }))
//	client, err := api.New(creds, api.WithHTTPClient(&http.Client{Transport: transport}))
//
// # What is checked
//
// A request is checked against the operation of the contract with its method and path,
// before it is sent: the path and query parameters, one complete security scheme, and
// the body of operations that take one. A response is checked when its body has been
// read: the status and content type are documented, the body is one strict JSON value
// (no duplicate names, no invalid UTF-8, no trailing data), it matches the schema of
// its operation and status, its integers fit 64 bits, and its success flag agrees with
// the status. The contract is this module's normalised OpenAPI document, see package
// generated.
//
// Only requests to operations of the contract are checked. Every other request is
// passed on unchanged and reported with [Outside].
//
// # Classes
//
// [BadRequest] and [BadResponse] break the contract. [Drift] does not: the vendor added
// something that is not in the contract, or a response is one that clients refuse.
// [Unchecked] means that a request or response could not be checked in full. A request
// or response without a report matches. [Outside] is traffic that the contract does not
// cover. [Class.Breach] separates the first two from the rest.
//
// Drift is one of:
//   - a field that the schema at its place does not declare, unless the contract
//     describes the object only in part;
//   - a status code that the contract does not document, or a body where it
//     documents a status without one;
//   - a new value of a member for which the contract lists known ones, such as the
//     service and status of an association and the type of a certificate. These are
//     open sets: any string is valid. [WithKnownValues] adds known values. A
//     [Transport] reports a new value once for each place. After a thousand of these
//     reports, it reports a further new value with each response;
//   - a response that the contract allows and clients refuse: a count that is not an
//     integer or is too large, a success with errors, another page or object than the
//     requested one, an empty page although there are more items, an id that cannot be
//     part of a path, or the absence of the result or of a required part of it.
//
// At most 20 violations of a response are reported, breaches before drift. If there are
// more, one further violation states how many there are at least. A new value that is
// not reported for this reason is reported when it occurs again. Of the violations of a
// request's body, only the first 20 are reported.
//
// # Secrets
//
// No text of a [Violation] shows the credentials of its request, or 16 consecutive
// ASCII letters and digits of them or of the request's body, even if the server repeats
// them. The body may hold a private key. Private keys in PEM and long tokens of any
// origin are masked.
package contract
