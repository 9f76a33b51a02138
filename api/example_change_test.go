package api_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

// rotation starts a fake of the API with an old certificate that Gateway uses.
func rotation() (*apitest.Server, *api.Client, api.CertificateRef) {
	server := must(apitest.NewServer())
	old := api.CertificateRef{AccountID: "my-account", ID: "old"}
	if err := server.SetAssociations(old, api.Association{Service: "gateway", Status: "active"}); err != nil {
		log.Fatal(err)
	}
	return server, must(server.Client()), old
}

func ExampleClient_Upload() {
	server, client, _ := rotation()
	defer server.Close()

	stored, err := client.Upload(context.Background(), "my-account", api.CertificateUpload{
		Name: "edge 2027", PEM: leafPEM, Key: api.PrivateKeyPEM(leafKey),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stored.Name, stored.Type, "CA:", *stored.CA)

	// A certificate that cannot work is refused before anything is sent.
	_, err = client.Upload(context.Background(), "my-account", api.CertificateUpload{PEM: leafKey})
	fmt.Println(err)
	// Output:
	// edge 2027 custom CA: false
	// upload mTLS certificate: invalid argument: PEM: block 1 is a private key; it belongs in Key
}

func ExampleClient_WaitUnused() {
	server, client, old := rotation()
	defer server.Close()

	lastUser := func(e *api.Evidence) { // the last user goes while the program waits
		fmt.Println(e.Usage(), e.Uses)
		if err := server.SetAssociations(old); err != nil {
			log.Fatal(err)
		}
	}
	evidence, err := client.WaitUnused(context.Background(), old,
		api.WithWaitTimeout(time.Minute), api.WithWaitProgress(lastUser), api.WithWaitEvidence(api.WithNoZones()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(evidence.Usage())
	// Output:
	// in_use [{associations gateway active}]
	// unused []
	// unused
}

func ExampleClient_DeleteUnused() {
	server, client, old := rotation()
	defer server.Close()
	ctx := context.Background()

	deletion, err := client.DeleteUnused(ctx, old, api.WithDeleteNoZones())
	if errors.Is(err, api.ErrInUse) {
		fmt.Println(deletion.State, deletion.Evidence.Uses)
	}
	if err := server.SetAssociations(old); err != nil {
		log.Fatal(err)
	}
	deletion, err = client.DeleteUnused(ctx, old, api.WithDeleteNoZones())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deletion.State, deletion.Evidence.Usage())
	// Output:
	// kept [{associations gateway active}]
	// deleted unused
}

// The package comment shows the middle of this function.
func Example_rotation() {
	server := must(apitest.NewServer())
	defer server.Close()
	ctx, client, chain, key := context.Background(), must(server.Client()), leafPEM, leafKey
	old := api.CertificateRef{AccountID: account, ID: "old"}
	if err := server.AddCertificate(old, apitest.Certificate{}); err != nil {
		log.Fatal(err)
	}
	refer := func(api.CertificateRef) {}

	stored, err := client.Upload(ctx, account, api.CertificateUpload{
		Name: "edge 2027", PEM: chain, Key: api.PrivateKeyPEM(key),
	})
	if err != nil {
		log.Fatal(err)
	}
	refer(stored.Ref) // every user of the old certificate
	if _, err := client.WaitUnused(ctx, old); err != nil {
		log.Fatal(err) // names what still uses it
	}
	deletion, err := client.DeleteUnused(ctx, old)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stored.Name, deletion.State)
	// Output: edge 2027 deleted
}
