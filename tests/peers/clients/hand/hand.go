// Package hand is the floor of the comparison: the call as a careful Go
// programmer writes it for one program, with net/http and encoding/json.
package hand

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

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

type envelope struct {
	Success  bool          `json:"success"`
	Errors   []notice      `json:"errors"`
	Messages []notice      `json:"messages"`
	Result   []association `json:"result"`
}

type client struct {
	base, token string
	http        *http.Client
}

// New is a [face.New]. Its own transport has connections enough for many callers.
// Only the caller's context bounds the time, which costs nothing.
func New(baseURL, token string, transport http.RoundTripper) (face.Call, error) {
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = t.MaxIdleConns
		transport = t
	}
	c := &client{base: baseURL, token: token, http: &http.Client{Transport: transport}}
	return func(ctx context.Context, account, id string) (int, error) {
		associations, err := c.list(ctx, account, id)
		return len(associations), err
	}, nil
}

func (c *client) list(ctx context.Context, account, id string) ([]association, error) {
	target := c.base + "/accounts/" + url.PathEscape(account) + "/mtls_certificates/" + url.PathEscape(id) + "/associations"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var body envelope
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return nil, fmt.Errorf("%s: %w", resp.Status, err)
	}
	if resp.StatusCode != http.StatusOK || !body.Success {
		return nil, fmt.Errorf("%s: %v", resp.Status, body.Errors)
	}
	return body.Result, nil
}
