// Package quota tests the promises about waiting: Retry-After, the retry budget, the
// rate limit, and audits and inventories under the limit and during blocks. Time is
// synthetic (testing/synctest), and the server is an in-memory model.
package quota

import (
	"fmt"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/random"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const account = "023e105f4ecef8ad9ca31a8372d0c353"

func ref(i int) api.CertificateRef {
	return api.CertificateRef{AccountID: account, ID: fmt.Sprintf("2458ce5a-0c35-4c7f-82c7-%012d", i)}
}

// seed returns the seed of the run and prints it, so that the run can be repeated.
func seed(t *testing.T) uint64 {
	t.Helper()
	t.Logf("TEST_SEED=%d", random.Seed)
	return random.Seed
}

func newClient(t *testing.T, transport http.RoundTripper, opts ...api.Option) *api.Client {
	t.Helper()
	opts = append([]api.Option{api.WithHTTPClient(&http.Client{Transport: transport})}, opts...)
	client, err := api.New(api.APIToken("token"), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
