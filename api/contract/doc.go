// Package contract checks HTTP traffic against the contract of this module: the
// vendor's published operations for mTLS certificates and what refers to them. It
// is meant for continuous integration and staging: wrap the transport of the client
// under test, run the job, and look at what was reported.
//
//	transport, err := contract.NewTransport(nil,
//		contract.WithHandler(func(v contract.Violation) { log.Print(v) }))
//	client, err := api.New(creds, api.WithHTTPClient(&http.Client{Transport: transport}))
//
// # What is checked
//
// Method and path of a request decide which operation of the contract it is held
// to. A request is checked before it is sent: the path and query parameters, one
// complete security scheme, and the body of operations that take one. A response is
// checked when its body has been read: the status is documented, the content type
// is the documented one, the body is one strict JSON value (no duplicate names, no
// invalid UTF-8, nothing after it), it matches the schema of its operation and
// status, its integers fit 64 bits, and its success flag agrees with the status.
// The contract is the normalised OpenAPI document of this module, whose text is
// in package generated.
//
// Only requests to operations of the contract are checked. Every other request
// passes through untouched and is reported with [Outside].
//
// # Classes
//
// [BadRequest] and [BadResponse] break the contract. [Drift] does not: the
// vendor added something that is not in the contract. [Unchecked] says
// that a message could not be looked at in full, so that silence always means
// "checked and in order". [Outside] names traffic that the contract does not
// cover. [Class.Breach] separates the first two from the rest.
//
// Drift is one of:
//   - a field that the schema at its place does not declare, unless the contract
//     describes only the members of the object that clients read;
//   - a status code that the contract does not document, or a body where it
//     documents a status without one;
//   - a new value of a member for which the contract lists known ones, such as the
//     service and status of an association and the type of a certificate. These are
//     open sets: any string is valid. [WithKnownValues] adds known values. Each new
//     value is reported once per [Transport] and place, as far as a memory of a
//     thousand values goes;
//   - what the contract allows and clients refuse: a count that is not a whole number
//     or is too large, a success with errors, another page or another object than
//     the one asked for, an id that cannot be part of a path, or the absence of a
//     member without which the result means nothing.
//
// Of one response the first 20 violations are listed, breaches before drift, and
// the others counted in one more. New values that were only counted are listed
// when they come again.
//
// # Secrets
//
// No text of a [Violation] shows the credentials of the request that it belongs to,
// or 16 letters and digits in a row of its body, which may hold a private key, also
// when the server sent them back. Private keys in PEM and long tokens of any origin
// are masked.
package contract
