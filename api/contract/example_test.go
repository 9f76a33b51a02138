package contract_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/api/contract"
)

// A job in continuous integration runs the program's calls through a Transport, prints
// the violations, and fails on a breach. Here a fake server replaces the API; its
// response has an undocumented field.
func Example() {
	server, err := apitest.NewServer()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	cert := api.CertificateRef{AccountID: "0a1b2c3d", ID: "2458ce5a"}
	if err := server.Script(apitest.AssociationsOf(cert), apitest.JSON(http.StatusOK,
		`{"errors":[],"messages":[],"success":true,"result":[{"service":"gateway","region":"weur"}]}`)); err != nil {
		log.Fatal(err)
	}

	failed := false
	transport, err := contract.NewTransport(http.DefaultTransport,
		contract.WithHandler(func(v contract.Violation) {
			fmt.Println(v.Class, v.Pointer, v.Message, v.Excerpt)
			failed = failed || v.Class.Breach()
		}))
	if err != nil {
		log.Fatal(err)
	}
	client, err := server.Client(api.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		log.Fatal(err)
	}
	list, err := client.Associations(context.Background(), cert)
	fmt.Println(list.Usage(), err)
	fmt.Println("failed:", failed)
	// Output:
	// drift /result/0/region undocumented field "weur"
	// in_use <nil>
	// failed: false
}

// In mode Fail, a breach of the contract ends a call with an error. Its violations name
// the places of the breach.
func ExampleWithMode() {
	server, err := apitest.NewServer()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	cert := api.CertificateRef{AccountID: "0a1b2c3d", ID: "2458ce5a"}
	if err := server.Script(apitest.AssociationsOf(cert), apitest.NullResult()); err != nil {
		log.Fatal(err)
	}

	transport, err := contract.NewTransport(nil, contract.WithMode(contract.Fail))
	if err != nil {
		log.Fatal(err)
	}
	client, err := server.Client(api.WithHTTPClient(&http.Client{Transport: transport}), api.WithMaxAttempts(1))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Associations(context.Background(), cert)
	if broken, ok := errors.AsType[*contract.Error](err); ok {
		for _, v := range broken.Violations {
			fmt.Println(v.Class, v.Pointer, v.Expected)
		}
	}
	// Output:
	// bad response /result array
}

// Recorded responses can be checked without traffic.
func ExampleCheckResponse() {
	recorded := `{"errors":[{"code":"7003","message":"No route for the URI"}],"success":false}`
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet,
		"https://api.cloudflare.com/client/v4/accounts/0a1b2c3d/mtls_certificates/2458ce5a/associations", nil)
	if err != nil {
		log.Fatal(err)
	}
	violations, err := contract.CheckResponse(request, http.StatusNotFound,
		http.Header{"Content-Type": {"application/json"}}, []byte(recorded))
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range violations {
		fmt.Println(v)
	}
	// Output:
	// bad response (status 404) at /errors/0/code: value must be an integer; expected integer; found "7003"
}
