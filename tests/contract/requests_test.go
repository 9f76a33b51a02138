package contract

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/contract"
	"github.com/certuse/cloudflare-mtls/tests/internal/publishedfragment"
)

// router returns a router for the generated contract, with the base URLs as servers
// besides those of the contract.
func router(t *testing.T, baseURLs ...string) routers.Router {
	t.Helper()
	doc := readContract(t)
	for _, baseURL := range baseURLs {
		doc.Servers = append(doc.Servers, &openapi3.Server{URL: strings.TrimSuffix(baseURL, "/")})
	}
	r, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// validRequest checks a request against the contract with kin-openapi alone, security
// included.
func validRequest(r routers.Router, req *http.Request) error {
	route, params, err := r.FindRoute(req)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateRequest(req.Context(), &openapi3filter.RequestValidationInput{
		Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{MultiError: true, RejectWhenRequestBodyNotSpecified: true, AuthenticationFunc: hasScheme},
	})
}

func hasScheme(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	header := in.RequestValidationInput.Request.Header
	switch scheme := in.SecurityScheme; {
	case scheme.Type == "apiKey" && scheme.In == "header" && header.Get(scheme.Name) != "":
		return nil
	case scheme.Type == "http" && scheme.Scheme == "bearer" && strings.HasPrefix(header.Get("Authorization"), "Bearer "):
		return nil
	default:
		return errors.New("no such credentials in the header")
	}
}

// fixedTransport calls see with each request and responds with body.
type fixedTransport struct {
	see  func(*http.Request)
	body string
}

func (a fixedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if a.see != nil {
		a.see(req)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
	}, nil
}

const unused = `{"errors":[],"messages":[],"success":true,"result":[]}`

var (
	anyText       = rapid.StringMatching(`[!-~]{1,40}`)
	anyCredential = rapid.OneOf(
		rapid.Map(anyText, api.APIToken),
		rapid.Custom(func(t *rapid.T) api.Credentials {
			return api.APIKey(rapid.StringMatching(`[a-z0-9+.]{1,20}@[a-z0-9.]{1,20}`).Draw(t, "email"), anyText.Draw(t, "key"))
		}))
	baseURLs = []string{
		"https://api.cloudflare.com/client/v4", "https://api.cloudflare.com/client/v4/",
		"https://gateway.example.com:8443/cloudflare/client/v4", "http://127.0.0.1:8080/client/v4", "http://[::1]:8080/client/v4/",
	}
)

// The options and arguments are random. The request has no query and no body.
func TestEveryRequestForAssociationsMatchesTheContract(t *testing.T) {
	t.Parallel()
	routes := router(t, baseURLs...)
	rapid.Check(t, func(t *rapid.T) {
		sent := 0
		transport := fixedTransport{body: unused, see: func(req *http.Request) {
			sent++
			if err := validRequest(routes, req.Clone(req.Context())); err != nil {
				t.Errorf("%s %s: %v", req.Method, req.URL, err)
			}
			vs, err := contract.CheckRequest(req, contract.WithBasePath(req.URL.Path[:strings.Index(req.URL.Path, "/accounts/")]))
			if err != nil || len(vs) > 0 {
				t.Errorf("%s %s: %v %v", req.Method, req.URL, vs, err)
			}
			if req.URL.RawQuery != "" || req.Body != nil || req.Header.Get("Accept") != "application/json" {
				t.Errorf("query %q, body %v, header %v", req.URL.RawQuery, req.Body, req.Header)
			}
		}}
		options := []api.Option{
			api.WithBaseURL(rapid.SampledFrom(baseURLs).Draw(t, "base URL")),
			api.WithHTTPClient(&http.Client{Transport: transport, Timeout: time.Minute}),
			api.WithMaxAttempts(rapid.IntRange(1, 9).Draw(t, "attempts")),
			api.WithAttemptTimeout(time.Duration(rapid.Int64Range(1e9, 1e12).Draw(t, "attempt timeout"))),
			api.WithMaxRetryWait(time.Duration(rapid.Int64Range(0, 1e6).Draw(t, "retry wait")) * time.Millisecond),
			api.WithRateLimit(rapid.IntRange(0, 1200).Draw(t, "requests"), 5*time.Minute),
			api.WithMaxResponseBytes(rapid.Int64Range(1000, 1e9).Draw(t, "bytes")),
			api.WithUserAgent(rapid.StringMatching(`[a-z]{1,9}/[0-9.]{1,5}`).Draw(t, "agent")),
		}
		options = options[:rapid.IntRange(2, len(options)).Draw(t, "options")]
		client, err := api.New(anyCredential.Draw(t, "credentials"), options...)
		if err != nil {
			t.Fatal(err)
		}
		cert := api.CertificateRef{
			AccountID: rapid.StringMatching(`[0-9A-Za-z_-]{1,32}`).Draw(t, "account"),
			ID:        rapid.StringMatching(`[0-9A-Za-z_-]{1,64}`).Draw(t, "certificate"),
		}
		list, err := client.Associations(t.Context(), cert)
		if err != nil || list.Usage() != api.Unused || sent != 1 {
			t.Fatalf("%v, %v, %d requests", list.Usage(), err, sent)
		}
	})
}

func TestDefaultBaseURLIsTheServerOfTheContract(t *testing.T) {
	t.Parallel()
	routes := router(t)
	seen := false
	client, err := api.New(api.APIToken("t0ken"), api.WithHTTPClient(&http.Client{Transport: fixedTransport{body: unused, see: func(req *http.Request) {
		seen = true
		if err := validRequest(routes, req); err != nil {
			t.Error(err)
		}
	}}}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Associations(t.Context(), api.CertificateRef{AccountID: "a", ID: "c"}); err != nil || !seen {
		t.Error(err, seen)
	}
}

// With an email and a key, the client works with a server that knows only the
// published fragment.
func TestClientUnderstandsTheMockOfThePublishedFragment(t *testing.T) {
	t.Parallel()
	op, err := publishedfragment.Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(op.Mock())
	t.Cleanup(server.Close)
	call := func(credentials api.Credentials, id string) (*api.AssociationList, error) {
		client, err := api.New(credentials, api.WithBaseURL(server.URL+publishedfragment.BasePath))
		if err != nil {
			t.Fatal(err)
		}
		return client.Associations(t.Context(), api.CertificateRef{AccountID: op.Identifier(), ID: id})
	}
	pair := api.APIKey("owner@example.com", "k3y")
	list, err := call(pair, op.Identifier())
	want := api.Association{Service: "gateway", Status: "pending_deployment"}
	if err != nil || list.Usage() != api.InUse || !list.Truncated || len(list.Associations) != 1 || list.Associations[0] != want {
		t.Errorf("the published example gave %+v, %v", list, err)
	}
	if _, err := call(pair, "another"); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("the published failure gave %v", err)
	}
	if list, err := call(api.APIToken("t0ken"), op.Identifier()); err == nil || list.Usage() != api.UsageUnknown {
		t.Errorf("a token, which the fragment does not list, gave %v, %v", list.Usage(), err)
	}
}
