package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/generated"
)

const (
	demoAccount = "7c1d4b0e9a3f4e6d8b2a5c90e1f7d346"
	demoZone    = "b5a0d3f18c274e69a1f0c7e2d84b9635"
)

// demoCertificates are the certificates of the demo. days is the number of days until
// they expire.
var demoCertificates = []struct {
	id, name, kind string
	ca             bool
	days           int
}{
	{"8f4e2a61-5d0b-4c9e-9a37-1b6f0e52c8d4", "api-shield-root", "custom", true, 12},
	{"c20b97d5-e1f4-4a68-8c03-7d95b3a14f20", "checkout-client", "custom", false, 148},
	{"3a96f8c7-42de-4b15-b0a9-e8d17c5f6032", "legacy-root-2021", "custom", true, -41},
	{"e57d1b30-98a2-4f7c-8e64-05c9fa2b7d18", "partner-root", "custom", true, 790},
	{"6b08c4f2-7e15-4d93-a5d8-92f3e07b1ca6", "payments-client", "custom", false, 61},
	{"d914a7e8-03cb-4e52-97f6-4ab8c1d05e73", "orders-db-client", "custom", false, 213},
	{"19e5f06d-b8a7-4c21-8d4f-c6730ea92b5f", "employee-root", "custom", true, 1412},
	{"a3c7820f-6f9d-4158-b1e2-5e08d4c96a71", "gateway-inspection", "gateway_managed", true, 1790},
}

// startDemo starts the fake service on loopback with an account that shows every kind
// of result. The demo's token lacks the permission to read Workers.
func startDemo(sys system, quiet bool, opts []api.Option) (*service, error) {
	if !quiet {
		fmt.Fprintln(sys.stderr, "certuse: demo: the responses come from a fake service, not from Cloudflare")
	}
	server, err := apitest.NewServer()
	if err == nil {
		err = fillDemo(server, time.Now())
	}
	if err != nil {
		server.Close()
		return nil, failuref("cannot start the fake service: %w", err)
	}
	client, err := server.Client(opts...)
	if err != nil {
		server.Close()
		return nil, usagef("%s", inCLITerms(err))
	}
	return &service{common: access{client: client}, accounts: []string{demoAccount}, close: server.Close}, nil
}

func fillDemo(server *apitest.Server, now time.Time) error {
	var problems []error
	check := func(err error) { problems = append(problems, err) }
	id := map[string]string{}
	for _, c := range demoCertificates {
		id[c.name] = c.id
		expires := now.Add(time.Duration(c.days)*day + day/2)
		check(server.AddCertificate(api.CertificateRef{AccountID: demoAccount, ID: c.id}, apitest.Certificate{
			Name: c.name, Type: c.kind, CA: c.ca, ExpiresOn: expires, UploadedOn: expires.Add(-5 * 365 * day),
			Issuer: "CN=" + c.name + ",O=Example", SignatureAlgorithm: "ECDSA-SHA256", SerialNumber: "4711",
		}))
	}
	check(server.AddZone(demoAccount, apitest.Zone{ID: demoZone, Name: "example.com"}))
	check(server.SetHostnames(demoZone, id["api-shield-root"], "api.example.com", "pay.example.com"))
	check(server.AddWorker(demoAccount, apitest.Worker{Name: "checkout", Certificates: map[string]string{"CLIENT": id["checkout-client"]}}))
	check(server.AddPagesProject(demoAccount, apitest.PagesProject{Name: "payments", Production: map[string]string{"BANK": id["payments-client"]}}))
	check(server.AddHyperdriveConfig(demoAccount, apitest.HyperdriveConfig{ID: "c5b1e0a96d3f4d2b8f70a4c9e2d61b38", Name: "orders", CertificateID: id["orders-db-client"]}))
	check(server.AddPostureRule(demoAccount, apitest.PostureRule{ID: "0e6f93ab-51c4-4d7e-9b28-f3a8c07d5e14", Name: "laptops", CertificateID: id["employee-root"]}))
	check(server.SetAssociations(api.CertificateRef{AccountID: demoAccount, ID: id["employee-root"]}, api.Association{Service: "access", Status: "active"}))
	check(server.SetGateway(demoAccount, apitest.Gateway{CertificateID: id["gateway-inspection"]}))
	check(server.SetForbidden(generated.ListWorkersOperation.ID, generated.GetWorkerSettingsOperation.ID))
	return errors.Join(problems...)
}
