// Package contract checks HTTP traffic against the vendor's published contract
// for listing the associations of an mTLS certificate. It is meant for
// continuous integration and staging: wrap the transport of the client under
// test, run the job, and look at what was reported.
//
//	transport, err := contract.NewTransport(nil,
//		contract.WithHandler(func(v contract.Violation) { log.Print(v) }))
//	client, err := api.New(creds, api.WithHTTPClient(&http.Client{Transport: transport}))
//
// # What is checked
//
// A request is checked before it is sent: method and path, the path parameters,
// one complete security scheme, no query and no body (the contract documents
// neither). A response is checked when its body has been read: the status is
// documented, the content type is the documented one, the body is one strict
// JSON value (no duplicate names, no invalid UTF-8, nothing after it), it
// matches the schema of its status, its integers fit 64 bits, and its success
// flag agrees with the status.
// The contract is the normalised OpenAPI document of this module, whose text is
// in package generated.
//
// Only requests to the contract's operation are checked. Every other request
// passes through untouched and is reported with [Outside].
//
// # Classes
//
// [BadRequest] and [BadResponse] break the contract. [Drift] does not: the
// vendor added something that the contract does not speak of. [Unchecked] says
// that a response could not be looked at in full, so that silence always means
// "checked and in order". [Outside] names traffic that the contract does not
// cover. [Class.Breach] separates the first two from the rest.
//
// Drift is one of:
//   - a field that the schema at its place does not declare;
//   - a status code that the contract does not document, or a body where it
//     documents a status without one;
//   - a new value of an enum-like field. The service and status of an association
//     are open sets: any string is valid there, also if the contract should come
//     to list values. A value is new when it is neither an example nor a listed
//     value of the contract, nor passed to [WithKnownValues]. Each is reported
//     once per [Transport], as far as a memory of a thousand values goes.
//
// Of one response the first 20 violations are listed, breaches before drift, and
// the others counted in one more. New values that were only counted are listed
// when they come again.
//
// # Secrets
//
// No text of a [Violation] shows the credentials of the request that it belongs
// to, also when the server sent them back; long tokens of any origin are masked.
package contract
