package inventory

import (
	"errors"
	"slices"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestServices(t *testing.T) {
	server, err := apitest.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	cert := api.CertificateRef{AccountID: "023e105f4ecef8ad9ca31a8372d0c353", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}
	server.SetAssociations(cert, api.Association{Service: "gateway", Status: "active"})
	client, err := server.Client()
	if err != nil {
		t.Fatal(err)
	}
	services, usage, err := Services(t.Context(), client, cert)
	if err != nil || usage != api.InUse || !slices.Equal(services, []string{"gateway"}) {
		t.Errorf("got %v, %v, %v", services, usage, err)
	}
	cert.ID = "unknown"
	if _, usage, err = Services(t.Context(), client, cert); !errors.Is(err, api.ErrNotFound) || usage != api.UsageUnknown {
		t.Errorf("got %v, %v", usage, err)
	}
}
