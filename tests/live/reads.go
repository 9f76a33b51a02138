package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/tests/internal/contractdoc"
)

// idParameters maps a list to the parameter that takes the id of its first item.
var idParameters = map[string]string{"listZones": "zone_id", "listWorkers": "script_name"}

// Limits of a read. The contract check reports a longer body as unchecked.
const (
	timeout  = time.Minute
	maxBytes = 64 << 20
)

// reader calls operations of the contract without the client.
type reader struct {
	target
	transport http.RoundTripper
	values    map[string]string // of parameters, by name
}

// reads returns a probe for each read operation of the contract. The lists that provide
// ids come first.
func reads(t target, transport http.RoundTripper) (report, error) {
	doc, err := contractdoc.Contract()
	if err != nil {
		return nil, err
	}
	operations := contractdoc.OperationsOf(doc)
	t.baseURL = cmp.Or(t.baseURL, doc.Servers[0].URL)
	r := &reader{t, transport, map[string]string{
		"account_id": t.certificate.AccountID, "account.id": t.certificate.AccountID, "mtls_certificate_id": t.certificate.ID,
	}}
	ids := slices.SortedFunc(maps.Keys(operations), func(a, b string) int {
		return cmp.Or(strings.Compare(idParameters[b], idParameters[a]), strings.Compare(a, b))
	})
	var all report
	for _, id := range ids {
		if op := operations[id]; op.Method == http.MethodGet {
			all = append(all, &probe{name: id, want: answered, call: func(ctx context.Context, p *probe) { r.read(ctx, p, op) }})
		}
	}
	return all, nil
}

// read gets the first page of an operation's result.
func (r *reader) read(ctx context.Context, p *probe, op contractdoc.Operation) {
	path, query := op.Path, url.Values{}
	for _, parameter := range op.Parameters {
		name := parameter.Value.Name
		value, known := r.values[name]
		switch {
		case parameter.Value.In == "query" && known:
			query.Set(name, value)
		case parameter.Value.In == "path" && !known:
			p.skipped, p.outcome = true, "no "+name+": its list is empty or was not read"
			return
		}
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, op.Method, r.baseURL+path, nil)
	if err != nil {
		p.err, p.outcome = err, err.Error()
		return
	}
	req.URL.RawQuery = query.Encode()
	maps.Copy(req.Header, r.header)
	var body []byte
	resp, err := r.transport.RoundTrip(req)
	if err == nil {
		p.status = resp.StatusCode
		body, err = io.ReadAll(io.LimitReader(resp.Body, maxBytes))
		_ = resp.Body.Close()
	}
	switch {
	case err != nil:
		p.status, p.err, p.outcome = 0, err, err.Error()
	case p.status/100 != 2:
		p.outcome = "HTTP " + resp.Status
		p.err = fmt.Errorf("status %d", p.status)
	default:
		p.outcome = fmt.Sprintf("HTTP %s, %d bytes", resp.Status, len(body))
		r.learn(op.OperationID, body)
	}
}

// learn keeps the id of a list's first item for the operations that need it.
func (r *reader) learn(operation string, body []byte) {
	var list struct {
		Result []struct{ ID string }
	}
	parameter := idParameters[operation]
	if parameter != "" && json.Unmarshal(body, &list) == nil && len(list.Result) > 0 {
		r.values[parameter] = list.Result[0].ID
	}
}
