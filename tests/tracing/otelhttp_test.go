// Package tracing tests the promises about transports of the caller: the transport of
// OpenTelemetry works, and sees each attempt.
package tracing

import (
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestOpenTelemetrySeesEachAttemptAndNoSecret(t *testing.T) {
	t.Parallel()
	server, err := apitest.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	cert := api.CertificateRef{AccountID: "023e105f4ecef8ad9ca31a8372d0c353", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}
	if err := server.Script(apitest.AssociationsOf(cert), apitest.ServerError(http.StatusBadGateway), apitest.Associations(api.Association{Service: "gateway"})); err != nil {
		t.Fatal(err)
	}

	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	transport := otelhttp.NewTransport(nil,
		otelhttp.WithTracerProvider(provider), otelhttp.WithPropagators(propagation.TraceContext{}))
	client, err := server.Client(api.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, parent := provider.Tracer("user").Start(t.Context(), "rotate")
	list, err := client.Associations(ctx, cert)
	parent.End()
	if err != nil || list.Usage() != api.InUse {
		t.Fatalf("got %v, %v", list, err)
	}

	var statuses []int64
	for _, span := range recorder.Ended() {
		if span.Name() == "rotate" {
			continue
		}
		if span.Parent().SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("span %q is not a child of the caller's", span.Name())
		}
		for _, a := range span.Attributes() {
			if a.Key == attribute.Key("http.response.status_code") {
				statuses = append(statuses, a.Value.AsInt64())
			}
			if strings.Contains(a.Value.String(), apitest.DefaultAPIToken) {
				t.Errorf("attribute %s holds the token", a.Key)
			}
		}
		if failed := span.Status().Code == codes.Error; failed != (statuses[len(statuses)-1] >= 500) {
			t.Errorf("span of status %d has code %v", statuses[len(statuses)-1], span.Status().Code)
		}
	}
	if len(statuses) != 2 || statuses[0] != http.StatusBadGateway || statuses[1] != http.StatusOK {
		t.Errorf("spans of status %v, want one for each attempt: 502 and 200", statuses)
	}
	for _, request := range server.Requests() {
		if request.Header.Get("Traceparent") == "" {
			t.Error("the trace context did not reach the server")
		}
	}
}
