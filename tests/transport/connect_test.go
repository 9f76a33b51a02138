package transport

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
)

// An error names the proxy that refuses the connection, and the status of its response.
// Only a status that means an unreachable server is retried.
func TestARefusedConnectNamesTheProxy(t *testing.T) {
	t.Parallel()
	for status, attempts := range map[int]int{302: 1, 401: 1, 403: 1, 407: 1, 502: 2, 503: 2} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = http.ReadRequest(bufio.NewReader(conn))
					_, _ = io.WriteString(conn, "HTTP/1.1 "+strconv.Itoa(status)+" "+http.StatusText(status)+"\r\nContent-Length: 0\r\n\r\n")
					_ = conn.Close()
				}
			}()
			address := &url.URL{Scheme: "http", User: url.UserPassword("user", canary.Token), Host: listener.Addr().String()}
			client, err := api.New(api.APIToken(canary.Token), api.WithMaxAttempts(2), api.WithBaseURL("https://"+apiHost+"/client/v4"),
				api.WithHTTPClient(&http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(address)}}))
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Associations(t.Context(), cert)
			failure := new(api.Error)
			want := "the proxy " + listener.Addr().String() + " refused the connection: HTTP " + strconv.Itoa(status)
			if !errors.As(err, &failure) || !errors.Is(err, api.ErrUnreachable) || failure.Attempts != attempts || !strings.Contains(err.Error(), want) {
				t.Errorf("%d attempts: %v", failure.Attempts, err)
			}
			canary.Check(t, "error", err)
		})
	}
}
