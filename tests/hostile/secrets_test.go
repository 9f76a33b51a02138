package hostile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// echoes are handlers that send back the credentials wherever the protocol, or a
// violation of it, has room for text.
var echoes = map[string]fs.Handler{
	"400, detail":       fs.Failure(400, 1000),
	"401, detail":       fs.Failure(401, 10000),
	"403, page":         fs.HTML(403),
	"404, detail":       fs.Failure(404, 7003),
	"429, detail":       fs.Failure(429, 971, "Retry-After: "+fs.Echo),
	"500, page":         fs.HTML(500),
	"redirect":          fs.Complete(307, fs.Echo, "Location: https://example.com/?"+fs.Echo),
	"media type":        fs.Complete(200, "x", "Content-Type: text/"+fs.Echo),
	"content encoding":  fs.JSON(200, "x", "Content-Encoding: "+fs.Echo),
	"Ray ID":            fs.Failure(404, 1, "Cf-Ray: "+fs.Echo),
	"success":           fs.JSON(200, `{"success":true,"errors":[],"messages":[{"code":1,"message":"`+fs.Echo+`"}],"result":[{"service":"`+fs.Echo+`","status":"`+fs.Echo+`"}],"x":"`+fs.Echo+`"}`, "Cf-Ray: "+fs.Echo),
	"certificates":      fs.JSON(200, `{"success":true,"result":[`+echoedCertificate+`]}`),
	"certificate":       fs.JSON(200, `{"success":true,"result":`+echoedCertificate+`}`),
	"hostnames":         fs.JSON(200, `{"success":true,"result":{"hostnames":["`+fs.Echo+`"],"bindings":[{"type":"`+fs.Echo+`"}]}}`),
	"success, errors":   fs.JSON(200, `{"success":true,"errors":[{"code":1,"message":"`+fs.Echo+`"}],"result":[]}`),
	"no result":         fs.JSON(200, `{"success":true,"messages":[{"code":1,"message":"`+fs.Echo+`"}]}`),
	"JSON name":         fs.JSON(200, `{"success":true,"`+fs.Echo+`":1,"`+fs.Echo+`":2}`),
	"wrong type":        fs.JSON(200, `{"success":true,"result":{"`+fs.Echo+`":1}}`),
	"too large":         fs.JSON(200, strings.Repeat(fs.Echo, 1<<15)),
	"status line":       fs.Cut("HTTP/1.1 " + fs.Echo + "\r\n\r\n"),
	"first line":        fs.Cut(fs.Echo + "\r\n\r\n"),
	"header line":       fs.Cut("HTTP/1.1 200 OK\r\n" + fs.Echo + "\r\n\r\n"),
	"header name":       fs.Cut("HTTP/1.1 200 OK\r\n(" + fs.Echo + "): x\r\n\r\n"),
	"content length":    fs.Cut("HTTP/1.1 200 OK\r\nContent-Length: " + fs.Echo + "\r\n\r\n"),
	"transfer encoding": fs.Cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + fs.Echo + "\r\n\r\n"),
	"chunk":             fs.Cut("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + fs.Echo + "\r\n"),
	"informational":     fs.Cut("HTTP/1.1 103 Early Hints\r\nLink: " + fs.Echo + "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + fs.Echo),
	"reset in header":   fs.ResetMidHeader(),
}

// echoedCertificate is an item with the credentials in each member except the id, and in
// the name of a member.
const echoedCertificate = `{"id":"2458ce5a-0c35-4c7f-82c7-8e9487d3ff60","name":"` + fs.Echo + `","issuer":"` + fs.Echo + `","expires_on":"` + fs.Echo +
	`","status":"` + fs.Echo + `","type":"` + fs.Echo + `","certificates":"` + fs.Echo + `","` + fs.Echo + `":{"x":1}}`

var allCredentials = map[string]api.Credentials{
	"token": api.APIToken(canary.Token), "key": api.APIKey(canary.Email, canary.Key),
}

func TestNothingReturnedHoldsCredentials(t *testing.T) {
	t.Parallel()
	for kind, creds := range allCredentials {
		for name, response := range echoes {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				server := fs.Start(t, fs.Always(response), nil)
				for _, op := range operations {
					var log bytes.Buffer
					client, err := api.New(creds, api.WithBaseURL(server.URL()), api.WithMaxAttempts(1), api.WithMaxResponseBytes(1<<20),
						api.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
					if err != nil {
						t.Fatal(err)
					}
					ctx, cancel := context.WithCancel(t.Context())
					if strings.HasPrefix(name, "429") { // an inventory would wait for minutes
						ctx, cancel = context.WithTimeout(t.Context(), time.Second)
					}
					got, err := op.call(ctx, client, cert.AccountID, cert.ID)
					cancel()
					client.CloseIdleConnections()
					canary.Check(t, op.name, got)
					canary.Check(t, op.name+": error", err)
					canary.Check(t, op.name+": result", api.AuditResult{Certificate: cert, Err: err})
					canary.CheckPrints(t, op.name+": log", log.String())
					canary.CheckPrints(t, "client", client)
				}
				canary.CheckPrints(t, "credentials", creds)
				if !slices.ContainsFunc(server.Credentials(), func(s string) bool { return len(canary.Secrets(s)) > 0 }) {
					t.Error("the server got no credentials to echo")
				}
			})
		}
	}
}

