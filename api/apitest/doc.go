// Package apitest is a fake of the vendor's API for tests and demonstrations. It serves
// HTTP on loopback and needs no account. It checks every request against the contract,
// and [Server.Script] refuses a documented response that breaks the contract.
//
//	server, err := apitest.NewServer()
//	defer server.Close()
//	server.SetAssociations(cert, api.Association{Service: "gateway", Status: "active"})
//	client, err := server.Client()
//
// # Responses
//
// The server serves every operation of the contract from one store, which the Set and
// Add methods of [Server], uploads and deletions change. An account exists once
// something was added to it. A CA is unused only if the account has a zone
// ([Server.AddZone]), or if the client's caller states that it has none. Lists have the
// vendor's pages: page and per_page in the query, result_info in the response;
// [WithPageSize] sets their size.
//
// The upload of a certificate that exists is refused with code 1471. A certificate that
// is uploaded again after its deletion gets the same id. An unknown certificate is
// refused with code 1472. The deletion of a certificate is refused if an entry of the
// store refers to it, or if the vendor manages it. The code for the former is not
// public; this server sends 1305.
//
// Credentials are checked as the vendor does: 400 with code 9106 or 9107 if they are
// missing, 400 with 6003 if they are malformed, 401 with 10000 if they are wrong.
// [Server.SetForbidden] removes the permission for operations.
//
// [Server.Script] queues other responses for an operation and its parameters.
// [Associations], [Failure] and the other documented responses match the contract:
// required members without an argument here get sample values. [EdgePage], [Reset] and
// the other faults are known behavior of the network and the vendor's edge outside the
// contract. Methods of [Response] change either: [Response.After] delays,
// [Response.CutAfter] truncates, [Response.Times] repeats.
//
// The package does not import testing, so that programs can use it for a demonstration
// mode.
package apitest
