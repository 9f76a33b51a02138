package api_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// rotation returns a client of a fake API, with an old certificate that Gateway uses
// until release is called.
func rotation() (client *api.Client, old api.CertificateRef, release func()) {
	s := &store{
		certificates: []storedCertificate{{id: cert.ID, name: "edge 2026"}},
		associations: map[string][]string{cert.ID: {"gateway"}},
		zones:        []string{zoneID(1)},
	}
	client = must(api.New(api.APIToken(token), api.WithHTTPClient(&http.Client{Transport: s})))
	return client, cert, func() { s.associations = nil }
}

func ExampleClient_Upload() {
	client, _, _ := rotation()

	stored, err := client.Upload(context.Background(), account, api.CertificateUpload{
		Name: "edge 2027", PEM: leafPEM, Key: api.PrivateKeyPEM(leafKey),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stored.Name, stored.Type, "CA:", *stored.CA)

	// An invalid certificate is refused before anything is sent.
	_, err = client.Upload(context.Background(), account, api.CertificateUpload{PEM: leafKey})
	fmt.Println(err)
	// Output:
	// edge 2027 custom CA: false
	// upload mTLS certificate: invalid argument: PEM: block 1 is a private key; it belongs in Key
}

func ExampleClient_WaitUnused() {
	client, old, release := rotation()

	lastUser := func(e *api.Evidence) { // the last use ends while the program waits
		fmt.Println(e.Usage(), e.Uses)
		release()
	}
	evidence, err := client.WaitUnused(context.Background(), old,
		api.WithWaitTimeout(time.Minute), api.WithWaitProgress(lastUser))
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
	client, old, release := rotation()
	ctx := context.Background()

	deletion, err := client.DeleteUnused(ctx, old)
	if errors.Is(err, api.ErrInUse) {
		fmt.Println(deletion.State, deletion.Evidence.Uses)
	}
	release()
	deletion, err = client.DeleteUnused(ctx, old)
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
	client, old, release := rotation()
	ctx, chain, key := context.Background(), leafPEM, leafKey
	refer := func(api.CertificateRef) { release() }

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
