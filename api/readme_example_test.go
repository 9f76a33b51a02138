package api_test

import (
	"context"
	"fmt"
	"log"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

// used starts a fake of the API with a certificate that Gateway uses.
func used() *apitest.Server {
	server := must(apitest.NewServer(apitest.WithAPIToken(token)))
	cert := api.CertificateRef{AccountID: account, ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}
	if err := server.AddCertificate(cert, apitest.Certificate{Name: "checkout"}); err != nil {
		log.Fatal(err)
	}
	if err := server.SetAssociations(cert, api.Association{Service: "gateway", Status: "active"}); err != nil {
		log.Fatal(err)
	}
	return server
}

// The README shows the middle of this function.
func Example_readme() {
	server := used()
	defer server.Close()
	ctx, options := context.Background(), []api.Option{api.WithBaseURL(server.URL())}

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

// The package comment shows the middle of this function.
func Example_inventory() {
	server := used()
	defer server.Close()
	ctx, options := context.Background(), []api.Option{api.WithBaseURL(server.URL())}

	client, err := api.New(api.APIToken(token), options...) // without options: the real API
	if err != nil {
		log.Fatal(err)
	}
	for item, err := range client.Inventory(ctx, account) {
		if err != nil {
			log.Fatal(err) // comes last: the inventory is not whole
		}
		switch item.Evidence.Usage() {
		case api.InUse:
			fmt.Println(item.Certificate.Name, "is used by", item.Evidence.Uses)
		case api.Unused:
			fmt.Println(item.Certificate.Name, "may go; it expires on", item.Certificate.ExpiresOn)
		case api.UsageUnknown:
			fmt.Println(item.Certificate.Name, "is unknown:", item.Evidence.Sources)
		}
	}
	// Output: checkout is used by [{associations gateway active}]
}
