package contract_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/api/contract"
)

// outcome is the result of a call as its caller sees it.
type outcome struct {
	Usage     api.Usage
	Rows      []api.Association
	Truncated bool
	Body      string
	Status    int
	Err       string
}

// cert is the certificate of the requests.
var cert = api.CertificateRef{AccountID: "0a1b2c3d", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}

// variableParts are the parts of an error text that differ from call to call.
var variableParts = regexp.MustCompile(`[0-9a-f]{16}-TST|127\.0\.0\.1:\d+(->127\.0\.0\.1:\d+)?`)

func outcomeOf(list *api.AssociationList, err error) outcome {
	if err == nil {
		return outcome{Usage: list.Usage(), Rows: list.Associations, Truncated: list.Truncated, Body: string(list.Body)}
	}
	o := outcome{Usage: list.Usage(), Err: variableParts.ReplaceAllString(err.Error(), "…")}
	if failure, ok := errors.AsType[*api.Error](err); ok {
		o.Status = failure.StatusCode
	}
	return o
}

// A call has the same outcome with and without the contract check in mode Report,
// whatever the response.
func TestReportModeIsTransparentForEveryResponse(t *testing.T) {
	t.Parallel()
	gateway := api.Association{Service: "gateway", Status: "pending_deployment"}
	tests := []struct {
		name     string
		response apitest.Response
		want     string // classes of the violations, in order
	}{
		{"unused", apitest.NoAssociations(), ""},
		{"in use", apitest.Associations(gateway), ""},
		{"truncated", apitest.PartialAssociations(9, gateway), ""},
		{"no result", apitest.NoResult(), "drift"},
		{"chunked", apitest.Associations(gateway).Chunked(), ""},
		{"gzip that the transport decompresses", apitest.Associations(gateway).Gzipped(), ""},
		{"dripped", apitest.NoAssociations().Dripped(time.Microsecond), ""},
		{"unauthorized", apitest.Unauthorized(), ""},
		{"forbidden", apitest.Forbidden(), ""},
		{"rate limited", apitest.RateLimited(time.Minute), ""},
		{"new service", apitest.Associations(api.Association{Service: "workers"}), "drift"},
		{"error chain", apitest.Failure(400, api.ErrorDetail{Code: 6003, Message: "m", Chain: []api.ErrorDetail{{Code: 6111}}}), "drift"},
		{"server error", apitest.ServerError(503), "drift"},
		{"empty", apitest.Empty(502), "drift"},
		{"redirect", apitest.Redirect(307, "/elsewhere"), "drift"},
		{"null result", apitest.NullResult(), "bad response"},
		{"success false at 200", apitest.Unsuccessful(api.ErrorDetail{Code: 1000, Message: "m"}), "bad response,bad response"},
		{"legacy error", apitest.LegacyError(400, api.ErrorDetail{Code: 6003, Message: "m"}), "bad response,bad response,drift,drift"},
		{"edge page", apitest.EdgePage(403), "bad response"},
		{"empty success", apitest.Empty(200), "bad response"},
		{"duplicate names", apitest.Raw(200, "application/json", `{"success":true,"success":true}`), "bad response"},
		{"cut off", apitest.NoAssociations().CutAfter(20), "unchecked"},
		{"cut off, chunked", apitest.NoAssociations().Chunked().CutAfter(20), "unchecked"},
		{"longer than the check reads", apitest.Huge(2 << 20), "unchecked"},
		{"longer than the client reads", apitest.Huge(9 << 20), "unchecked"},
		{"reset", apitest.Reset(), ""},
	}
	server, err := apitest.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var classes []string
			var reported []contract.Violation
			checked, err := contract.NewTransport(&http.Transport{DisableKeepAlives: true}, contract.WithHandler(func(v contract.Violation) {
				classes, reported = append(classes, v.Class.String()), append(reported, v)
			}))
			if err != nil {
				t.Fatal(err)
			}
			var outcomes []outcome
			for _, transport := range []http.RoundTripper{&http.Transport{DisableKeepAlives: true}, checked} {
				if err := server.Script(apitest.AssociationsOf(cert), tt.response); err != nil {
					t.Fatal(err)
				}
				client, err := server.Client(api.WithMaxAttempts(1), api.WithHTTPClient(&http.Client{Transport: transport}))
				if err != nil {
					t.Fatal(err)
				}
				outcomes = append(outcomes, outcomeOf(client.Associations(t.Context(), cert)))
			}
			if diff := cmp.Diff(outcomes[0], outcomes[1]); diff != "" {
				t.Errorf("outcome (-plain +checked)\n%s", diff)
			}
			if got := strings.Join(classes, ","); got != tt.want {
				t.Errorf("violations %q, want %q: %v", got, tt.want, reported)
			}
		})
	}
}
