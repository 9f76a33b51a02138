package api_test

import (
	"context"
	"fmt"
	"log"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

// The README shows the middle of this function.
func Example_readme() {
	server, err := apitest.NewServer()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx, token, account := context.Background(), apitest.DefaultAPIToken, "my-account"
	options := []api.Option{api.WithBaseURL(server.URL())}
	cert := api.CertificateRef{AccountID: account, ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}
	if err := server.AddCertificate(cert, apitest.Certificate{Name: "checkout"}); err != nil {
		log.Fatal(err)
	}
	if err := server.SetAssociations(cert, api.Association{Service: "gateway", Status: "active"}); err != nil {
		log.Fatal(err)
	}

	client, err := api.New(api.APIToken(token), options...) // without options: the real API
	if err != nil {
		log.Fatal(err)
	}
	for item, err := range client.Inventory(ctx, account) {
		if err != nil {
			log.Fatal(err) // not all certificates were answered
		}
		fmt.Println(item.Certificate.Name, item.Evidence.Usage(), item.Evidence.Uses)
	}
	// Output: checkout in_use [{associations gateway active}]
}
