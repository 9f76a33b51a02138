// Package apitest is a fake of the vendor's API for tests and demonstrations. It
// speaks real HTTP on loopback, needs no account, and holds both sides to the
// contract: every request is checked against it, and an answer that claims to be
// within it and is not is refused when it is scripted.
//
//	server, err := apitest.NewServer()
//	defer server.Close()
//	server.SetAssociations(cert, api.Association{Service: "gateway", Status: "active"})
//	client, err := server.Client()
//
// # What it answers
//
// The server answers every operation of the contract from one store, which the Set
// and Add methods of [Server] fill and which uploads and deletions change. An
// account exists once something was added to it. A CA is unused only if the account
// has a zone ([Server.AddZone]), or if the caller says that it has none. Lists have pages as the vendor's:
// page and per_page in the query, result_info in the answer; [WithPageSize] makes
// them small.
//
// A certificate that is uploaded again while it is there is refused with code 1471,
// and has the same id when it was deleted before. An unknown certificate is
// refused with code 1472. A certificate that anything in the store refers to, or
// that the vendor manages, is not deleted. The code for the former is not public;
// this server gives 1305.
//
// Credentials are checked as the vendor does: 400 with code 9106 or 9107 when they
// are missing, 400 with 6003 when they are garbled, 401 with 10000 when they are
// wrong. [Server.SetForbidden] takes the permission for operations away.
//
// [Server.Script] queues other answers for an operation and its parameters.
// [Associations], [Failure] and the other documented answers keep to the contract:
// members that it requires, and that nothing here has an argument for, get sample
// values. [EdgePage], [Reset] and the other faults are what the network and the
// vendor's edge are known to do beyond the contract. Methods of [Response] bend
// either: [Response.After] delays, [Response.CutAfter] truncates, [Response.Times]
// repeats.
//
// The package does not import testing, so that a program can offer a
// demonstration mode with it.
package apitest
