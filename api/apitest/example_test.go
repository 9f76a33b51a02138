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

// mayRemove is the user's code under test.
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
		server.Set(old),
		server.Set(live, api.Association{Service: "gateway", Status: "active"}),
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

// An answer that the network or the vendor's edge spoils must never read as
// "unused".
func ExampleServer_Script() {
	server, err := apitest.NewServer()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	cert := api.CertificateRef{AccountID: "0a1b2c3d", ID: "live"}
	if err := server.Script(cert,
		apitest.EdgePage(http.StatusForbidden),
		apitest.Answer().CutAfter(20),
		apitest.NoResult(),
		apitest.Partial(2000, api.Association{Service: "gateway", Status: "active"}),
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

// An answer that claims to be within the contract is held to it.
func ExampleJSON() {
	server, err := apitest.NewServer()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	cert := api.CertificateRef{AccountID: "0a1b2c3d", ID: "live"}
	err = server.Script(cert, apitest.JSON(http.StatusOK, `{"errors":{},"messages":[],"success":true,"result":[]}`))
	fmt.Println(err)
	// Output:
	// response 0: apitest: the answer is not in the contract: bad response (status 200) at /errors: value must be an array; expected array; found an object of 0
}