// A client can be printed while its connections are in use, as a careless log does:
// there is no data race, and no password of a proxy is shown.
func TestAClientInUseCanBePrinted(t *testing.T) {
	t.Parallel()
	server := fs.Start(t, fs.Always(fs.OK()), nil)
	proxy := &url.URL{Scheme: "http", Host: server.Addr(), User: url.UserPassword("user", canary.Key)}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	client := newClient(t, server, api.WithHTTPClient(&http.Client{Transport: transport}))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 20 {
				if _, err := client.Associations(t.Context(), cert); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		canary.CheckPrints(t, "client", client)
	}
	group.Wait()
	canary.CheckPrints(t, "copy", *client)
}

// The table has an error from a call for each sentinel of package api.
func TestErrorsOfAllKindsHoldNoCredentials(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("stopped by the owner of " + canary.Token))
	for want, err := range map[error]error{
		api.ErrUnauthorized:       failing(t, fs.Failure(401, 10000)),
		api.ErrForbidden:          failing(t, fs.Failure(403, 10000)),
		api.ErrNotFound:           failing(t, fs.Failure(404, 7003)),
		api.ErrRateLimited:        failing(t, fs.Failure(429, 971)),
		api.ErrServer:             failing(t, fs.Failure(503, 1)),
		api.ErrRejected:           failing(t, fs.Failure(400, 1)),
		api.ErrRedirect:           failing(t, fs.Complete(308, "", "Location: /"+fs.Echo)),
		api.ErrUnexpectedResponse: failing(t, fs.HTML(200)),
		api.ErrNoResult:           failing(t, fs.JSON(200, `{"success":true,"messages":[{"code":1,"message":"`+fs.Echo+`"}]}`)),
		api.ErrTruncated:          failing(t, fs.JSON(200, `{"success":true,"messages":[{"code":1,"message":"`+fs.Echo+`"}],"result":[],"result_info":{"total_count":9}}`)),
		api.ErrResponseTooLarge:   failing(t, fs.JSON(200, strings.Repeat(fs.Echo, 1<<15))),
		api.ErrInvalidArgument:    secondOf(api.New(api.APIToken(canary.Token+"\n"), api.WithBaseURL("https://u:"+canary.Key+"@h"), api.WithUserAgent(canary.Email+"\x00"))),
		api.ErrUnreachable:        failing(t, fs.Cut(fs.Echo)),
		api.ErrNotAsked:           secondOf(newClient(t, fs.Start(t, fs.Always(fs.OK()), nil)).Associations(ended, cert)),
		api.ErrInUse:              failingDeletion(t, "custom", fs.JSON(200, `{"success":true,"result":[{"service":"`+fs.Echo+`"}]}`)),
		api.ErrUsageUnknown:       failingDeletion(t, "custom", fs.Failure(500, 1)),
		api.ErrManaged:            failingDeletion(t, fs.Echo, fs.OK()),
		api.ErrMismatch:           failingDeletion(t, "custom", fs.OK(), api.IfSHA256([32]byte{})),
		api.ErrOutcomeUnknown:     failingDeletion(t, "custom", fs.JSON(200, `{"success":true,"result":[]}`)),
	} {
		var failure *api.Error
		if !errors.Is(err, want) || !errors.As(err, &failure) {
			t.Errorf("got %v, want %v", err, want)
			continue
		}
		name := want.Error()
		canary.CheckPrints(t, name, *failure)
		canary.Check(t, name, err)
		canary.Check(t, name+", wrapped", fmt.Errorf("wrapped: %w", err))
	}
}

func secondOf[T any](_ T, err error) error { return err }

// failing returns the error of an iteration over the server's responses.
func failing(t *testing.T, response fs.Handler) error {
	t.Helper()
	client := newClient(t, fs.Start(t, fs.Always(response), nil), api.WithMaxResponseBytes(1<<20))
	for _, err := range client.AllAssociations(t.Context(), cert) {
		if err != nil {
			return err
		}
	}
	t.Errorf("no error")
	return nil
}

// failingDeletion returns the error of the deletion of a certificate with this type. If
// the client sends the deletion, the server cuts off the response.
func failingDeletion(t *testing.T, certificateType string, associations fs.Handler, opts ...api.DeleteOption) error {
	t.Helper()
	certificate := fs.JSON(200, `{"success":true,"result":{"id":"`+cert.ID+`","ca":false,"certificates":"`+fs.Echo+`","type":"`+certificateType+`"}}`)
	gateway := fs.JSON(200, `{"success":true,"result":{"settings":{}}}`)
	server := fs.Start(t, fs.Always(func(x *fs.Exchange) bool {
		switch path := x.Request.URL.Path; {
		case x.Request.Method == http.MethodDelete:
			return fs.Cut(fs.Echo)(x)
		case strings.HasSuffix(path, cert.ID):
			return certificate(x)
		case strings.HasSuffix(path, "/associations"):
			return associations(x)
		case strings.Contains(path, "/gateway/"):
			return gateway(x)
		default:
			return fs.JSON(200, `{"success":true,"result":[]}`)(x)
		}
	}), nil)
	_, err := newClient(t, server).DeleteUnused(t.Context(), cert, append(opts, api.WithDeleteTimeout(time.Second))...)
	return err
}

// The error of a transport may show the headers of its request.
func TestATransportThatShowsRequestsIsRedacted(t *testing.T) {
	t.Parallel()
	careless := roundTrip(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("cannot send %v", r.Header)
	})
	for kind, creds := range allCredentials {
		client, err := api.New(creds, api.WithHTTPClient(&http.Client{Transport: careless, Timeout: time.Second}), api.WithMaxAttempts(1))
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Associations(t.Context(), cert)
		if !errors.Is(err, api.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
		canary.Check(t, kind, err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
