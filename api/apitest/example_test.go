package apitest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

// mayRemove is the code under test.
func mayRemove(ctx context.Context, client *api.Client, cert api.CertificateRef) (bool, error) {
	list, err := client.Associations(ctx, cert)
	return list.Usage() == api.Unused, err
}

func Example() {
	server, err := apitest.NewServer()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	old := api.CertificateRef{AccountID: "0a1b2c3d", ID: "old"}
	live := api.CertificateRef{AccountID: "0a1b2c3d", ID: "live"}
	if err := errors.Join(
		server.SetAssociations(old),
		server.SetAssociations(live, api.Association{Service: "gateway", Status: "active"}),
	); err != nil {
		log.Fatal(err)
	}

	client, err := server.Client()
	if err != nil {
		log.Fatal(err)
	}
	for _, cert := range []api.CertificateRef{old, live} {
		remove, err := mayRemove(context.Background(), client, cert)
		fmt.Println(cert.ID, remove, err)
	}
	// Output:
	// old true <nil>
	// live false <nil>
}

// A response that is faulty, incomplete or truncated must never result in Unused.
func ExampleServer_Script() {
	server, err := apitest.NewServer()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	cert := api.CertificateRef{AccountID: "0a1b2c3d", ID: "live"}
	if err := server.Script(apitest.AssociationsOf(cert),
		apitest.EdgePage(http.StatusForbidden),
		apitest.Associations().CutAfter(20),
		apitest.NoResult(),
		apitest.PartialAssociations(2000, api.Association{Service: "gateway", Status: "active"}),
	); err != nil {
		log.Fatal(err)
	}

	client, err := server.Client(api.WithMaxAttempts(1))
	if err != nil {
		log.Fatal(err)
	}
	for range 4 {
		list, err := client.Associations(context.Background(), cert)
		fmt.Println(list.Usage(), errors.Is(err, api.ErrForbidden), errors.Is(err, api.ErrNoResult))
	}
	for _, request := range server.Requests() {
		fmt.Println(request.Method, request.Certificate.ID, request.StatusCode, len(request.Violations))
	}
	// Output:
	// unknown true false
	// unknown false false
	// unknown false true
	// in_use false false
	// GET live 403 0
	// GET live 200 0
	// GET live 200 0
	// GET live 200 0
}

// Script refuses a response made with JSON that breaks the contract.
func ExampleJSON() {
	server, err := apitest.NewServer()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	cert := api.CertificateRef{AccountID: "0a1b2c3d", ID: "live"}
	err = server.Script(apitest.AssociationsOf(cert), apitest.JSON(http.StatusOK, `{"errors":{},"messages":[],"success":true,"result":[]}`))
	fmt.Println(err)
	// Output:
	// response 0: apitest: the response breaks the contract: bad response (status 200) at /errors: value must be an array; expected array; found an object with 0 members
}

// One store serves all operations: a certificate that a Worker binds can be read, and
// cannot be deleted.
func ExampleServer_AddWorker() {
	server, err := apitest.NewServer()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	cert := api.CertificateRef{AccountID: "0a1b2c3d", ID: "origin"}
	if err := errors.Join(
		server.AddCertificate(cert, apitest.Certificate{Name: "origin certificate"}),
		server.AddWorker(cert.AccountID, apitest.Worker{
			Name: "checkout", Certificates: map[string]string{"ORIGIN_CERT": cert.ID},
		}),
	); err != nil {
		log.Fatal(err)
	}

	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		req, err := http.NewRequestWithContext(context.Background(), method, server.URL()+"/accounts/0a1b2c3d/mtls_certificates/origin", nil)
		if err != nil {
			log.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+apitest.DefaultAPIToken)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		_ = resp.Body.Close()
		fmt.Println(method, resp.StatusCode)
	}
	for _, request := range server.Requests() {
		fmt.Println(request.Operation, request.Certificate.ID)
	}
	// Output:
	// GET 200
	// DELETE 400
	// getMTLSCertificate origin
	// deleteMTLSCertificate origin
}
