// Command live checks the real API against the contract: `make contract-live`. It
// reads the associations of one certificate, of one that does not exist, and once with
// an unknown token; then it calls each read operation of the contract without the
// client. It prints where the responses differ from the contract. Hostnames are read
// from the first zone of the account, settings from its first Worker; without one, the
// operation is skipped, which is no failure. The token needs the read permissions of
// all these operations.
//
// It uses the credentials of api.CredentialsFromEnv, CLOUDFLARE_ACCOUNT_ID,
// CLOUDFLARE_MTLS_CERTIFICATE_ID, and CLOUDFLARE_BASE_URL if it is set. Without
// credentials and ids it prints that it did not run.
//
// Exit codes:
//
//	0  every call ended as expected and no response breaks the contract (drift is only
//	   printed), or none of the variables for credentials and ids is set
//	1  a call ended otherwise, a response breaks the contract or is missing, or something
//	   could not be checked
//	2  the environment is incomplete or invalid
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"

	"github.com/certuse/cloudflare-mtls/api"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Stdout))
}

func run(ctx context.Context, out io.Writer) int {
	target, err := targetFromEnv()
	switch {
	case errors.Is(err, errNotConfigured):
		fmt.Fprintf(out, "contract-live: did not run: %v\n", err)
		return 0
	case err != nil:
		fmt.Fprintf(out, "contract-live: did not run: %v\n", err)
		return 2
	}
	report, err := check(ctx, target)
	if err != nil {
		fmt.Fprintf(out, "contract-live: did not run: %v\n", err)
		return 2
	}
	report.print(out)
	if report.failed() {
		return 1
	}
	return 0
}

// target is the account and the API under check.
type target struct {
	credentials api.Credentials
	certificate api.CertificateRef
	options     []api.Option
	baseURL     string      // empty: the contract's server
	header      http.Header // the credentials, for requests without the client
}

var errNotConfigured = errors.New(
	"set CLOUDFLARE_API_TOKEN (or CLOUDFLARE_EMAIL and CLOUDFLARE_API_KEY), CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_MTLS_CERTIFICATE_ID")

func targetFromEnv() (target, error) {
	t := target{certificate: api.CertificateRef{
		AccountID: os.Getenv("CLOUDFLARE_ACCOUNT_ID"), ID: os.Getenv("CLOUDFLARE_MTLS_CERTIFICATE_ID"),
	}}
	if baseURL := os.Getenv("CLOUDFLARE_BASE_URL"); baseURL != "" {
		t.baseURL = strings.TrimSuffix(baseURL, "/")
		t.options = append(t.options, api.WithBaseURL(baseURL))
	}
	t.header = http.Header{"X-Auth-Email": {os.Getenv("CLOUDFLARE_EMAIL")}, "X-Auth-Key": {os.Getenv("CLOUDFLARE_API_KEY")}}
	if token := os.Getenv("CLOUDFLARE_API_TOKEN"); token != "" {
		t.header = http.Header{"Authorization": {"Bearer " + token}}
	}
	var err error
	t.credentials, err = api.CredentialsFromEnv()
	switch {
	case err != nil && t.certificate == api.CertificateRef{} && !anyCredential():
		return t, errNotConfigured
	case err != nil:
		return t, err
	case t.certificate.AccountID == "":
		return t, errors.New("CLOUDFLARE_ACCOUNT_ID is not set")
	case t.certificate.ID == "":
		return t, errors.New("CLOUDFLARE_MTLS_CERTIFICATE_ID is not set")
	}
	return t, nil
}

func anyCredential() bool {
	for _, name := range []string{"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_EMAIL", "CLOUDFLARE_API_KEY"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}
