package api_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// startFake starts a server with three certificates. It refuses requests for others.
func startFake() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("CF-Ray", "8f2a5c-AMS")
		switch strings.Split(r.URL.Path, "/")[4] {
		case "in-use":
			fmt.Fprint(w, `{"success":true,"errors":[],"messages":[],"result":[{"service":"gateway","status":"active"}]}`)
		case "unused":
			fmt.Fprint(w, `{"success":true,"errors":[],"messages":[],"result":[]}`)
		case "cut-off":
			fmt.Fprint(w, `{"success":true,"errors":[],"messages":[],"result":[],"result_info":{"total_count":7}}`)
		default:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[],"result":null}`)
		}
	}))
}

func Example() {
	server := startFake()
	defer server.Close()

	// Without WithBaseURL, the client calls the real API.
	client, err := api.New(api.APIToken("my-token"), api.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	list, err := client.Associations(context.Background(), api.CertificateRef{AccountID: "my-account", ID: "in-use"})
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range list.Associations {
		fmt.Printf("%s: %s\n", a.Service, a.Status)
	}
	// Output: gateway: active
}

func ExampleAPIKey() {
	server := startFake()
	defer server.Close()

	credentials := api.APIKey("user@example.com", "144c9defac04969c7bfad8efaa8ea194")
	client, err := api.New(credentials, api.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	list, err := client.Associations(context.Background(), api.CertificateRef{AccountID: "my-account", ID: "unused"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(credentials, list.Usage())
	// Output: API key [redacted] unused
}

func ExampleAssociationList_Usage() {
	server := startFake()
	defer server.Close()
	client, err := api.New(api.APIToken("my-token"), api.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	for _, id := range []string{"in-use", "unused", "cut-off"} {
		list, err := client.Associations(context.Background(), api.CertificateRef{AccountID: "my-account", ID: id})
		if err != nil {
			log.Fatal(err)
		}
		switch list.Usage() {
		case api.InUse:
			fmt.Println(id, "must stay:", list.Associations[0].Service)
		case api.Unused:
			fmt.Println(id, "has no associations: Evidence asks the other sources")
		case api.UsageUnknown:
			fmt.Println(id, "must stay: the response is incomplete")
		}
	}
	// Output:
	// in-use must stay: gateway
	// unused has no associations: Evidence asks the other sources
	// cut-off must stay: the response is incomplete
}

func ExampleError() {
	server := startFake()
	defer server.Close()
	client, err := api.New(api.APIToken("my-token"), api.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.Associations(context.Background(), api.CertificateRef{AccountID: "my-account", ID: "of-another-account"})
	fmt.Println(err)
	var failure *api.Error
	switch {
	case errors.Is(err, api.ErrForbidden) && errors.As(err, &failure):
		fmt.Println("no permission:", failure.StatusCode, failure.Details[0].Code, failure.RayID)
	case errors.Is(err, api.ErrRateLimited) && errors.As(err, &failure):
		fmt.Println("ask again in", failure.RetryAfter)
	}
	// Output:
	// list mTLS certificate associations: HTTP 403 Forbidden: code 10000: Authentication error (needs the permission "Account: SSL and Certificates Read", ray 8f2a5c-AMS)
	// no permission: 403 10000 8f2a5c-AMS
}

func ExampleClient_AllAssociations() {
	server := startFake()
	defer server.Close()
	client, err := api.New(api.APIToken("my-token"), api.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	for a, err := range client.AllAssociations(context.Background(), api.CertificateRef{AccountID: "my-account", ID: "in-use"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(a.Service, a.Status)
	}
	// Output: gateway active
}

func ExampleClient_Audit() {
	server := startFake()
	defer server.Close()
	client, err := api.New(api.APIToken("my-token"), api.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}

	certificates := []api.CertificateRef{
		{AccountID: "my-account", ID: "in-use"},
		{AccountID: "my-account", ID: "unused"},
		{AccountID: "my-account", ID: "cut-off"},
		{AccountID: "my-account", ID: "of-another-account"},
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for result := range client.Audit(ctx, slices.Values(certificates), api.WithConcurrency(2)) {
		fmt.Println(result.Certificate.ID, result.Usage(), errors.Is(result.Err, api.ErrForbidden))
	}
	// Unordered output:
	// in-use in_use false
	// unused unused false
	// cut-off unknown false
	// of-another-account unknown true
}

// countingTransport is a transport that counts requests.
type countingTransport struct {
	next  http.RoundTripper
	count int
}

func (c *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	c.count++
	return c.next.RoundTrip(r)
}

func ExampleWithHTTPClient() {
	server := startFake()
	defer server.Close()

	transport := &countingTransport{next: http.DefaultTransport}
	client, err := api.New(api.APIToken("my-token"), api.WithBaseURL(server.URL),
		api.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		log.Fatal(err)
	}
	list, err := client.Associations(context.Background(), api.CertificateRef{AccountID: "my-account", ID: "in-use"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(list.Usage(), transport.count)
	// Output: in_use 1
}
