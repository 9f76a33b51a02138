package load

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	acct "github.com/certuse/cloudflare-mtls/tests/internal/account"
)

// fault is a fault in the responses for one place.
type fault struct {
	place acct.Read // Target is a prefix, and Page 0 any page
	kind  string
	once  bool
	// node selects a value of a malformed response, and change how it becomes invalid.
	node, change int
}

// respond maps the kind of a fault to the function that responds with it. body is the
// decoded body of the response without the fault.
var respond = map[string]func(f fault, r *http.Request, body acct.Object) (*http.Response, error){
	"400": status(400), "401": status(401), "403": status(403), "404": status(404), "429": status(429), "500": status(500), "503": status(503),
	"301":      status(301),
	"HTML 200": page(200), "HTML 403": page(403),
	"empty":     text(""),
	"two roots": text(`{"success":true,"errors":[],"messages":[],"result":[]}{}`),
	"two names": text(`{"success":true,"result":{},"errors":[],"messages":[],"result":[]}`),
	"reset":     func(fault, *http.Request, acct.Object) (*http.Response, error) { return nil, errors.New("reset") },
	"cut off": func(_ fault, r *http.Request, body acct.Object) (*http.Response, error) {
		resp := acct.Response(r, 200, body)
		resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, resp.ContentLength/2), broken{}))
		return resp, nil
	},
	"hangs": func(_ fault, r *http.Request, _ acct.Object) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	},
	"slow": func(_ fault, r *http.Request, body acct.Object) (*http.Response, error) {
		select {
		case <-time.After(10 * time.Second):
			return acct.Response(r, 200, body), nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	},
	"206":           less(func(resp *http.Response, _ acct.Object) { resp.StatusCode = 206 }),
	"old":           less(func(resp *http.Response, _ acct.Object) { resp.Header.Set("Age", "7") }),
	"revalidated":   less(func(resp *http.Response, _ acct.Object) { resp.Header.Set("Warning", `111 cache "failed"`) }),
	"linked":        less(func(resp *http.Response, _ acct.Object) { resp.Header.Set("Link", `</x?page=2>; rel="next"`) }),
	"success false": less(func(_ *http.Response, body acct.Object) { body["success"] = false }),
	"errors":        less(func(_ *http.Response, body acct.Object) { body["errors"] = []any{acct.Object{"code": 1}} }),
	"cursor":        less(func(_ *http.Response, body acct.Object) { body["cursors"] = acct.Object{"after": "x"} }),
	"counted": less(func(_ *http.Response, body acct.Object) {
		body["result_info"] = acct.Object{"count": 1} // which the empty result contradicts
	}),
	"another page": less(func(_ *http.Response, body acct.Object) {
		body["result_info"] = acct.Object{"page": 9, "total_pages": 9}
	}),
	"no numbers": func(_ fault, r *http.Request, body acct.Object) (*http.Response, error) {
		// A first page of a size below 10 keeps its numbers: without them, the client takes
		// the page for the whole list, because the API has no default size below 10.
		if info, ok := body["result_info"].(acct.Object); ok && (info["page"] != 1 || info["per_page"].(int) >= 10) {
			delete(body, "result_info")
		}
		return acct.Response(r, 200, body), nil
	},
	"no totals": func(_ fault, r *http.Request, body acct.Object) (*http.Response, error) {
		if info, ok := body["result_info"].(acct.Object); ok && info["page"] != 1 {
			body["result_info"] = acct.Object{"page": info["page"]}
		}
		return acct.Response(r, 200, body), nil
	},
	"shrunk": same, "namesakes": same, // see drawFaults
	"malformed": func(f fault, r *http.Request, body acct.Object) (*http.Response, error) {
		nodes := nodesOf(body, "", f.place.Source)
		nodes[f.node%len(nodes)].change(f.change)
		return acct.Response(r, 200, body), nil
	},
}

