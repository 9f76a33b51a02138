// Package hand is the baseline of the comparison: the call as a careful Go programmer
// writes it for one program, with net/http and encoding/json.
package hand

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/certuse/cloudflare-mtls/tests/peers/face"
)

type association struct {
	Service string `json:"service"`
	Status  string `json:"status"`
}

type notice struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

type certificate struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Type         string    `json:"type"`
	CA           *bool     `json:"ca"`
	Issuer       string    `json:"issuer"`
	SerialNumber string    `json:"serial_number"`
	Signature    string    `json:"signature"`
	Certificates string    `json:"certificates"`
	UploadedOn   time.Time `json:"uploaded_on"`
	ExpiresOn    time.Time `json:"expires_on"`
}

type envelope[T any] struct {
	Success  bool     `json:"success"`
	Errors   []notice `json:"errors"`
	Messages []notice `json:"messages"`
	Result   T        `json:"result"`
}

type client struct {
	base, token string
	http        *http.Client
}

// New is a [face.New]. The transport that it creates for a nil one has enough
// connections for many callers. Only the caller's context limits the time.
func New(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	c := newClient(baseURL, token, transport)
	return func(ctx context.Context, account, id string) (int, error) {
		associations, err := list[association](ctx, c, "/accounts/"+url.PathEscape(account)+"/mtls_certificates/"+url.PathEscape(id)+"/associations")
		return len(associations), err
	}, nil
}

// Page is a [face.New] for a page of certificates.
func Page(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	c := newClient(baseURL, token, transport)
	return func(ctx context.Context, account, _ string) (int, error) {
		certificates, err := list[certificate](ctx, c, "/accounts/"+url.PathEscape(account)+"/mtls_certificates")
		return len(certificates), err
	}, nil
}

func newClient(baseURL, token string, transport http.RoundTripper) *client {
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = t.MaxIdleConns
		transport = t
	}
	return &client{base: baseURL, token: token, http: &http.Client{Transport: transport}}
}

func list[T any](ctx context.Context, c *client, path string) ([]T, error) {
	return get[[]T](ctx, c, path)
}

func get[T any](ctx context.Context, c *client, path string) (result T, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return result, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return result, err
	}
	defer func() { _ = resp.Body.Close() }()
	var body envelope[T]
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return result, fmt.Errorf("%s: %w", resp.Status, err)
	}
	if resp.StatusCode != http.StatusOK || !body.Success {
		return result, fmt.Errorf("%s: %v", resp.Status, body.Errors)
	}
	return body.Result, nil
}
