package api_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/certuse/cloudflare-mtls/api"
)

// fakeOptions returns the options for a fake API with a certificate that Gateway uses.
// Programs of other modules use package apitest instead.
func fakeOptions() []api.Option {
	s := &store{
		certificates: []storedCertificate{{id: cert.ID, name: "checkout"}},
		associations: map[string][]string{cert.ID: {"gateway"}},
	}
	return []api.Option{api.WithHTTPClient(&http.Client{Transport: s})}
}

// The README shows the middle of this function.
func Example_readme() {
	ctx, options := context.Background(), fakeOptions()

	client, err := api.New(api.APIToken(token), options...) // without options: the real API
	if err != nil {
		log.Fatal(err)
	}
	for item, err := range client.Inventory(ctx, account) {
		if err != nil {
			log.Fatal(err) // not all certificates were read
		}
		fmt.Println(item.Certificate.Name, item.Evidence.Usage(), item.Evidence.Uses)
	}
	// Output: checkout in_use [{associations gateway active}]
}

// The package comment shows the middle of this function.
func Example_inventory() {
	ctx, options := context.Background(), fakeOptions()

	client, err := api.New(api.APIToken(token), options...) // without options: the real API
	if err != nil {
		log.Fatal(err)
	}
	for item, err := range client.Inventory(ctx, account) {
		if err != nil {
			log.Fatal(err) // the last item: the inventory is incomplete
		}
		switch item.Evidence.Usage() {
		case api.InUse:
			fmt.Println(item.Certificate.Name, "is used by", item.Evidence.Uses)
		case api.Unused:
			fmt.Println(item.Certificate.Name, "is unused; it expires on", item.Certificate.ExpiresOn)
		case api.UsageUnknown:
			fmt.Println(item.Certificate.Name, "is", item.Evidence)
		}
	}
	// Output: checkout is used by [{associations gateway active}]
}