func same(_ fault, r *http.Request, body acct.Object) (*http.Response, error) {
	return acct.Response(r, 200, body), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func status(code int) func(fault, *http.Request, acct.Object) (*http.Response, error) {
	return func(_ fault, r *http.Request, body acct.Object) (*http.Response, error) {
		if code >= 400 {
			body = acct.Object{"success": false, "errors": []any{acct.Object{"code": 10000, "message": "no"}}}
		}
		resp := acct.Response(r, code, body)
		resp.Header.Set("Retry-After", "60")
		return resp, nil
	}
}

func page(code int) func(fault, *http.Request, acct.Object) (*http.Response, error) {
	return func(_ fault, r *http.Request, _ acct.Object) (*http.Response, error) {
		resp := acct.Response(r, code, "<html>")
		resp.Header.Set("Content-Type", "text/html")
		return resp, nil
	}
}

func text(body string) func(fault, *http.Request, acct.Object) (*http.Response, error) {
	return func(_ fault, r *http.Request, _ acct.Object) (*http.Response, error) {
		resp := acct.Response(r, 200, nil)
		resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		return resp, nil
	}
}

// less returns a fault that removes from a response everything that refers to
// certificates. change marks the response, so that it must not count as complete.
func less(change func(*http.Response, acct.Object)) func(fault, *http.Request, acct.Object) (*http.Response, error) {
	return func(_ fault, r *http.Request, body acct.Object) (*http.Response, error) {
		switch result := body["result"].(type) {
		case []any:
			body["result"] = []any{}
		case acct.Object:
			for name := range result {
				result[name] = map[string]any{"hostnames": []any{}, "bindings": []any{}, "settings": acct.Object{}}[name]
			}
		}
		delete(body, "result_info")
		resp := new(http.Response)
		*resp = *acct.Response(r, 200, nil)
		change(resp, body)
		marked := acct.Response(r, resp.StatusCode, body)
		marked.Header = resp.Header
		return marked, nil
	}
}

// none are the members that mean "no certificate" when they are absent or null, as
// documented in api/source_*.go, and result_info: a list without it has no further
// pages.
var none = map[string]bool{
	"pages /result/*/deployment_configs/production": true, "pages /result/*/deployment_configs/production/mtls_certificates": true,
	"pages /result/*/deployment_configs/preview": true, "pages /result/*/deployment_configs/preview/mtls_certificates": true,
	"hyperdrive /result/*/mtls": true, "hyperdrive /result/*/mtls/ca_certificate_id": true, "hyperdrive /result/*/mtls/mtls_certificate_id": true,
	"gateway /result/settings/certificate": true, "gateway /result/settings/certificate/id": true,
	"gateway /result/settings/custom_certificate": true, "gateway /result/settings/custom_certificate/id": true,
	"pages /result_info": true, "hostnames /result_info": true, " /result_info": true,
}

// node is a value in a response.
type node struct {
	value  any
	set    func(any)
	remove func() // nil for an item of a list or a map
	none   bool
}

// change makes the node invalid: of another kind, null or absent.
func (n node) change(how int) {
	values := []any{"x", 7, true, []any{}, []any{"x"}, acct.Object{}, acct.Object{"x": 1}}
	values = slices.DeleteFunc(values, func(v any) bool { return fmt.Sprintf("%T", v) == fmt.Sprintf("%T", n.value) })
	switch absent := how % 4; {
	case absent == 0 && !n.none && n.remove != nil:
		n.remove()
	case absent == 1 && !n.none:
		n.set(nil)
	default:
		n.set(values[how%len(values)])
	}
}

// nodesOf returns all values below v. path is the path of v.
func nodesOf(v any, path string, source api.Source) (out []node) {
	switch v := v.(type) {
	case acct.Object:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at, several := path+"/"+name, strings.HasSuffix(path, "/mtls_certificates")
			n := node{value: v[name], set: func(x any) { v[name] = x }, none: none[string(source)+" "+at]}
			if n.remove = func() { delete(v, name) }; several {
				at, n.remove = path+"/*", nil
			}
			out = append(append(out, n), nodesOf(v[name], at, source)...)
		}
	case []any:
		for i := range v {
			out = append(append(out, node{value: v[i], set: func(x any) { v[i] = x }}), nodesOf(v[i], path+"/*", source)...)
		}
	}
	return out
}

