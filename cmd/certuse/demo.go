package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

const (
	demoAccount = "demo"
	// demoAuditFirst keeps the certificates of the audit apart from those of list,
	// about which it says something else.
	demoAuditFirst = 1000
	// demoSize and demoLatency make the audit take a few seconds.
	demoSize    = 240
	demoLatency = 250 * time.Millisecond
	// demoBlock is what the vendor's block of five minutes is cut down to.
	demoBlock = 2 * time.Second
)

// startDemo starts the fake service on loopback with certificates for list (a
// few) or audit (many, with a block, failures that pass and some that stay).
func startDemo(sys system, few bool, opts []api.Option) (*service, error) {
	fmt.Fprintln(sys.stderr, "certuse: demo: the answers come from a fake service, not from Cloudflare")
	server, err := apitest.NewServer()
	if err != nil {
		return nil, failuref("cannot start the fake service: %w", err)
	}
	var certs []string
	if few {
		certs, err = scriptList(server)
	} else {
		certs, err = scriptAudit(server)
	}
	if err != nil {
		server.Close()
		return nil, failuref("cannot set up the fake service: %w", err)
	}
	client, err := server.Client(opts...)
	if err != nil {
		server.Close()
		return nil, usagef("%s", plainly(err))
	}
	return &service{client: client, account: demoAccount, certs: certs, close: server.Close}, nil
}

// demoCert gives ids in the form of the vendor's, the same on every platform:
// the product is more than an int of 32 bits holds.
func demoCert(n int) api.CertificateRef {
	return api.CertificateRef{AccountID: demoAccount, ID: fmt.Sprintf("%08x-0c35-4c7f-82c7-8e9487d3ff60", 0x2458ce5a+int64(n)*0x9e3779b1&0x7fffffff)}
}

// scriptList shows each kind of answer once. Failures are left to the audit, so
// that the first thing anybody tries ends with 0.
func scriptList(server *apitest.Server) ([]string, error) {
	gateway := api.Association{Service: "gateway", Status: "active"}
	access := api.Association{Service: "access", Status: "pending_deployment"}
	responses := []apitest.Response{
		apitest.Associations(gateway, access),
		apitest.NoAssociations(),
		apitest.PartialAssociations(2000, gateway),
	}
	var certs []string
	for i, response := range responses {
		cert := demoCert(i)
		certs = append(certs, cert.ID)
		if err := server.Script(apitest.AssociationsOf(cert), response); err != nil {
			return nil, err
		}
	}
	return certs, nil
}

// scriptAudit is an account like a real one: most certificates in use, some
// not, and everything that can go wrong on the way.
func scriptAudit(server *apitest.Server) ([]string, error) {
	services := []string{"gateway", "access", "workers", "api_shield"}
	var certs []string
	for i := range demoSize {
		cert := demoCert(demoAuditFirst + i)
		certs = append(certs, cert.ID)
		use := api.Association{Service: services[i%len(services)], Status: "active"}
		answer := apitest.Associations(use)
		if i%7 == 3 {
			answer = apitest.NoAssociations()
		}
		var before []apitest.Response
		switch i {
		case 5, 33, 61: // passes when asked again
			before = append(before, apitest.ServerError(http.StatusBadGateway))
		case 17:
			answer = apitest.PartialAssociations(2000, use, api.Association{Service: "access", Status: "pending_deployment"})
		case 40:
			before = append(before, apitest.RateLimited(demoBlock))
		case 48:
			answer = apitest.ServerError(http.StatusServiceUnavailable)
		case 80:
			answer = apitest.Forbidden()
		case 97:
			answer = apitest.NoResult()
		case 104:
			answer = apitest.NotFound()
		}
		if err := server.Script(apitest.AssociationsOf(cert), append(before, answer.After(demoLatency).Always())...); err != nil {
			return nil, err
		}
	}
	return certs, nil
}
