// Package apitest is a fake of the vendor's API for tests and demonstrations. It
// speaks real HTTP on loopback, needs no account, and holds both sides to the
// contract: every request is checked against it, and an answer that claims to be
// within it and is not is refused when it is scripted.
//
//	server, err := apitest.NewServer()
//	defer server.Close()
//	server.Set(cert, api.Association{Service: "gateway", Status: "active"})
//	client, err := server.Client()
//
// # What it answers
//
// A certificate given to [Server.Set] has the associations set there, none
// meaning that it is unused. Any other certificate is not found. Credentials are
// checked as the vendor does: 400 with code 9106 or 9107 when they are missing,
// 400 with 6003 when they are garbled, 401 with 10000 when they are wrong.
//
// [Server.Script] queues other answers for a certificate, and
// [Server.ScriptAny] for whatever is asked next. [Answer], [Failure] and the
// other documented answers keep to the contract: members that it requires, and
// that nothing here has an argument for, get sample values. [EdgePage], [Reset]
// and the other faults are what the network and the vendor's edge are known to do
// beyond the contract. Methods of [Response] bend either: [Response.After] delays,
// [Response.CutAfter] truncates, [Response.Times] repeats.
//
// The package does not import testing, so that a program can offer a
// demonstration mode with it.
package apitest
