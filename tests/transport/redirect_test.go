package transport

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	"github.com/certuse/cloudflare-mtls/tests/internal/certs"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// redirectStage has the locations of redirects, and a second server for each location
// of another origin.
type redirectStage struct {
	authority *certs.Authority
	network   network
	second    map[string]*fs.Server // by target
	location  map[string]string
}

func newRedirectStage(t *testing.T) *redirectStage {
	t.Helper()
	s := &redirectStage{authority: certs.NewAuthority(t), network: network{}, second: map[string]*fs.Server{}}
	config := serving(s.authority.Issue(t, tomorrow(), apiHost, "v4."+apiHost, "other.example"))
	const path = "/client/v4/accounts/a/mtls_certificates/b/associations"
	s.location = map[string]string{
		"other host": "https://other.example" + path,
		"port":       "https://" + apiHost + ":8443" + path,
		"sub-domain": "https://v4." + apiHost + path,
		"http":       "http://" + apiHost + path,
		"same":       path,
	}
	for target, addr := range map[string]string{
		"other host": "other.example:443", "port": apiHost + ":8443", "sub-domain": "v4." + apiHost + ":443", "http": apiHost + ":80",
	} {
		use := config
		if target == "http" {
			use = nil
		}
		s.second[target] = fs.Start(t, fs.Always(fs.OK()), use)
		s.network[addr] = s.second[target].Addr()
	}
	return s
}

// start starts an API server that redirects once to the target.
func (s *redirectStage) start(t *testing.T, status int, target string) (*fs.Server, network) {
	t.Helper()
	config := serving(s.authority.Issue(t, tomorrow(), apiHost))
	redirect := fs.Complete(status, "elsewhere", "Location: "+s.location[target])
	first := fs.Start(t, fs.Once(redirect, fs.OK()), config)
	routes := network{apiHost + ":443": first.Addr()}
	for addr, to := range s.network {
		routes[addr] = to
	}
	return first, routes
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	stage := newRedirectStage(t)
	cells := 0
	t.Run("cells", func(t *testing.T) {
		for _, status := range []int{301, 302, 303, 307, 308} {
			for target := range stage.location {
				for kind, creds := range credentials {
					cells++
					t.Run(fmt.Sprintf("%d to %s with %s", status, target, kind), func(t *testing.T) {
						t.Parallel()
						first, routes := stage.start(t, status, target)
						client := newClient(t, creds, routes.transport(stage.authority), "https://"+apiHost+"/client/v4")
						_, err := client.Associations(t.Context(), cert)
						var failure *api.Error
						if !errors.As(err, &failure) || !errors.Is(err, api.ErrRedirect) || failure.StatusCode != status {
							t.Errorf("got %v, want ErrRedirect", err)
						}
						if n := first.Requests(); n != 1 {
							t.Errorf("%d requests at the API, want 1", n)
						}
						if len(first.Credentials()) == 0 {
							t.Error("the API itself got no credentials")
						}
						canary.Check(t, "error", err)
					})
				}
			}
		}
	})
	if cells != 50 {
		t.Errorf("%d cells instead of 50", cells)
	}
	for target, second := range stage.second {
		if n := second.Requests(); n != 0 {
			t.Errorf("%s: %d requests arrived", target, n)
		}
	}
}

// The second servers are reachable and would see credentials: net/http sends the key
// there.
func TestSecondServersWouldSeeCredentials(t *testing.T) {
	t.Parallel()
	stage := newRedirectStage(t)
	for target, second := range stage.second {
		_, routes := stage.start(t, 307, target)
		transport := routes.transport(stage.authority)
		defer transport.CloseIdleConnections()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+apiHost+"/client/v4", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Auth-Key", canary.Key)
		response, err := (&http.Client{Transport: transport}).Do(request)
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		_ = response.Body.Close()
		if found := second.Credentials(); len(found) != 1 || found[0] != canary.Key {
			t.Errorf("%s: saw %q", target, found)
		}
	}
}
