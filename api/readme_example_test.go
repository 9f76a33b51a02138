package api_test

import (
	"context"
	"fmt"
	"log"

	"github.com/certuse/cloudflare-mtls/api"
)

// The README shows the middle of this function.
func Example_readme() {
	server := pretend()
	defer server.Close()
	ctx, token, account, certificate := context.Background(), "my-token", "my-account", "in-use"
	options := []api.Option{api.WithBaseURL(server.URL)}

	client, err := api.New(api.APIToken(token), options...) // without options: the real API
	if err != nil {
		log.Fatal(err)
	}
	list, err := client.Associations(ctx, api.CertificateRef{AccountID: account, ID: certificate})
	if err != nil {
		log.Fatal(err) // no answer: nothing is known
	}
	switch list.Usage() {
	case api.InUse:
		fmt.Println("keep it, it is used:", list.Associations)
	case api.Unused:
		fmt.Println("nothing uses it")
	case api.UsageUnknown:
		fmt.Println("keep it, the answer settles nothing")
	}
	// Output: keep it, it is used: [{gateway active}]
}