// faulty is an account that responds with faults.
type faulty struct {
	*acct.Account
	faults []fault

	mu   sync.Mutex
	seen []int // how often each fault was met
}

func (a *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	q, body := a.Respond(r)
	if body == nil {
		return nil, fmt.Errorf("%s is not part of the model", r.URL)
	}
	for i, f := range a.faults {
		if f.place.Source != q.Source || f.place.List != q.List || !strings.HasPrefix(q.Target, f.place.Target) || f.place.Page != 0 && f.place.Page != q.Page {
			continue
		}
		a.mu.Lock()
		a.seen[i]++
		again := a.seen[i] > 1
		a.mu.Unlock()
		if f.once && again {
			break
		}
		return respond[f.kind](f, r, body)
	}
	return acct.Response(r, http.StatusOK, body), nil
}

// uses returns 1 if a value in a place refers to a certificate, and 0 otherwise.
func uses(a *acct.Account, place acct.Read) int {
	referrers := map[api.Source][]acct.Referrer{
		api.SourceWorkers: a.Workers, api.SourcePages: a.Pages, api.SourceHyperdrive: a.Hyperdrive, api.SourcePosture: a.Posture,
		api.SourceGateway: {{Certificates: a.Gateway}},
	}[place.Source]
	for _, r := range referrers {
		if len(r.Certificates) > 0 && (place.Target == "" || place.Target == r.Name) {
			return 1
		}
	}
	for at := range a.Hostnames {
		if place.Source == api.SourceHostnames && place.Target != "" && strings.HasPrefix(at, place.Target) {
			return 1
		}
	}
	return min(1, len(a.Services[place.Target]))
}

// drawFaults draws up to three faults in different places. The kinds shrunk and
// namesakes change the account.
func drawFaults(rng *rand.Rand, a *acct.Account) (out []fault) {
	places := []acct.Read{
		{}, {Source: api.SourceHostnames, List: true}, {Source: api.SourceWorkers, List: true},
		{Source: api.SourcePages}, {Source: api.SourceHyperdrive}, {Source: api.SourceGateway}, {Source: api.SourcePosture},
	}
	for _, c := range a.Certificates {
		places = append(places, acct.Read{Source: api.SourceAssociations, Target: c.ID})
	}
	for _, zone := range a.Zones {
		places = append(places, acct.Read{Source: api.SourceHostnames, Target: zone})
		c := a.Certificates[rng.IntN(len(a.Certificates))]
		places = append(places, acct.Read{Source: api.SourceHostnames, Target: zone + " " + c.ID})
	}
	for _, w := range a.Workers {
		places = append(places, acct.Read{Source: api.SourceWorkers, Target: w.Name})
	}
	kinds := slices.Sorted(maps.Keys(respond))
	rng.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	if rng.IntN(2) == 0 { // prefer places that refer to certificates
		slices.SortStableFunc(places, func(x, y acct.Read) int { return cmp.Compare(uses(a, y), uses(a, x)) })
	}
	for _, place := range places[:rng.IntN(4)] {
		f := fault{place: place, kind: "malformed", once: rng.IntN(8) == 0, node: rng.IntN(1000), change: rng.IntN(1000)}
		if rng.IntN(2) == 0 {
			f.kind = kinds[rng.IntN(len(kinds))]
		}
		if paged := place.Target == "" && (place.List && place.Source == api.SourceHostnames || place.Source == api.SourcePages || place.Source == ""); paged && rng.IntN(3) == 0 {
			f.kind = []string{"no numbers", "no totals", "shrunk", "namesakes"}[rng.IntN(4)]
		}
		switch {
		case f.kind == "shrunk":
			a.Shrinking = map[api.Source]bool{place.Source: place.Source != api.SourceHostnames || place.List}
		case f.kind == "namesakes" && place.Source == api.SourcePages:
			for i := range a.Pages {
				a.Pages[i].Name = "project"
			}
		}
		out = append(out, f)
	}
	return out
}
